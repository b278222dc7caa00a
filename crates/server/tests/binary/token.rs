//! `token inspect`, `token verify`

use serde_json::Value;

use super::common::*;

/// RFC 8037 appendix A: a key and what it signed, with the `kid` that we insist on left out.
const RFC_8037_KEY: &str =
    r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
const RFC_8037_TOKEN: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

fn lines(ran: &Ran) -> Vec<Value> {
    ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A running server's folder, its keys as it publishes them, and an access token of alice's.
fn served() -> (Place, Server, String) {
    let place = Place::new();
    let server = place.dev(&[]);
    server.signup("alice");
    let token = server.login("alice", "jwt");
    place.write("jwks.json", &server.get("/.well-known/jwks.json", &[]).text);
    (place, server, token)
}

#[test]
fn tokens_are_proved_by_the_published_keys_and_by_those_of_the_configuration() {
    let (place, server, token) = served();
    let issuer = server.url();
    let good = ["token", "verify", "--jwks", "jwks.json", "--issuer", &issuer, "--audience", "cloakroom"];
    let ran = place.run_with_stdin(&good, &format!("{token}\n{token}\r\n{token}"));
    assert_eq!((ran.code, lines(&ran).len()), (0, 3), "{ran:?}");
    assert_eq!(lines(&ran)[0]["header"]["typ"], "at+jwt");
    assert_eq!(lines(&ran)[0]["claims"]["iss"], issuer);
    let own = place.run_with_stdin(&["token", "verify", "--dev", "--issuer", &issuer], &token);
    assert_eq!(own.code, 0, "{own:?}");
}

#[test]
fn each_line_that_is_not_valid_says_why_and_the_code_is_1() {
    let (place, server, token) = served();
    let issuer = server.url();
    let command = ["token", "verify", "--jwks", "jwks.json", "--issuer", &issuer, "--audience", "cloakroom"];
    let long = "x".repeat(100_000);
    let ran = place.run_with_stdin(&command, &format!("{token}\n {token}\n\n{long}\n{token}x\nh\u{e9}\n"));
    let valid: Vec<_> = lines(&ran).iter().map(|line| line["valid"].as_bool().unwrap()).collect();
    assert_eq!(valid, [true, false, false, false, false, false]);
    assert!(lines(&ran)[1]["reason"].is_string());
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("5 of 6 not valid"), "{ran:?}");
    let elsewhere =
        ["token", "verify", "--jwks", "jwks.json", "--issuer", "https://other", "--audience", "cloakroom"];
    let ran = place.run_with_stdin(&elsewhere, &token);
    assert_eq!(lines(&ran)[0]["reason"], "wrong issuer");
    place.run_with_stdin(&command, "").fails(2, "no token");
}

#[test]
fn raw_judges_the_signature_alone() {
    let (place, _server, token) = served();
    let ran = place.run_with_stdin(&["token", "verify", "--jwks", "jwks.json", "--raw"], &token);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(lines(&ran)[0]["payload_b64u"], token.split('.').nth(1).unwrap());
    place.write("rfc8037.json", RFC_8037_KEY);
    let ran = place.run_with_stdin(&["token", "verify", "--jwks", "rfc8037.json", "--raw"], RFC_8037_TOKEN);
    assert_eq!(lines(&ran)[0]["reason"], "unacceptable header", "no kid, no key");
    place.write("broken.json", "{}");
    place
        .run_with_stdin(&["token", "verify", "--jwks", "broken.json", "--raw"], &token)
        .fails(4, "not a JWK Set");
}

#[test]
fn inspect_shows_and_says_that_nothing_is_proved() {
    let (place, server, token) = served();
    let session = server.login("alice", "session");
    let ran = place.run_with_stdin(&["token", "inspect"], &format!("{token}\n{session}\ngarbage\n"));
    let shown = lines(&ran);
    assert_eq!(ran.code, 0);
    assert!(shown.iter().all(|line| line["proved"] == false), "{shown:?}");
    let kinds: Vec<_> = shown.iter().map(|line| line["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["jws", "session", "unknown"]);
    assert!(shown[0]["expires_at"].as_str().unwrap().starts_with("20"));
    assert!(!ran.stdout.contains(&session), "what it shows is not a credential");
}
