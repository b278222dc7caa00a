//! `POST /v1/password`, `POST /v1/reauthenticate`

use super::common::*;

const NEW: &str = "forty purple umbrellas dance";

fn change(new: &str) -> Value {
    json!({"current_password": World::PASSWORD, "new_password": new})
}

fn proof() -> Value {
    json!({"password": World::PASSWORD})
}

async fn log_in(world: &World, password: &str) -> u16 {
    let body = json!({"email": "alice@example.com", "password": password, "strategy": "jwt"});
    world.anonymous().post("/v1/login", body).await.status.as_u16()
}

under! {
    [SessionCookie, SessionHeader, SessionBearer, Jwt, Hybrid, HybridCookie]
    async fn a_changed_password_ends_every_other_login_and_renews_this_one(world, alice) {
        let others = [
            world.login("alice", Way::SessionCookie).await,
            world.login("alice", Way::Jwt).await,
            world.login("alice", Way::Hybrid).await,
        ];
        let mallory = world.login("mallory", Way::SessionHeader).await;
        let answer = alice.post("/v1/password", change(NEW)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.body["session"]["id"], alice.grant["session"]["id"], "the same row");
        assert_eq!(answer.body["strategy"], alice.grant["strategy"]);
        let next = world.client_of(&answer, alice.way.unwrap());
        assert_eq!(next.get("/v1/me").await.status, 200);
        alice.get("/v1/me").await.assert_problem(401, "invalid_token");
        for other in &others {
            other.get("/v1/me").await.assert_problem(401, "invalid_token");
            if let Some(token) = &other.refresh_token {
                let answer = world.anonymous().post("/v1/refresh", json!({"refresh_token": token})).await;
                answer.assert_problem(401, "invalid_grant");
                assert_eq!(answer.body["reason"], "password_changed");
            }
        }
        assert_eq!(mallory.get("/v1/me").await.status, 200);
        assert_eq!((log_in(&world, World::PASSWORD).await, log_in(&world, NEW).await), (401, 200));
    }
}

under! {
    [SessionCookie, SessionHeader, SessionBearer, Jwt, Hybrid, HybridCookie]
    async fn a_password_proved_again_makes_the_next_credential_of_the_same_login(world, alice) {
        let other = world.login("alice", Way::SessionHeader).await;
        world.advance(Duration::from_secs(600));
        world.app.follower.sync().await.unwrap();
        let answer = alice.post("/v1/reauthenticate", proof()).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.body["session"]["id"], alice.grant["session"]["id"]);
        let way = alice.way.unwrap();
        let next = world.client_of(&answer, way);
        assert_eq!(next.get("/v1/me").await.status, 200);
        assert_eq!(other.get("/v1/me").await.status, 200, "other logins live on");
        if way.strategy() == "session" {
            alice.get("/v1/me").await.assert_problem(401, "invalid_token");
        }
        if let Some(token) = &alice.refresh_token {
            let old = world.anonymous().post("/v1/refresh", json!({"refresh_token": token})).await;
            old.assert_problem(401, "invalid_grant");
            assert!(old.body["reason"].is_null(), "the login lives, and is not revoked by it");
            let token = next.refresh_token.clone().unwrap();
            let renewed = world.anonymous().post("/v1/refresh", json!({"refresh_token": token})).await;
            assert_eq!(renewed.status, 200);
            assert_eq!(auth_time(&renewed.text_at("access_token")), world.now().as_seconds(), "and stays proved");
        }
        if way.strategy() != "session" {
            let (before, after) = (alice.text("access_token"), answer.text_at("access_token"));
            assert_eq!(auth_time(&after) - auth_time(&before), 600);
        }
    }
}

under! {
    [SessionHeader, Jwt, Hybrid]
    async fn a_wrong_password_changes_nothing_and_is_throttled_like_a_login(world, alice) {
        let wrong = json!({"current_password": "not my password at all", "new_password": NEW});
        alice.post("/v1/password", wrong.clone()).await.assert_problem(403, "wrong_password");
        let again = json!({"password": "not my password at all"});
        alice.post("/v1/reauthenticate", again.clone()).await.assert_problem(403, "wrong_password");
        assert_eq!(alice.get("/v1/me").await.status, 200);
        // Each server has budgets of its own.
        for _ in 0..crate::REPLICAS * 10 - 2 {
            alice.post("/v1/reauthenticate", again.clone()).await.assert_problem(403, "wrong_password");
        }
        alice.post("/v1/reauthenticate", proof()).await.assert_problem(429, "too_many_requests");
        alice.post("/v1/password", change(NEW)).await.assert_problem(429, "too_many_requests");
        assert_eq!(log_in(&world, World::PASSWORD).await, 200, "a thief of one login keeps its owner out of no other");
        assert_eq!(alice.get("/v1/me").await.status, 200);
    }
}

under! {
    [SessionHeader, Jwt, Hybrid]
    async fn strangers_who_guess_do_not_keep_the_owner_from_changing_the_password(world, alice) {
        // Each server has budgets of its own.
        for _ in 0..crate::REPLICAS * 10 {
            assert_eq!(log_in(&world, "not my password at all").await, 401);
        }
        assert_eq!(log_in(&world, World::PASSWORD).await, 429);
        let proved = alice.post("/v1/reauthenticate", proof()).await;
        assert_eq!(proved.status, 200, "{}", proved.text);
        let next = world.client_of(&proved, alice.way.unwrap());
        assert_eq!(next.post("/v1/password", change(NEW)).await.status, 200);
    }
}

under! {
    [SessionHeader]
    async fn a_new_password_must_be_a_good_one(world, alice) {
        for (new, code) in [
            ("short", "too_short"),
            ("alice@example.com alice", "password_blocklisted"),
            (&*"x".repeat(1025), "too_long"),
        ] {
            alice.post("/v1/password", change(new)).await.assert_field("new_password", code);
        }
        let long = json!({"current_password": "x".repeat(1025), "new_password": NEW});
        alice.post("/v1/password", long).await.assert_field("current_password", "too_long");
        let more = json!({"current_password": "x", "new_password": NEW, "email": "x"});
        alice.post("/v1/password", more).await.assert_field("email", "unknown_field");
        assert_eq!(log_in(&world, World::PASSWORD).await, 200);
    }
}

under! {
    [SessionHeader, Jwt, Hybrid]
    async fn nobody_and_a_login_that_ended_change_nothing(world, alice) {
        for (path, body) in [("/v1/password", change(NEW)), ("/v1/reauthenticate", proof())] {
            world.anonymous().post(path, body).await.assert_problem(401, "unauthenticated");
        }
        assert_eq!(alice.post_empty("/v1/logout").await.status, 204);
        for (path, body) in [("/v1/password", change(NEW)), ("/v1/reauthenticate", proof())] {
            alice.post(path, body).await.assert_problem(401, "invalid_token");
        }
        assert_eq!(log_in(&world, World::PASSWORD).await, 200);
    }
}

under! {
    [SessionHeader]
    async fn two_changes_at_once_end_in_one(world, alice) {
        let (one, two) = tokio::join!(
            alice.post("/v1/password", change(NEW)),
            alice.post("/v1/password", change("ninety green umbrellas sleep")),
        );
        let mut statuses = [one.status.as_u16(), two.status.as_u16()];
        statuses.sort_unstable();
        assert!(matches!(statuses, [200, 401 | 403]), "{statuses:?}");
        assert_eq!(log_in(&world, World::PASSWORD).await, 401);
    }
}

under! {
    [SessionHeader]
    async fn an_outage_is_503_and_costs_nothing(world, alice) {
        world.break_store();
        for (path, body) in [("/v1/password", change(NEW)), ("/v1/reauthenticate", proof())] {
            alice.post(path, body).await.assert_problem(503, "unavailable");
        }
        world.mend_store();
        assert_eq!(alice.get("/v1/me").await.status, 200);
        assert_eq!(log_in(&world, World::PASSWORD).await, 200);
    }
}

fn auth_time(token: &str) -> i64 {
    let (_, claims) = cloakroom_verify::jws::look(token).unwrap();
    serde_json::from_slice::<Value>(&claims).unwrap()["auth_time"].as_i64().unwrap()
}
