//! We verify theirs: by the JWK Set that their library writes.

use cloakroom_verify::clock::{Clock, SystemClock};
use serde_json::{Value, json};

use super::common::*;
use super::scripts::Script;
use super::tokens::{decoded, forged};

const ISSUER: &str = "https://auth.example.com";
const ALGORITHMS: [&str; 6] = ["ES256", "ES384", "EdDSA", "HS256", "PS256", "RS256"];

/// The claims of an access token of ours.
fn access(now: i64) -> Value {
    json!({
        "iss": ISSUER, "aud": ["cloakroom"], "sub": "01890a5d-ac96-774b-bcce-b302099a8057", "iat": now,
        "exp": now + 900, "jti": "01890a5d-ac96-774b-bcce-b302099a8058", "rv": "0000000000000000",
        "client_id": "cloakroom", "auth_time": now, "amr": ["pwd"], "roles": ["editor"],
        "email": "alice@example.com", "name": "Alice",
    })
}

/// The same with what must not matter: other claims, another order, characters beyond ASCII.
fn access_and_more(now: i64) -> Value {
    let mut claims =
        json!({"https://example.com/plan": {"name": "gold", "seats": [1, 2.5, null]}, "nbf": now});
    claims.as_object_mut().unwrap().extend(access(now).as_object().unwrap().clone());
    claims["name"] = "Zo\u{eb} \u{1f511} \"\\/".into();
    claims["sid"] = "01890a5d-ac96-774b-bcce-b302099a8059".into();
    claims
}

struct Judged {
    code: i32,
    verdicts: Vec<Value>,
}

fn judge(place: &Place, more: &[&str], tokens: &[&str]) -> Judged {
    let arguments = [&["token", "verify", "--jwks", "jwks.json"], more].concat();
    let ran = place.run_with_stdin(&arguments, &tokens.join("\n"));
    let verdicts = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    Judged { code: ran.code, verdicts }
}

/// Every library named signs with each of its algorithms, and we take what is right and refuse what is not.
#[track_caller]
fn convince_us(script: &Script, expected: &[(&str, &[&str])]) {
    let now = SystemClock.wall().as_seconds();
    let payloads = [access(now), access_and_more(now), json!({"hello": "world", "iat": now})];
    let answer = script.ask(&json!({"verb": "sign", "tokens": [
        {"typ": "at+jwt", "claims": payloads[0]},
        {"typ": "application/at+jwt", "claims": payloads[1]},
        {"typ": "JWT", "claims": payloads[2]},
    ]}));
    assert_eq!(answer.as_object().unwrap().len(), expected.len());
    let place = Place::new();
    for (library, algorithms) in expected {
        let signed = answer[library].as_object().unwrap();
        let mut offered: Vec<_> = signed.keys().map(String::as_str).collect();
        offered.sort_unstable();
        assert_eq!(offered, *algorithms, "{library}");
        for (algorithm, signed) in signed {
            let of = format!("{library} {algorithm}");
            place.write("jwks.json", &signed["jwks"].to_string());
            let tokens: Vec<_> =
                signed["tokens"].as_array().unwrap().iter().map(|token| token.as_str().unwrap()).collect();
            accepted(&place, &of, algorithm, &tokens, &payloads);
            refused(&place, &of, &tokens);
        }
    }
}

fn accepted(place: &Place, of: &str, algorithm: &str, tokens: &[&str], payloads: &[Value]) {
    let rules = ["--issuer", ISSUER, "--audience", "cloakroom"];
    let whole = judge(place, &rules, &tokens[..2]);
    assert_eq!((whole.code, whole.verdicts.len()), (0, 2), "{of}: {:?}", whole.verdicts);
    for (verdict, claims) in whole.verdicts.iter().zip(payloads) {
        assert_eq!((&verdict["claims"], &verdict["header"]["alg"]), (claims, &json!(algorithm)), "{of}");
    }
    let raw = judge(place, &["--raw"], tokens);
    assert_eq!((raw.code, raw.verdicts.len()), (0, 3), "{of}: {:?}", raw.verdicts);
    for (verdict, claims) in raw.verdicts.iter().zip(payloads) {
        assert_eq!(&decoded(verdict["payload_b64u"].as_str().unwrap()), claims, "{of}");
    }
}

fn refused(place: &Place, of: &str, tokens: &[&str]) {
    let why = |judged: Judged| {
        assert_eq!(judged.code, 1, "{of}: {:?}", judged.verdicts);
        judged
            .verdicts
            .iter()
            .map(|verdict| verdict["reason"].as_str().map(str::to_owned))
            .collect::<Vec<_>>()
    };
    let is = |reasons: &[&str]| reasons.iter().map(|reason| Some((*reason).to_owned())).collect::<Vec<_>>();
    let rules = ["--issuer", ISSUER, "--audience", "cloakroom"];
    let forged = forged(tokens[0]);
    let forged = [forged[0].as_str(), &forged[1]];
    assert_eq!(why(judge(place, &rules, &forged)), is(&["wrong signature", "wrong signature"]), "{of}");
    assert_eq!(why(judge(place, &["--raw"], &forged)), is(&["wrong signature", "wrong signature"]), "{of}");
    // Signed by the right key, and still no access token.
    assert_eq!(why(judge(place, &rules, &tokens[2..])), is(&["unacceptable header"]), "{of}");
    let elsewhere = ["--issuer", ISSUER, "--audience", "shop"];
    assert_eq!(why(judge(place, &elsewhere, &tokens[..1])), is(&["wrong audience"]), "{of}");
}

#[test]
fn tokens_signed_in_node_are_taken_and_forged_ones_refused() {
    let Some(script) = Script::node() else { return };
    let without_eddsa = ["ES256", "ES384", "HS256", "PS256", "RS256"];
    let libraries: [(&str, &[&str]); 3] =
        [("fast-jwt", &ALGORITHMS), ("jose", &ALGORITHMS), ("jsonwebtoken", &without_eddsa)];
    convince_us(script, &libraries);
}

#[test]
fn tokens_signed_in_python_are_taken_and_forged_ones_refused() {
    let Some(script) = Script::python() else { return };
    convince_us(script, &[("joserfc", &ALGORITHMS), ("pyjwt", &ALGORITHMS)]);
}
