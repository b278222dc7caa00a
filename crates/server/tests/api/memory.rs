//! What one server remembers by itself, without the others: what it has not heard of yet, and its counts.

use cloakroom_auth::service_key::{Scope, ServiceKey};
use cloakroom_auth::session::EndReason;
use cloakroom_verify::OpaqueToken;
use http::Method;
use secrecy::ExposeSecret;

use super::common::*;

#[tokio::test]
async fn what_another_process_ended_is_refused_by_the_very_next_check() {
    for (freshness, next) in [("always", 401), ("bounded", 200)] {
        let world = World::with(&[("session.freshness", freshness)]).await;
        let alice = world.login("alice", Way::SessionHeader).await;
        assert_eq!(alice.get("/v1/me").await.status, 200);
        // In the database, and not in this server's memory.
        let id = world.user("alice").await.id;
        world.app().store.end_all(id, None, EndReason::EndedByAdmin, world.now()).await.unwrap();
        assert_eq!(alice.get("/v1/me").await.status, next, "{freshness}");
    }
}

under! {
    [SessionHeader, Jwt, Hybrid]
    async fn a_revocation_that_this_server_has_not_heard_of_yet_is_obeyed(world, alice) {
        assert_eq!(alice.get("/v1/me").await.status, 200);
        // As another server would: in the database, and not in this one's memory.
        let id = world.user("alice").await.id;
        let reason = EndReason::EndedByAdmin;
        world.app().store.end_all(id, None, reason, world.now()).await.unwrap();
        assert_eq!(alice.get("/v1/me").await.status, 200, "within the bound");
        let proof = json!({"password": World::PASSWORD});
        let change = json!({"current_password": World::PASSWORD, "new_password": "ninety green umbrellas"});
        for (path, body) in [("/v1/password", change), ("/v1/reauthenticate", proof)] {
            alice.post(path, body).await.assert_problem(401, "invalid_token");
        }
    }
}

#[tokio::test]
async fn what_came_of_refreshes_is_counted_by_outcome() {
    let world = World::new().await;
    let alice = world.login("alice", Way::Hybrid).await;
    let refresh = |token: String, attempt: &'static str| {
        let body = json!({"refresh_token": token, "attempt": attempt});
        let anonymous = world.anonymous();
        async move { anonymous.post("/v1/refresh", body).await }
    };
    let token = alice.refresh_token.clone().unwrap();
    for _ in 0..2 {
        assert_eq!(refresh(token.clone(), "the-victims-attempt").await.status, 200);
    }
    assert_eq!(refresh(token.clone(), "another-tabs-attempt").await.status, 200, "within the grace");
    world.advance(Duration::from_secs(60));
    world.app.follower.sync().await.unwrap();
    for _ in 0..2 {
        assert_eq!(refresh(token.clone(), "the-thiefs-attempt").await.status, 401);
    }
    assert_eq!(refresh(String::from("ckr_AAAA"), "the-thiefs-attempt").await.status, 401);
    let metrics = world.app.metrics.text(&world.app);
    for (outcome, count) in [
        ("refresh_rotated", 1),
        ("refresh_repeated", 1),
        ("refresh_repeated_in_grace", 1),
        ("refresh_reused", 1),
        ("refresh_ended", 1),
        ("refresh_forged", 1),
        ("refresh_late_duplicate", 0),
    ] {
        let line = format!("cloakroom_refreshes_total{{outcome=\"{outcome}\"}} {count}\n");
        assert!(metrics.contains(&line), "{line}{metrics}");
    }
}

#[tokio::test]
async fn a_forged_token_makes_nobody_write() {
    let world = World::new().await;
    let alice = world.login("alice", Way::SessionHeader).await;
    let (key, text) = ServiceKey::make(String::from("shop"), vec![Scope::Introspect], world.now());
    assert!(world.app().store.add_service_key(key).await.unwrap());
    let service = world.anonymous().bearer(text.expose_secret());
    let mut forged = OpaqueToken::parse(&alice.text("session_token")).unwrap();
    forged.mac[0] ^= 1;
    world.app().uses.record(forged.session, world.now(), Duration::from_secs(3600));
    let form = "application/x-www-form-urlencoded";
    let body = format!("token={}", forged.to_text());
    let told = service.send(Method::POST, "/v1/introspect", form, body.into()).await;
    assert_eq!(told.body, json!({"active": false}));
    let thief = world.anonymous().with("session-id", &forged.to_text());
    thief
        .post("/v1/reauthenticate", json!({"password": World::PASSWORD}))
        .await
        .assert_problem(401, "invalid_token");
    assert_eq!(
        world.app().uses.take(forged.session),
        [(forged.session, world.now())],
        "it still waits to be written"
    );
}
