//! `session.freshness = "always"`: each check of a session is answered by the store.

use super::common::*;

async fn always() -> World {
    World::with(&[("session.freshness", "always")]).await
}

#[tokio::test]
async fn an_outage_is_503_at_once_however_well_known_the_session_is() {
    let world = always().await;
    let session = world.login("alice", Way::SessionHeader).await;
    let token = world.login("alice", Way::Jwt).await;
    assert_eq!(session.get("/v1/me").await.status, 200);
    world.break_store();
    session.get("/v1/me").await.assert_problem(503, "unavailable");
    assert_eq!(token.get("/v1/me").await.status, 200, "access tokens stay under the lease");
    world.mend_store();
    assert_eq!(session.get("/v1/me").await.status, 200);
}

/// Only PostgreSQL has somebody who could take its place.
#[tokio::test]
async fn a_primary_that_others_went_on_without_answers_no_check_of_a_session() {
    let world = always().await;
    if !world.fence() {
        return;
    }
    let session = world.login("alice", Way::SessionHeader).await;
    let token = world.login("alice", Way::Jwt).await;
    assert_eq!(session.get("/v1/me").await.status, 200);
    // It reads what it has, and can commit nothing.
    world.sql("ALTER TABLE feed_beat RENAME TO gone_beat");
    session.get("/v1/me").await.assert_problem(503, "unavailable");
    assert_eq!(token.get("/v1/me").await.status, 200, "access tokens stay under the lease");
    world.sql("ALTER TABLE gone_beat RENAME TO feed_beat");
    assert_eq!(session.get("/v1/me").await.status, 200);
}

#[tokio::test]
async fn uses_keep_a_session_alive_and_idle_ones_end() {
    let world = always().await;
    let alice = world.login("alice", Way::SessionHeader).await;
    for _ in 0..5 {
        world.advance(Duration::from_secs(3000));
        assert_eq!(alice.get("/v1/me").await.status, 200, "each use moves the idle timeout");
    }
    world.advance(Duration::from_secs(3600));
    alice.get("/v1/me").await.assert_problem(401, "invalid_token");
}

#[tokio::test]
async fn forged_old_and_foreign_tokens_are_refused() {
    let world = always().await;
    let alice = world.login("alice", Way::SessionHeader).await;
    let hybrid = world.login("alice", Way::Hybrid).await;
    let next = alice.post("/v1/reauthenticate", json!({"password": World::PASSWORD})).await;
    alice.get("/v1/me").await.assert_problem(401, "invalid_token");
    assert_eq!(world.client_of(&next, Way::SessionHeader).get("/v1/me").await.status, 200);
    let refresh = hybrid.refresh_token.unwrap();
    let disguised = refresh.replace("ckr_", "cks_");
    for token in [refresh, disguised] {
        world.anonymous().with("session-id", &token).get("/v1/me").await.assert_problem(401, "invalid_token");
    }
}
