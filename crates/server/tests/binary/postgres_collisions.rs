//! Transactions of PostgreSQL that collide with others each time: an outage of what they would have done, and no more.

use serde_json::{Value, json};

use super::common::*;
use super::load::UNTHROTTLED;
use super::postgres::{CONFIG, Schema};
use super::refresh::client::Client;

/// Fails whatever is written as a collision with another transaction does, and counts how often it was tried; but for
/// uses, which are written when nobody asks.
const COLLIDE: &str = "CREATE SEQUENCE tries; \
    CREATE FUNCTION collide() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
    PERFORM nextval('tries'); RAISE EXCEPTION 'collision' USING ERRCODE = '40001'; END $$; \
    CREATE TRIGGER collide BEFORE INSERT OR UPDATE ON users FOR EACH ROW EXECUTE FUNCTION collide(); \
    CREATE TRIGGER collide BEFORE INSERT OR UPDATE OF generation ON sessions FOR EACH ROW EXECUTE FUNCTION collide(); \
    CREATE TRIGGER collide BEFORE INSERT OR UPDATE ON feed_events FOR EACH ROW EXECUTE FUNCTION collide()";
const PART: &str = "DROP FUNCTION collide CASCADE";

#[test]
fn endless_collisions_are_an_outage_and_nobody_is_logged_out() {
    let Some(schema) = Schema::new() else { return };
    let place = schema.place();
    place.write("cloakroom.toml", &format!("{CONFIG}{UNTHROTTLED}"));
    let server = schema.serve(&place, &["serve", "--migrate"]);
    let alice = Client::log_in(&server, "alice");
    let token = server.login("alice", "session");
    let asked = alice.ask();
    schema.execute(&format!("SET search_path = {}; {COLLIDE}", schema.name));

    let account = json!({"email": "alice@example.com", "password": PASSWORD});
    let new = json!({"email": "bob@example.com", "password": PASSWORD});
    let password = json!({"current_password": PASSWORD, "new_password": "forty purple umbrellas dance"});
    let exchange = json!({"strategy": "hybrid", "transport": "body"});
    let one = format!("/v1/sessions/{}", alice.session());
    let nothing = Value::Null;
    for (method, path, body) in [
        ("POST", "/v1/signup", &new),
        ("POST", "/v1/login", &account),
        ("POST", "/v1/refresh", &asked),
        ("POST", "/v1/exchange", &exchange),
        ("POST", "/v1/reauthenticate", &json!({"password": PASSWORD})),
        ("POST", "/v1/password", &password),
        ("DELETE", &one, &nothing),
        ("DELETE", "/v1/sessions?scope=others", &nothing),
        ("DELETE", "/v1/sessions?scope=all", &nothing),
        ("POST", "/v1/logout", &nothing),
    ] {
        let before = schema.number("SELECT nextval('tries')");
        let headers = [("session-id", token.as_str()), ("content-type", "application/json")];
        let headers = if path == "/v1/refresh" { &headers[1..] } else { &headers };
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let reply = request(server.listen, method, path, headers, &text).unwrap();
        assert_eq!((reply.status, &reply.body["code"]), (503, &json!("unavailable")), "{path}: {reply:?}");
        assert!(reply.head.to_lowercase().contains("retry-after: "), "{path}: {reply:?}");
        let tries = schema.number("SELECT nextval('tries')") - before - 1;
        assert!((2..=12).contains(&tries), "{path}: tried again, and not for ever: {tries}");
        assert_eq!(server.me(&token), 200, "{path}");
    }

    schema.execute(&format!("SET search_path = {}; {PART}", schema.name));
    let reply = server.post("/v1/refresh", &asked);
    alice.keep(&asked, &reply);
    assert_eq!((server.me(&token), server.me(&alice.access())), (200, 200));
    assert_eq!(server.post("/v1/login", &account).status, 200, "the password is what it was");
    assert_eq!(server.post("/v1/signup", &new).status, 201, "nothing was half done");
}
