//! What ends at the server ends at the verifier.

use serde_json::json;

use super::*;

const STRATEGIES: [&str; 3] = ["session", "jwt", "hybrid"];

fn logged_in(deployment: &Deployment) -> [String; 3] {
    let tokens = STRATEGIES.map(|strategy| deployment.server.login("alice", strategy));
    for (strategy, token) in STRATEGIES.iter().zip(&tokens) {
        let principal = deployment.accepted(token);
        assert_eq!(
            (principal.strategy.as_str(), principal.email.as_deref()),
            (*strategy, Some("alice@example.com"))
        );
    }
    tokens
}

fn post(deployment: &Deployment, path: &str, token: &str, body: &serde_json::Value) -> Reply {
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", &*authorization), ("content-type", "application/json")];
    request(deployment.server.listen, "POST", path, &headers, &body.to_string()).unwrap()
}

#[test]
fn a_logout_bites_and_touches_nobody_else() {
    let deployment = Deployment::start();
    for strategy in STRATEGIES {
        let [mine, other] = [strategy, strategy].map(|strategy| deployment.server.login("alice", strategy));
        deployment.accepted(&mine);
        deployment.accepted(&other);
        assert_eq!(post(&deployment, "/v1/logout", &mine, &json!({})).status, 204);
        deployment.refused(strategy, &mine, now());
        deployment.accepted(&other);
    }
}

#[test]
fn everything_of_a_user_ends_by_one_event() {
    let deployment = Deployment::start();
    deployment.server.signup("bob");
    let bob = deployment.server.login("bob", "session");
    for command in [&["revoke", "user", "alice@example.com"][..], &["user", "disable", "alice@example.com"]] {
        let tokens = logged_in(&deployment);
        let before = deployment.verifier.revocations().len();
        deployment.run(command);
        let committed = now();
        for (strategy, token) in STRATEGIES.iter().zip(&tokens) {
            deployment.refused(&format!("{command:?} {strategy}"), token, committed);
        }
        assert!(deployment.verifier.revocations().len() <= before + 1);
        deployment.accepted(&bob);
    }
}

#[test]
fn everything_ends_and_a_new_login_is_not_dead_at_birth() {
    let deployment = Deployment::start();
    let tokens = logged_in(&deployment);
    deployment.run(&["revoke", "everything", "--yes"]);
    let committed = now();
    for (strategy, token) in STRATEGIES.iter().zip(&tokens) {
        deployment.refused(strategy, token, committed);
    }
    logged_in(&deployment);
}

#[test]
fn a_changed_role_reaches_a_session_and_ends_access_tokens() {
    let deployment = Deployment::start();
    let [session, jwt, hybrid] = logged_in(&deployment);
    deployment.run(&["user", "set-role", "alice@example.com", "admin"]);
    let committed = now();
    deployment.refused("jwt", &jwt, committed);
    deployment.refused("hybrid", &hybrid, committed);
    assert!(deployment.accepted(&session).roles.contains("admin"));
}

#[test]
fn a_revoked_signing_key_ends_what_it_signed_and_no_session() {
    let deployment = Deployment::start();
    let [session, jwt, hybrid] = logged_in(&deployment);
    let (header, _) = cloakroom_verify::jws::look(&jwt).unwrap();
    let header: serde_json::Value = serde_json::from_slice(&header).unwrap();
    deployment.run(&["revoke", "key", header["kid"].as_str().unwrap()]);
    let committed = now();
    deployment.refused("jwt", &jwt, committed);
    deployment.refused("hybrid", &hybrid, committed);
    deployment.accepted(&session);
    // The next key was never seen here: its first token makes the verifier ask for it.
    let login =
        json!({"email": "alice@example.com", "password": PASSWORD, "strategy": "jwt", "transport": "body"});
    let mut token = None;
    until("the next key signs", || {
        token = deployment.server.post("/v1/login", &login).body["access_token"].as_str().map(String::from);
        token.is_some()
    });
    until("the next key is known", || deployment.check(token.as_deref().unwrap()).is_ok());
}

#[test]
fn an_exchange_ends_the_old_token_and_the_new_one_is_good_at_once() {
    let deployment = Deployment::start();
    let session = deployment.server.login("alice", "session");
    deployment.accepted(&session);
    let body = json!({"strategy": "hybrid", "transport": "body"});
    let exchanged = post(&deployment, "/v1/exchange", &session, &body);
    assert_eq!(exchanged.status, 200, "{exchanged:?}");
    let committed = now();
    deployment.accepted(exchanged.body["access_token"].as_str().unwrap());
    deployment.refused("session", &session, committed);
}
