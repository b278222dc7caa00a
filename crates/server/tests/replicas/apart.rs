//! What one server knows and the other does not yet, and how many connections made-up credentials take.

use std::time::Duration;

use cloakroom::config::Mode;
use cloakroom::key_files::rotate::{Purpose, rotate};
use cloakroom::key_watch::KeyWatch;
use cloakroom_auth::email::Email;
use cloakroom_auth::service_key::{Scope, ServiceKey};
use http::Method;
use secrecy::ExposeSecret;
use tokio_postgres::NoTls;

use super::common::*;

/// The same client, of one server alone.
fn at(world: &World, server: usize, client: &Client) -> Client {
    Client { doors: Doors::of(&world.apps()[server..=server]), ..client.clone() }
}

async fn login(at: &Client, strategy: &str) -> Answer {
    let body = json!({"email": "alice@example.com", "password": World::PASSWORD, "strategy": strategy});
    let answer = at.post("/v1/login", body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer
}

async fn form(service: &Client, path: &str, token: &str) -> Answer {
    let body = format!("token={token}");
    service.send(Method::POST, path, "application/x-www-form-urlencoded", body.into()).await
}

#[tokio::test]
async fn a_token_by_a_key_that_only_the_other_server_has_read_is_never_a_wrong_one() {
    let world = World::new().await;
    world.user("alice").await;
    let (key, text) =
        ServiceKey::make(String::from("shop"), vec![Scope::Introspect, Scope::Revoke], world.now());
    assert!(world.app().store.add_service_key(key).await.unwrap());
    let service = at(&world, 0, &world.anonymous().bearer(text.expose_secret()));
    let (behind, ahead) = (at(&world, 0, &world.anonymous()), at(&world, 1, &world.anonymous()));
    // Of two keys from the same moment on, either may sign.
    world.advance(Duration::from_secs(1));
    rotate(&world.config, Mode::Development, Purpose::Signing, Duration::ZERO, world.now()).unwrap();
    KeyWatch::new(world.config.clone(), Mode::Development).look(&world.apps()[1]).unwrap();
    let (jwt, hybrid) = (login(&ahead, "jwt").await, login(&ahead, "hybrid").await);
    let tokens = [jwt.text_at("access_token"), hybrid.text_at("access_token")];
    // The directory is out of reach for a while.
    let (there, away) = (world.config.keys.path.clone(), world.config.keys.path.with_extension("away"));
    std::fs::rename(&there, &away).unwrap();
    let passwords = json!({"current_password": World::PASSWORD, "new_password": "a new one over the moon"});
    for token in &tokens {
        let shown = behind.clone().bearer(token);
        shown.get("/v1/me").await.assert_problem(503, "unavailable");
        shown.post("/v1/password", passwords.clone()).await.assert_problem(503, "unavailable");
        shown.post_empty("/v1/logout").await.assert_problem(503, "unavailable");
        for path in ["/v1/introspect", "/v1/revoke"] {
            form(&service, path, token).await.assert_problem(503, "unavailable");
        }
    }
    std::fs::rename(&away, &there).unwrap();
    // Nobody has to ask twice.
    assert_eq!(form(&service, "/v1/introspect", &tokens[0]).await.body["active"], true);
    for token in &tokens {
        assert_eq!(behind.clone().bearer(token).get("/v1/me").await.status, 200);
        assert_eq!(behind.clone().bearer(token).post_empty("/v1/logout").await.status, 204);
        assert_eq!(form(&service, "/v1/introspect", token).await.text, r#"{"active":false}"#);
    }
}

/// How many statements of this deployment wait for a lock.
async fn waiting(client: &tokio_postgres::Client, name: &str) -> i64 {
    let count =
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = $1";
    client.query_one(count, &[&name]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_somebody_makes_up_do_not_take_all_connections() {
    let world = World::new().await;
    let Database::Schema { name, .. } = &world.database else { return };
    let alice = world.login("alice", Way::SessionHeader).await;
    let one = at(&world, 0, &world.anonymous());
    let (client, connection) = tokio_postgres::connect(&world.database.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    // Whoever looks one up waits.
    client.batch_execute("BEGIN; LOCK TABLE sessions, service_keys IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let (watch, connection) = tokio_postgres::connect(&world.database.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    let mut asked = Vec::new();
    for n in 0..32_u8 {
        let mut token = cloakroom_verify::OpaqueToken::parse(&alice.text("session_token")).unwrap();
        token.session = cloakroom_verify::SessionId::from_bytes([n; 16]);
        let refresh = json!({"refresh_token": token.to_text().replace("cks_", "ckr_")});
        let session = one.clone().with("session-id", &token.to_text());
        let (_, text) = ServiceKey::make(format!("made up {n}"), vec![Scope::Feed], world.now());
        let key = one.clone().bearer(text.expose_secret());
        let stranger = one.clone();
        asked.push(tokio::spawn(async move { session.get("/v1/me").await.status }));
        asked.push(tokio::spawn(async move { key.get("/v1/feed/snapshot").await.status }));
        asked.push(tokio::spawn(async move { stranger.post("/v1/refresh", refresh).await.status }));
    }
    let under_way = async {
        while waiting(&watch, name).await < 6 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), under_way).await.expect("they are looked up");
    let email = Email::parse("alice@example.com").unwrap();
    let store = &world.apps()[0].auth.store;
    for _ in 0..20 {
        assert!(store.by_email(&email.key).await.unwrap().is_some(), "others are answered meanwhile");
    }
    assert!(waiting(&watch, name).await <= 6, "one for checks, one for other sessions, four for keys");
    client.batch_execute("COMMIT").await.unwrap();
    for answer in asked {
        let status = answer.await.unwrap().as_u16();
        assert!(status == 401 || status == 503, "{status}");
    }
    assert_eq!(alice.get("/v1/me").await.status, 200);
}

/// The database has its own time.
#[tokio::test]
async fn a_server_that_is_ahead_forgets_nothing_before_the_database_has_passed_it() {
    let world = World::new().await;
    if !world.is_on_postgres() {
        return;
    }
    let server = at(&world, 0, &world.anonymous());
    world.user("alice").await;
    let token = login(&server, "jwt").await.text_at("access_token");
    let alice = server.bearer(&token);
    assert_eq!(alice.post_empty("/v1/logout").await.status, 204);
    assert_eq!(world.app.auth.revocations.len(), 1);
    // What was known of the clocks before says that they agree.
    assert_eq!(world.app.follower.drift(), cloakroom_auth::drift::Drift::default());
    world.advance(Duration::from_secs(36_500 * 24 * 3600));
    cloakroom::tend::forget(&world.app, world.now()).await;
    assert_eq!(world.app.auth.revocations.len(), 1);
}
