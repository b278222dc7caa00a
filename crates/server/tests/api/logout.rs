//! `POST /v1/logout`

use super::common::*;

const CLEARED: [&str; 2] = [
    "__Host-cloakroom=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0",
    "__Host-cloakroom-refresh=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0",
];

under! {
    [SessionCookie, SessionHeader, SessionBearer, Jwt, Hybrid, HybridCookie]
    async fn the_credential_is_refused_at_once(_world, alice) {
        assert_eq!(alice.get("/v1/me").await.status, 200);
        let answer = alice.post_empty("/v1/logout").await;
        assert_eq!(answer.status, 204);
        assert_eq!(answer.cookies(), CLEARED);
        alice.get("/v1/me").await.assert_problem(401, "invalid_token");
        assert_eq!(alice.post_empty("/v1/logout").await.status, 204, "again says the same");
    }
}

under! {
    [Hybrid]
    async fn by_the_refresh_token_alone_ends_both(world, alice) {
        let token = alice.refresh_token.clone().unwrap();
        let answer = world.anonymous().post("/v1/logout", json!({"refresh_token": token})).await;
        assert_eq!(answer.status, 204);
        alice.get("/v1/me").await.assert_problem(401, "invalid_token");
        let refresh = world.anonymous().post("/v1/refresh", json!({"refresh_token": token})).await;
        refresh.assert_problem(401, "invalid_grant");
    }
}

under! {
    [HybridCookie]
    async fn by_the_refresh_cookie_alone_ends_both(world, alice) {
        let cookie = format!("__Host-cloakroom-refresh={}", alice.refresh_token.clone().unwrap());
        let browser = world.anonymous().with("cookie", &cookie);
        assert_eq!(browser.post_empty("/v1/logout").await.status, 204);
        alice.get("/v1/me").await.assert_problem(401, "invalid_token");
        browser.post_empty("/v1/refresh").await.assert_problem(401, "invalid_grant");
    }
}

under! {
    [Hybrid]
    async fn an_older_generation_is_authentic_too(world, alice) {
        let old = alice.refresh_token.clone().unwrap();
        let refreshed = world.anonymous().post("/v1/refresh", json!({"refresh_token": old})).await;
        assert_eq!(refreshed.status, 200);
        assert_eq!(world.anonymous().post("/v1/logout", json!({"refresh_token": old})).await.status, 204);
        let new = world.client_of(&refreshed, Way::Hybrid);
        new.get("/v1/me").await.assert_problem(401, "invalid_token");
    }
}

under! {
    [Hybrid]
    async fn an_expired_access_token_still_ends_its_session(world, alice) {
        world.advance(Duration::from_secs(3600));
        alice.get("/v1/me").await.assert_problem(401, "invalid_token");
        assert_eq!(alice.post_empty("/v1/logout").await.status, 204);
        let token = alice.refresh_token.clone().unwrap();
        world.anonymous().post("/v1/refresh", json!({"refresh_token": token})).await
            .assert_problem(401, "invalid_grant");
    }
}

under! {
    [Jwt]
    async fn a_jwt_login_ends_alone(world, alice) {
        let other = world.login("alice", Way::Jwt).await;
        assert_eq!(alice.post_empty("/v1/logout").await.status, 204);
        alice.get("/v1/me").await.assert_problem(401, "invalid_token");
        assert_eq!(other.get("/v1/me").await.status, 200);
    }
}

#[tokio::test]
async fn unknown_garbage_and_missing_credentials_end_nothing_and_say_the_same() {
    let world = World::new().await;
    let alice = world.login("alice", Way::SessionHeader).await;
    let token = alice.grant["session_token"].as_str().unwrap();
    let forged = with_another_mac(token);
    for client in [
        world.anonymous(),
        world.anonymous().bearer("garbage"),
        world.anonymous().with("session-id", &forged),
        world.anonymous().with("cookie", "__Host-cloakroom=; __Host-cloakroom-refresh=x"),
    ] {
        let answer = client.post_empty("/v1/logout").await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""));
        assert_eq!(answer.cookies(), CLEARED);
    }
    assert_eq!(alice.get("/v1/me").await.status, 200, "a guessed mac ends nothing");
}

#[tokio::test]
async fn every_credential_that_is_shown_is_ended() {
    let world = World::new().await;
    let session = world.login("alice", Way::SessionCookie).await;
    let hybrid = world.login("alice", Way::Hybrid).await;
    let jwt = world.login("alice", Way::Jwt).await;
    let all = session.clone().bearer(jwt.grant["access_token"].as_str().unwrap());
    let body = json!({"refresh_token": hybrid.refresh_token});
    assert_eq!(all.post("/v1/logout", body).await.status, 204);
    for client in [session, hybrid, jwt] {
        client.get("/v1/me").await.assert_problem(401, "invalid_token");
    }
}

/// Clocks may differ by a minute: a verifier that allows for it must still hear of a logout in that minute.
#[tokio::test]
async fn a_logout_in_the_minute_after_exp_is_told_to_verifiers_that_are_late() {
    let world = World::new().await;
    let alice = world.login("alice", Way::Jwt).await;
    world.advance(Duration::from_secs(15 * 60 + 30));
    let ended = world.revocations().await;
    assert_eq!(alice.post_empty("/v1/logout").await.status, 204);
    assert_eq!(world.revocations().await, ended + 1);
    assert_eq!(alice.post_empty("/v1/logout").await.status, 204);
    world.advance(Duration::from_secs(31));
    let late = world.revocations().await;
    assert_eq!(alice.post_empty("/v1/logout").await.status, 204);
    assert_eq!(world.revocations().await, late, "nobody accepts it any more");
}

/// A failover may lose a row, and so may a Redis that was flushed.
#[tokio::test]
async fn all_that_was_made_from_a_lost_row_is_ended_by_any_of_its_access_tokens() {
    let world = World::new().await;
    let alice = world.login("alice", Way::Hybrid).await;
    let refreshed =
        world.anonymous().post("/v1/refresh", json!({"refresh_token": alice.refresh_token})).await;
    let newer = world.client_of(&refreshed, Way::Hybrid);
    world.sql("DELETE FROM sessions");
    assert_eq!(newer.get("/v1/me").await.status, 200);
    assert_eq!(alice.post_empty("/v1/logout").await.status, 204);
    let ended = world.revocations().await;
    for client in [&alice, &newer] {
        client.get("/v1/me").await.assert_problem(401, "invalid_token");
        assert_eq!(client.post_empty("/v1/logout").await.status, 204);
    }
    assert_eq!(world.revocations().await, ended, "once is enough");
}
