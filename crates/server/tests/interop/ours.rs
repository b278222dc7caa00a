//! They verify ours: from the JWKS URL, or by the shared secret.

use serde_json::{Value, json};

use super::common::*;
use super::scripts::Script;
use super::tokens::{claims, forged};

const SECRET: &str = "q7Jp0Zr3vXk1Yb8Wm5Nd2Tf6Hs4Lc9Ga+eUoRi/xKw=";
const PYTHON: [&str; 2] = ["joserfc", "pyjwt"];

fn serve(place: &Place, algorithm: &str) -> Server {
    let algorithm_set = format!("token.algorithm={algorithm}");
    let sets = ["--set", &algorithm_set, "--set", "token.audience=[\"cloakroom\", \"shop\"]"];
    let mut command = place.command(&["dev"]);
    command.args(sets);
    if algorithm == "HS256" {
        command.env("CLOAKROOM__TOKEN__SECRET", SECRET);
    }
    Server::start(command)
}

/// Hands what a server publishes, its tokens and forged ones to the script: every library named takes the one and
/// refuses the other, and no library is silently left out.
#[track_caller]
fn convinces(script: Option<&Script>, algorithm: &str, libraries: &[&str]) {
    let Some(script) = script else { return };
    let place = Place::new();
    let server = serve(&place, algorithm);
    server.signup("alice");
    let good = ["jwt", "hybrid"].map(|strategy| server.login("alice", strategy));
    let bad = forged(&good[0]);
    let metadata = server.get("/.well-known/oauth-authorization-server", &[]).body;
    let answer = script.ask(&json!({
        "verb": "verify", "algorithm": algorithm, "issuer": server.url(), "audience": "shop",
        "jwks_uri": metadata["jwks_uri"], "secret": (algorithm == "HS256").then_some(SECRET),
        "tokens": good.iter().chain(&bad).collect::<Vec<_>>(),
    }));
    let mut asked: Vec<_> = answer.as_object().unwrap().keys().map(String::as_str).collect();
    asked.sort_unstable();
    assert_eq!(asked, libraries);
    for (library, verdicts) in answer.as_object().unwrap() {
        let verdicts = verdicts.as_array().unwrap();
        assert_eq!(verdicts.len(), 4, "{library}");
        for (verdict, token) in verdicts.iter().zip(&good) {
            assert_eq!(verdict, &json!({"claims": claims(token)}), "{library} {algorithm}");
        }
        for verdict in &verdicts[2..] {
            let why = verdict["refused"].as_str().map(str::to_lowercase).unwrap_or_default();
            assert!(why.contains("signature"), "{library} {algorithm} of a forged token: {verdict}");
        }
    }
}

macro_rules! convinces {
    ($($algorithm:literal, $node:ident, $python:ident: $libraries:expr;)*) => {$(
        #[test]
        fn $node() {
            convinces(Script::node(), $algorithm, &$libraries);
        }

        #[test]
        fn $python() {
            convinces(Script::python(), $algorithm, &PYTHON);
        }
    )*};
}

convinces! {
    // jsonwebtoken has no EdDSA; oauth4webapi takes no shared secret.
    "EdDSA", eddsa_convinces_node, eddsa_convinces_python: ["fast-jwt", "jose", "oauth4webapi"];
    "ES256", es256_convinces_node, es256_convinces_python: ["fast-jwt", "jose", "jsonwebtoken", "oauth4webapi"];
    "ES384", es384_convinces_node, es384_convinces_python: ["fast-jwt", "jose", "jsonwebtoken", "oauth4webapi"];
    "RS256", rs256_convinces_node, rs256_convinces_python: ["fast-jwt", "jose", "jsonwebtoken", "oauth4webapi"];
    "PS256", ps256_convinces_node, ps256_convinces_python: ["fast-jwt", "jose", "jsonwebtoken", "oauth4webapi"];
    "HS256", hs256_convinces_node, hs256_convinces_python: ["fast-jwt", "jose", "jsonwebtoken"];
}

#[test]
fn a_forged_token_is_refused_by_us_too() {
    let place = Place::new();
    let server = serve(&place, "EdDSA");
    server.signup("alice");
    let token = server.login("alice", "jwt");
    let statuses = forged(&token).map(|forged| server.me(&forged));
    assert_eq!((server.me(&token), statuses), (200, [401, 401]));
    assert_eq!(claims(&token)["aud"], Value::from(vec!["cloakroom", "shop"]));
}
