//! A store that is down: 503, never 401 and never 2xx, and no cookie is touched.

use super::common::*;

under! {
    [SessionCookie, SessionHeader, Jwt, Hybrid, HybridCookie]
    async fn everything_is_503_once_the_lease_has_run_out(world, alice) {
        assert_eq!(alice.get("/v1/me").await.status, 200);
        world.break_store();
        world.advance(Duration::from_secs(3));
        alice.get("/v1/me").await.assert_problem(503, "unavailable");
        alice.get("/v1/sessions").await.assert_problem(503, "unavailable");
        alice.delete("/v1/sessions?scope=all").await.assert_problem(503, "unavailable");
        alice.post_empty("/v1/logout").await.assert_problem(503, "unavailable");
        if let Some(token) = &alice.refresh_token {
            let body = json!({"refresh_token": token});
            world.anonymous().post("/v1/refresh", body.clone()).await.assert_problem(503, "unavailable");
            world.anonymous().post("/v1/logout", body).await.assert_problem(503, "unavailable");
        }
        world.mend_store();
        assert_eq!(alice.get("/v1/me").await.status, 200, "nothing was lost");
        assert_eq!(alice.post_empty("/v1/logout").await.status, 204);
        alice.get("/v1/me").await.assert_problem(401, "invalid_token");
    }
}

under! {
    [SessionCookie, SessionHeader, Jwt, Hybrid]
    async fn within_the_lease_a_known_credential_needs_no_store(world, alice) {
        for _ in 0..crate::REPLICAS {
            assert_eq!(alice.get("/v1/me").await.status, 200);
        }
        world.break_store();
        world.advance(Duration::from_secs(1));
        assert_eq!(alice.get("/v1/me").await.status, 200, "zero database calls");
    }
}

#[tokio::test]
async fn a_tolerant_route_goes_on_for_its_time_and_everything_else_does_not() {
    let world = World::with(&[("feed.tolerant", r#"["/v1/me=30s"]"#)]).await;
    for way in [Way::SessionHeader, Way::Jwt, Way::Hybrid] {
        let (alice, mallory) = (world.login("alice", way).await, world.login("mallory", way).await);
        // One after the other, so that each server has seen both.
        for who in [&alice, &mallory] {
            for _ in 0..crate::REPLICAS {
                assert_eq!(who.get("/v1/me").await.status, 200);
            }
        }
        assert_eq!(mallory.post_empty("/v1/logout").await.status, 204);
        for app in world.apps() {
            app.follower.sync().await.unwrap();
        }
        world.break_store();
        world.advance(Duration::from_secs(29));
        for _ in 0..crate::REPLICAS {
            assert_eq!(alice.get("/v1/me").await.status, 200);
        }
        for _ in 0..crate::REPLICAS {
            mallory.get("/v1/me").await.assert_problem(401, "invalid_token");
        }
        alice.get("/v1/sessions").await.assert_problem(503, "unavailable");
        alice.post_empty("/v1/logout").await.assert_problem(503, "unavailable");
        assert!(world.apps().iter().all(|app| app.verifier.tolerated() > 0), "it is counted");
        world.advance(Duration::from_secs(2));
        alice.get("/v1/me").await.assert_problem(503, "unavailable");
        world.mend_store();
        assert_eq!(alice.get("/v1/me").await.status, 200);
    }
}

#[tokio::test]
async fn login_signup_and_exchange_are_503() {
    let world = World::new().await;
    let alice = world.login("alice", Way::SessionHeader).await;
    world.break_store();
    let login = json!({"email": "alice@example.com", "password": World::PASSWORD});
    world.anonymous().post("/v1/login", login).await.assert_problem(503, "unavailable");
    alice.post("/v1/exchange", json!({"strategy": "hybrid"})).await.assert_problem(503, "unavailable");
    // Nothing is known of this session here, and nobody can be asked.
    let unknown = World::new().await;
    let stranger = unknown.login("alice", Way::SessionHeader).await;
    unknown.break_store();
    stranger.get("/v1/me").await.assert_problem(503, "unavailable");
}

#[tokio::test]
async fn failures_of_ours_are_not_charged_to_the_client() {
    let world = World::with(&[("throttle.per_account", "2/15m")]).await;
    world.user("alice").await;
    world.break_store();
    let login = json!({"email": "alice@example.com", "password": World::PASSWORD});
    for _ in 0..5 {
        world.anonymous().post("/v1/login", login.clone()).await.assert_problem(503, "unavailable");
    }
    world.mend_store();
    assert_eq!(world.anonymous().post("/v1/login", login).await.status, 200);
}

#[tokio::test]
async fn a_full_hashing_queue_is_503_and_me_is_answered() {
    // One hash of a gigabyte's worth of passes at a time would take seconds: a flood fills the queue.
    let world = World::with(&[("password.memory_kib", "65536"), ("throttle.per_account", "10000/1m")]).await;
    let alice = world.login("alice", Way::SessionHeader).await;
    let login = json!({"email": "alice@example.com", "password": "wrong"});
    let flood: Vec<_> = (0..200)
        .map(|_| {
            let (anonymous, login) = (world.anonymous(), login.clone());
            tokio::spawn(async move { anonymous.post("/v1/login", login).await })
        })
        .collect();
    let mut busy = 0;
    for answer in flood {
        let answer = answer.await.unwrap();
        if answer.status == 503 {
            answer.assert_problem(503, "unavailable");
            busy += 1;
        } else {
            answer.assert_problem(401, "invalid_credentials");
        }
    }
    assert!(busy > 0, "the queue has an end");
    assert_eq!(alice.get("/v1/me").await.status, 200);
}
