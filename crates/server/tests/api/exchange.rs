//! `POST /v1/exchange`

use super::common::*;

under! {
    [SessionCookie, SessionHeader, SessionBearer]
    async fn a_session_becomes_a_hybrid_pair_and_the_old_token_is_dead(world, alice) {
        assert_eq!(alice.get("/v1/me").await.status, 200);
        let answer = alice.post("/v1/exchange", json!({"strategy": "hybrid"})).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.body["session"]["id"], alice.grant["session"]["id"], "the same row");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let hybrid = world.client_of(&answer, Way::Hybrid);
        assert_eq!(hybrid.get("/v1/me").await.status, 200);
        alice.get("/v1/me").await.assert_problem(401, "invalid_token");
        alice.post("/v1/exchange", json!({"strategy": "hybrid"})).await.assert_problem(401, "invalid_token");
        let token = hybrid.refresh_token.unwrap();
        let refreshed = world.anonymous().post("/v1/refresh", json!({"refresh_token": token})).await;
        assert_eq!(refreshed.status, 200);
    }
}

under! {
    [Hybrid]
    async fn and_back(world, alice) {
        let token = alice.refresh_token.clone().unwrap();
        let body = json!({"strategy": "session", "transport": "body", "refresh_token": token});
        let answer = alice.post("/v1/exchange", body).await;
        assert_eq!(answer.body["session"]["id"], alice.grant["session"]["id"]);
        assert_eq!(world.client_of(&answer, Way::SessionHeader).get("/v1/me").await.status, 200);
        world.anonymous().post("/v1/refresh", json!({"refresh_token": token})).await
            .assert_problem(401, "invalid_grant");
        assert_eq!(alice.get("/v1/me").await.status, 200, "access tokens already out live until exp");
        assert_eq!(alice.post_empty("/v1/logout").await.status, 204);
        world.client_of(&answer, Way::SessionHeader).get("/v1/me").await.assert_problem(401, "invalid_token");
    }
}

under! {
    [HybridCookie]
    async fn by_cookie_the_cookie_that_was_left_is_cleared(world, alice) {
        let cookie = format!("__Host-cloakroom-refresh={}", alice.refresh_token.clone().unwrap());
        let browser = world.anonymous().with("cookie", &cookie);
        let answer = browser.post("/v1/exchange", json!({"strategy": "session"})).await;
        assert!(answer.cookies()[0].starts_with("__Host-cloakroom=cks_"), "{}", answer.text);
        assert!(answer.cookies()[1].starts_with("__Host-cloakroom-refresh=;"));
        assert!(answer.body["session_token"].is_null());
        let session = world.client_of(&answer, Way::SessionCookie);
        let back = session.post("/v1/exchange", json!({"strategy": "hybrid", "transport": "cookie"})).await;
        assert!(back.cookies()[0].starts_with("__Host-cloakroom-refresh=ckr_"));
        assert!(back.cookies()[1].starts_with("__Host-cloakroom=;"));
    }
}

under! {
    [SessionHeader]
    async fn only_the_same_attempt_gets_the_same_answer_again(world, alice) {
        let body = |attempt: &str| json!({"strategy": "hybrid", "attempt": attempt});
        let first = alice.post("/v1/exchange", body("0123456789abcdef")).await;
        let again = alice.post("/v1/exchange", body("0123456789abcdef")).await;
        assert_eq!(again.text_at("refresh_token"), first.text_at("refresh_token"));
        alice.post("/v1/exchange", body("fedcba9876543210")).await.assert_problem(401, "invalid_token");
        assert_eq!(world.client_of(&first, Way::Hybrid).get("/v1/me").await.status, 200, "nothing was revoked");
    }
}

under! {
    [Hybrid]
    async fn an_access_token_alone_is_not_enough(_world, alice) {
        alice.post("/v1/exchange", json!({"strategy": "session"})).await.assert_problem(403, "forbidden");
    }
}

under! {
    [Hybrid]
    async fn a_dead_refresh_token_is_told_so_as_by_refresh(world, alice) {
        let body = json!({"strategy": "session", "refresh_token": alice.refresh_token});
        assert_eq!(alice.post_empty("/v1/logout").await.status, 204);
        world.anonymous().post("/v1/exchange", body).await.assert_problem(401, "invalid_grant");
        let garbage = json!({"strategy": "session", "refresh_token": "garbage"});
        world.anonymous().post("/v1/exchange", garbage).await.assert_problem(401, "invalid_grant");
    }
}

under! {
    [Jwt]
    async fn a_jwt_login_has_nothing_to_exchange(_world, alice) {
        for to in ["session", "hybrid", "jwt"] {
            alice.post("/v1/exchange", json!({"strategy": to})).await.assert_problem(422, "strategy_not_allowed");
        }
    }
}

under! {
    [SessionHeader]
    async fn there_is_no_way_to_or_from_jwt(world, alice) {
        alice.post("/v1/exchange", json!({"strategy": "jwt"})).await.assert_problem(422, "strategy_not_allowed");
        alice.post("/v1/exchange", json!({"strategy": "jwt", "transport": "cookie"})).await
            .assert_problem(422, "strategy_not_allowed");
        let same = alice.post("/v1/exchange", json!({"strategy": "session"})).await;
        same.assert_problem(422, "strategy_not_allowed");
        world.anonymous().post("/v1/exchange", json!({"strategy": "hybrid"})).await
            .assert_problem(401, "unauthenticated");
    }
}

under! {
    [SessionHeader]
    async fn it_never_lengthens_the_login(world, alice) {
        let expires_at = alice.grant["session"]["expires_at"].clone();
        let answer = alice.post("/v1/exchange", json!({"strategy": "hybrid"})).await;
        assert_eq!(answer.body["session"]["expires_at"], expires_at);
        world.advance(Duration::from_secs(86_400));
        let token = answer.text_at("refresh_token");
        world.anonymous().post("/v1/refresh", json!({"refresh_token": token})).await
            .assert_problem(401, "invalid_grant");
    }
}

under! {
    [SessionHeader]
    async fn a_disabled_user_cannot_exchange(world, alice) {
        world.disable("alice").await;
        alice.post("/v1/exchange", json!({"strategy": "hybrid"})).await.assert_problem(401, "invalid_token");
    }
}

#[tokio::test]
async fn an_access_token_that_is_no_good_is_401_here_too() {
    let world = World::new().await;
    let alice = world.login("alice", Way::Hybrid).await;
    let body = json!({"strategy": "session"});
    alice.post("/v1/exchange", body.clone()).await.assert_problem(403, "forbidden");
    let garbage = world.anonymous().bearer("a.b.c");
    garbage.post("/v1/exchange", body.clone()).await.assert_problem(401, "invalid_token");
    assert_eq!(alice.post_empty("/v1/logout").await.status, 204);
    alice.post("/v1/exchange", body.clone()).await.assert_problem(401, "invalid_token");
    world.anonymous().post("/v1/exchange", body).await.assert_problem(401, "unauthenticated");
}
