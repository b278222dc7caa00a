//! `service-key create|list|revoke`, beside a running server.

use super::common::*;

fn introspect(server: &Server, key: &str, token: &str) -> Reply {
    let headers =
        [("authorization", &*format!("Bearer {key}")), ("content-type", "application/x-www-form-urlencoded")];
    request(server.listen, "POST", "/v1/introspect", &headers, &format!("token={token}")).unwrap()
}

#[test]
fn a_key_is_printed_alone_works_at_once_and_ends_at_once() {
    let place = Place::new();
    let server = place.dev(&[]);
    server.signup("alice");
    let token = server.login("alice", "hybrid");
    let made = place.run(&["service-key", "create", "shop", "--scope", "introspect,revoke", "--dev"]);
    assert_eq!(made.code, 0, "{made:?}");
    let key = made.stdout.trim_end();
    assert!(key.starts_with("cka_") && key.lines().count() == 1, "the key alone");
    assert_eq!(introspect(&server, key, &token).body["active"], true);
    let listed = place.run(&["service-key", "list", "--dev", "--output", "json"]);
    assert_eq!(listed.json()[0]["scopes"], serde_json::json!(["introspect", "revoke"]));
    assert!(!listed.stdout.contains(key) && !listed.stdout.contains(&key[30..]), "never what it is");
    let again = ["service-key", "create", "shop", "--scope", "feed", "--dev"];
    place.run(&again).fails(4, "revoke it first");
    assert_eq!(place.run(&["service-key", "revoke", "shop", "--dev"]).code, 0);
    assert_eq!(introspect(&server, key, &token).status, 401);
    place.run(&["service-key", "revoke", "shop", "--dev"]).fails(3, "no such key");
    place
        .run(&["service-key", "create", "shop", "--scope", "everything", "--dev"])
        .fails(2, "introspect, revoke");
    place.run(&["service-key", "create", "shop", "--dev"]).fails(2, "--scope");
    let database = std::fs::read(place.file("cloakroom-dev.db")).unwrap();
    let log = std::fs::read(place.file("cloakroom-dev.db-wal")).unwrap_or_default();
    let text = String::from_utf8_lossy(&[database, log].concat()).into_owned();
    assert!(!text.contains(key), "it is stored nowhere");
}
