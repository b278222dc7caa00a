//! A server whose clock is not that of its database. How far it is off is said by hand: one machine has one clock.

use cloakroom::tend;
use cloakroom_auth::drift::{Drift, FARTHEST};
use serde_json::Value;

use super::common::*;

const HOUR: Duration = Duration::from_secs(3600);
const LIFETIME: i64 = 15 * 60;

fn ahead(world: &World, by: Duration) {
    world.app.auth.drift.set(Drift::between(world.now(), Duration::ZERO, world.now().before(by)));
}

fn behind(world: &World, by: Duration) {
    world.app.auth.drift.set(Drift::between(world.now(), Duration::ZERO, world.now().after(by)));
}

/// `iat`, `exp`, `auth_time` of the token that this answer hands over.
fn times(answer: &Answer) -> [i64; 3] {
    let (_, claims) = cloakroom_verify::jws::look(&answer.text_at("access_token")).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    ["iat", "exp", "auth_time"].map(|name| claims[name].as_i64().unwrap())
}

async fn login(world: &World, strategy: &str) -> Answer {
    let body = json!({"email": "alice@example.com", "password": World::PASSWORD, "strategy": strategy});
    let answer = world.anonymous().post("/v1/login", body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.body["expires_in"], LIFETIME);
    answer
}

#[tokio::test]
async fn a_token_is_made_at_the_earlier_of_two_times_and_outlives_no_event() {
    let world = World::new().await;
    world.user("alice").await;
    let now = world.now().as_seconds();
    for strategy in ["jwt", "hybrid"] {
        ahead(&world, HOUR);
        let then = now - 3600;
        assert_eq!(times(&login(&world, strategy).await), [then, then + LIFETIME, then], "{strategy}");
        behind(&world, HOUR);
        assert_eq!(times(&login(&world, strategy).await), [now, now + LIFETIME, now], "{strategy}");
    }
}

#[tokio::test]
async fn nobody_logged_in_after_his_token_was_made() {
    let world = World::new().await;
    world.user("alice").await;
    let granted = login(&world, "hybrid").await;
    ahead(&world, HOUR);
    let token = granted.text_at("refresh_token");
    let renewed = world.anonymous().post("/v1/refresh", json!({"refresh_token": token})).await;
    assert_eq!(renewed.status, 200, "{}", renewed.text);
    let [issued_at, _, auth_time] = times(&renewed);
    assert_eq!(auth_time, issued_at, "the row says an hour later");
}

#[tokio::test]
async fn as_far_off_as_a_ready_server_may_be_its_tokens_are_good_for_all_of_their_time() {
    let world = World::new().await;
    world.user("alice").await;
    for strategy in ["jwt", "hybrid"] {
        ahead(&world, FARTHEST);
        let alice = world.anonymous().bearer(&login(&world, strategy).await.text_at("access_token"));
        assert_eq!(alice.get("/v1/me").await.status, 200);
        world.advance(Duration::from_secs(LIFETIME.unsigned_abs() - 1));
        assert_eq!(alice.get("/v1/me").await.status, 200);
        world.advance(Duration::from_secs(1));
        alice.get("/v1/me").await.assert_problem(401, "invalid_token");
    }
}

/// One revocation that every clock of this test has passed, by `later`.
async fn with_a_token_revoked() -> (World, Client, cloakroom_verify::Timestamp) {
    let world = World::new().await;
    let alice = world.login("alice", Way::Jwt).await;
    assert_eq!(alice.post_empty("/v1/logout").await.status, 204);
    let later = world.now().after(100 * HOUR);
    (world, alice, later)
}

#[tokio::test]
async fn nothing_is_forgotten_where_the_clocks_could_not_be_compared() {
    let (world, alice, later) = with_a_token_revoked().await;
    world.sql("ALTER TABLE feed_nodes RENAME TO gone");
    tend::forget(&world.app, later).await;
    assert_eq!(world.revocations().await, 1);
    alice.get("/v1/me").await.assert_problem(401, "invalid_token");
    world.sql("ALTER TABLE gone RENAME TO feed_nodes");
    tend::forget(&world.app, later).await;
    assert_eq!(world.revocations().await, 0);
}

#[tokio::test]
async fn what_is_forgotten_goes_by_clocks_that_were_compared_just_now() {
    let (world, _alice, later) = with_a_token_revoked().await;
    ahead(&world, 200 * HOUR);
    tend::forget(&world.app, later).await;
    assert_eq!(world.revocations().await, 0, "they agree, whatever was known before");
}
