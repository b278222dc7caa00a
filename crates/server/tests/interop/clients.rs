//! Strict OAuth clients are told the issuer, and find, ask and revoke on their own.

use serde_json::json;

use super::common::*;
use super::scripts::Script;

const STRATEGIES: [&str; 3] = ["session", "jwt", "hybrid"];

#[test]
fn strict_clients_discover_introspect_and_revoke() {
    let Some(script) = Script::node() else { return };
    let place = Place::new();
    let server = place.dev(&[]);
    server.signup("alice");
    let create = ["service-key", "create", "shop", "--scope", "introspect,revoke", "--dev"];
    let service_key = place.run(&create).stdout.trim_end().to_owned();
    let clients = ["oauth4webapi", "openid-client"];
    // A client revokes what it was given, so each has logins of its own.
    let tokens = clients.map(|_| STRATEGIES.map(|strategy| server.login("alice", strategy)));
    assert!(tokens.iter().flatten().all(|token| server.me(token) == 200));
    let answer = script.ask(&json!({
        "verb": "clients", "issuer": server.url(), "service_key": service_key,
        "tokens": {clients[0]: tokens[0], clients[1]: tokens[1]},
    }));
    for (client, tokens) in clients.iter().zip(&tokens) {
        let seen = &answer[client];
        assert_eq!(
            seen["server"],
            server.get("/.well-known/oauth-authorization-server", &[]).body,
            "{client}"
        );
        assert_eq!(seen["steps"].as_array().unwrap().len(), STRATEGIES.len());
        for ((step, strategy), token) in seen["steps"].as_array().unwrap().iter().zip(STRATEGIES).zip(tokens)
        {
            let before = &step["before"];
            assert_eq!(
                (&before["active"], &before["strategy"]),
                (&json!(true), &json!(strategy)),
                "{client}"
            );
            assert_eq!(
                (&before["iss"], &before["username"]),
                (&json!(server.url()), &json!("alice@example.com"))
            );
            assert_eq!(step["after"], json!({"active": false}), "{client} {strategy}");
            assert_eq!(server.me(token), 401, "{client} {strategy}");
        }
        // A key that is no good is told so in a challenge that the client can read (RFC 6750 section 3).
        let challenge = &seen["refused"]["challenges"][0];
        assert_eq!(seen["refused"]["status"], 401, "{client}: {seen}");
        assert_eq!(challenge["scheme"], "bearer");
        assert_eq!(challenge["parameters"], json!({"realm": "cloakroom", "error": "invalid_token"}));
    }
}
