//! Rotating, retiring and revoking keys, while what they made is in use.

use std::time::Duration;

use cloakroom::key_files::rotate::{LEAD, Purpose, retire, rotate};
use cloakroom::key_files::{KeyError, list};
use cloakroom_verify::{OpaqueToken, Revocation};
use serde_json::Value;

use super::common::*;

const MODE: cloakroom::config::Mode = cloakroom::config::Mode::Development;

fn kid(client: &Client) -> String {
    header(&client.text("access_token"))["kid"].as_str().unwrap().to_owned()
}

fn header(token: &str) -> Value {
    let (header, _) = cloakroom_verify::jws::look(token).unwrap();
    serde_json::from_slice(&header).unwrap()
}

async fn published(world: &World) -> Vec<String> {
    let answer = world.anonymous().get("/.well-known/jwks.json").await;
    let keys = answer.body["keys"].as_array().unwrap();
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn rotate_now(world: &World, purpose: Purpose) -> String {
    let file = rotate(&world.config, MODE, purpose, LEAD, world.now()).unwrap();
    world.look_at_keys().unwrap();
    file
}

/// Time passes, and the directory is looked at.
fn pass(world: &World, time: Duration) {
    world.advance(time);
    world.look_at_keys().unwrap();
}

#[tokio::test]
async fn a_new_signing_key_is_published_before_it_signs_and_no_token_is_refused() {
    let world = World::new().await;
    let before = world.login("alice", Way::Jwt).await;
    rotate_now(&world, Purpose::Signing);
    assert_eq!(published(&world).await.len(), 2, "known at once");
    let between = world.login("alice", Way::Jwt).await;
    assert_eq!(kid(&between), kid(&before), "and not used yet");
    pass(&world, LEAD);
    world.app.follower.sync().await.unwrap();
    let after = world.login("alice", Way::Jwt).await;
    assert_ne!(kid(&after), kid(&before));
    for client in [&before, &between, &after] {
        assert_eq!(client.get("/v1/me").await.status, 200);
    }
}

#[tokio::test]
async fn a_new_token_key_writes_from_its_time_on_and_the_old_one_still_proves() {
    let world = World::new().await;
    let version = |client: &Client, name: &str| OpaqueToken::parse(&client.text(name)).unwrap().version;
    let session = world.login("alice", Way::SessionHeader).await;
    let hybrid = world.login("alice", Way::Hybrid).await;
    assert_eq!(rotate_now(&world, Purpose::Token), "token-2.json");
    assert_eq!(version(&world.login("alice", Way::Hybrid).await, "refresh_token"), 1);
    pass(&world, LEAD);
    world.app.follower.sync().await.unwrap();
    assert_eq!(session.get("/v1/me").await.status, 200);
    let body = serde_json::json!({"refresh_token": hybrid.text("refresh_token")});
    let renewed = world.anonymous().post("/v1/refresh", body).await;
    assert_eq!(renewed.status, 200, "{}", renewed.text);
    assert_eq!(OpaqueToken::parse(&renewed.text_at("refresh_token")).unwrap().version, 2);
}

#[tokio::test]
async fn a_key_is_retired_when_nothing_that_it_made_can_be_accepted() {
    let world = World::new().await;
    let old = world.login("alice", Way::Jwt).await;
    let file = format!("signing-{}", kid(&old));
    let needed = |world: &World| retire(&world.config, Some(&file), world.now());
    assert!(matches!(needed(&world), Err(KeyError::Needed { until: None, .. })), "nothing has followed it");
    rotate_now(&world, Purpose::Signing);
    assert!(
        matches!(needed(&world), Err(KeyError::Needed { until: None, .. })),
        "what follows is not in use"
    );
    pass(&world, LEAD);
    assert!(matches!(needed(&world), Err(KeyError::Needed { until: Some(_), .. })), "its tokens live");
    assert_eq!(retire(&world.config, None, world.now()).unwrap(), Vec::<String>::new());
    pass(&world, Duration::from_secs(15 * 60 + 62));
    assert_eq!(retire(&world.config, None, world.now()).unwrap(), [format!("{file}.json")]);
    pass(&world, Duration::ZERO);
    assert_eq!(published(&world).await.len(), 1);
    assert!(matches!(needed(&world), Err(KeyError::Unknown { .. })));
}

#[tokio::test]
async fn a_directory_that_cannot_be_read_changes_nothing() {
    let world = World::new().await;
    let alice = world.login("alice", Way::Jwt).await;
    let file = rotate_now(&world, Purpose::Signing);
    let path = world.config.keys.path.join(file);
    std::fs::write(&path, "{").unwrap();
    assert!(matches!(world.look_at_keys(), Err(KeyError::Damaged { .. })));
    assert_eq!(alice.get("/v1/me").await.status, 200);
    assert_eq!(published(&world).await.len(), 2, "the last good keys");
    assert_eq!(kid(&world.login("alice", Way::Jwt).await), kid(&alice));
}

#[tokio::test]
async fn a_revoked_key_proves_nothing_at_once_and_is_not_loaded_again() {
    let world = World::new().await;
    let alice = world.login("alice", Way::Jwt).await;
    let bad = kid(&alice);
    rotate_now(&world, Purpose::Signing);
    pass(&world, LEAD);
    world.app.follower.sync().await.unwrap();
    assert_eq!(alice.get("/v1/me").await.status, 200);
    let revocation = Revocation::KeyRevoked(bad.parse().unwrap());
    world.app().store.append(revocation, None, world.now()).await.unwrap();
    world.app.follower.sync().await.unwrap();
    alice.get("/v1/me").await.assert_problem(401, "invalid_token");
    pass(&world, Duration::ZERO);
    let published = published(&world).await;
    assert!(published.len() == 1 && published[0] != bad, "{published:?}");
    assert_eq!(list(&world.config).unwrap().len(), 3, "its file stays for whoever investigates");
    assert_eq!(world.login("alice", Way::Jwt).await.get("/v1/me").await.status, 200);
}

#[tokio::test]
async fn while_the_only_key_is_revoked_access_tokens_are_an_outage_and_nothing_is_spent() {
    let world = World::new().await;
    let hybrid = world.login("alice", Way::Hybrid).await;
    let key = kid(&hybrid).parse().unwrap();
    world.app().revoke_key(key, world.now()).await.unwrap();
    hybrid.get("/v1/me").await.assert_problem(401, "invalid_token");
    assert_eq!(
        published(&world).await,
        Vec::<String>::new(),
        "a thief of the only key must not be believed either"
    );
    world.look_at_keys().unwrap();
    assert!(world.app().keys.all().is_empty(), "it is not loaded again");
    let refresh = serde_json::json!({"refresh_token": hybrid.text("refresh_token")});
    let login = |strategy: &str| serde_json::json!({"email": "alice@example.com", "password": World::PASSWORD, "strategy": strategy});
    for (path, body) in
        [("/v1/refresh", refresh.clone()), ("/v1/login", login("jwt")), ("/v1/login", login("hybrid"))]
    {
        world.anonymous().post(path, body).await.assert_problem(503, "unavailable");
    }
    assert_eq!(world.login("alice", Way::SessionHeader).await.get("/v1/me").await.status, 200);
    let sessions = world.app().sessions(world.user("alice").await.id, world.now()).await.unwrap();
    assert_eq!(sessions.len(), 2, "no login was left behind by an answer that was refused");
    rotate_now(&world, Purpose::Signing);
    assert_eq!(published(&world).await.len(), 1, "published before it signs, as ever");
    pass(&world, LEAD);
    world.app.follower.sync().await.unwrap();
    assert_eq!(world.anonymous().post("/v1/refresh", refresh).await.status, 200, "it was not spent");
}

#[tokio::test]
async fn a_refresh_whose_answer_would_not_fit_a_token_spends_nothing() {
    let world = World::new().await;
    let hybrid = world.login("alice", Way::Hybrid).await;
    let refresh = serde_json::json!({"refresh_token": hybrid.text("refresh_token")});
    // As if the issuer, the audience or a role had grown.
    world.sql(&format!("UPDATE users SET name = '{}'", "x".repeat(4000)));
    let rows = world.session_rows();
    let answer = world.anonymous().post("/v1/refresh", refresh.clone()).await;
    assert_eq!(answer.status, 500, "{answer:?}");
    assert_eq!(world.session_rows(), rows);
    world.sql("UPDATE users SET name = NULL");
    // A thief is found out whether his answer would fit or not.
    let thief = world.login("alice", Way::Hybrid).await;
    let spent = serde_json::json!({"refresh_token": thief.text("refresh_token")});
    let mut child = spent.clone();
    for _ in 0..2 {
        let answer = world.anonymous().post("/v1/refresh", child).await;
        child = serde_json::json!({"refresh_token": answer.text_at("refresh_token")});
    }
    world.sql(&format!("UPDATE users SET name = '{}'", "x".repeat(4000)));
    world.advance(Duration::from_secs(60));
    world.follow().await;
    world.anonymous().post("/v1/refresh", spent).await.assert_problem(401, "invalid_grant");
    world.sql("UPDATE users SET name = NULL");
    world.anonymous().post("/v1/refresh", child).await.assert_problem(401, "invalid_grant");
    // By nobody's grace: it is the first time that it is answered.
    world.advance(Duration::from_secs(3600));
    world.follow().await;
    assert_eq!(world.anonymous().post("/v1/refresh", refresh).await.status, 200);
}

#[tokio::test]
async fn a_token_of_a_key_that_was_not_read_yet_is_503_until_the_keys_are_read() {
    let world = World::new().await;
    let session = world.login("alice", Way::SessionHeader).await;
    let hybrid = world.login("alice", Way::Hybrid).await;
    // As a replica would that has read the next key already: the same rows, under version 2.
    rotate(&world.config, MODE, Purpose::Token, Duration::ZERO, world.now()).unwrap();
    let elsewhere = cloakroom::key_files::load(&world.config, MODE, world.now()).unwrap().keyring.tokens;
    let mut ahead = Vec::new();
    for (text, header) in [(session.text("session_token"), "session-id"), (hybrid.text("refresh_token"), "")]
    {
        let id = OpaqueToken::parse(&text).unwrap().session;
        let row = world.app().store.find(id).await.unwrap().unwrap().session;
        ahead.push((elsewhere.current(&row).to_text(), header));
    }
    let (session, refresh) = (ahead[0].0.clone(), serde_json::json!({"refresh_token": ahead[1].0}));
    let me = || async { world.anonymous().with("session-id", &session).get("/v1/me").await };
    // The directory is out of reach for a while.
    let (there, away) = (world.config.keys.path.clone(), world.config.keys.path.with_extension("away"));
    std::fs::rename(&there, &away).unwrap();
    for _ in 0..2 * crate::REPLICAS {
        me().await.assert_problem(503, "unavailable");
        world.anonymous().post("/v1/refresh", refresh.clone()).await.assert_problem(503, "unavailable");
    }
    std::fs::rename(&away, &there).unwrap();
    world.look_at_keys().unwrap();
    assert_eq!(me().await.status, 200);
    assert_eq!(world.anonymous().post("/v1/refresh", refresh).await.status, 200);
}

#[tokio::test]
async fn a_token_of_a_key_that_does_not_exist_is_refused_once_the_keys_were_read() {
    let world = World::new().await;
    let client = world.login("alice", Way::SessionHeader).await;
    let mut token = OpaqueToken::parse(&client.text("session_token")).unwrap();
    token.version = 200;
    let me = || async { world.anonymous().with("session-id", &token.to_text()).get("/v1/me").await };
    for _ in 0..crate::REPLICAS {
        me().await.assert_problem(503, "unavailable");
    }
    world.look_at_keys().unwrap();
    me().await.assert_problem(401, "invalid_token");
}

#[tokio::test]
async fn on_a_schedule_keys_are_made_and_removed_by_themselves() {
    let world = World::with(&[("keys.rotate_every", "30d")]).await;
    let count = || list(&world.config).unwrap().iter().filter(|key| key.purpose == "signing").count();
    let turn = |time: Duration| {
        world.advance(time);
        world.rotate_when_due().unwrap();
        world.look_at_keys().unwrap();
    };
    turn(Duration::from_secs(29 * 86_400));
    assert_eq!(count(), 1, "not yet");
    turn(Duration::from_secs(86_400));
    assert_eq!(count(), 2);
    turn(Duration::from_secs(60));
    assert_eq!(count(), 2, "once");
    turn(LEAD + Duration::from_secs(15 * 60 + 62));
    assert_eq!(count(), 1, "the old one is gone");
}

/// Whoever has a revoked key can no longer log anybody out with it, from the moment that its revocation is known.
#[tokio::test]
async fn a_token_by_a_revoked_key_ends_nothing() {
    let world = World::new().await;
    let alice = world.login("alice", Way::Hybrid).await;
    let bad = kid(&alice).parse().unwrap();
    rotate_now(&world, Purpose::Signing);
    world.app().store.append(Revocation::KeyRevoked(bad), None, world.now()).await.unwrap();
    world.app.follower.sync().await.unwrap();
    assert_eq!(alice.post_empty("/v1/logout").await.status, 204);
    pass(&world, LEAD);
    world.app.follower.sync().await.unwrap();
    let body = serde_json::json!({"refresh_token": alice.refresh_token});
    assert_eq!(world.anonymous().post("/v1/refresh", body).await.status, 200, "the login lives");
}
