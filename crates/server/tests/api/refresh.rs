//! `POST /v1/refresh`

use super::common::*;

async fn refresh(world: &World, token: &str, attempt: Option<&str>) -> Answer {
    world.anonymous().post("/v1/refresh", json!({"refresh_token": token, "attempt": attempt})).await
}

under! {
    [Hybrid]
    async fn a_pair_is_renewed(world, alice) {
        let answer = refresh(&world, alice.refresh_token.as_deref().unwrap(), None).await;
        insta::assert_json_snapshot!(answer.shape(), @r#"
        {
          "access_token": "eyJ..",
          "expires_in": 900,
          "refresh_expires_in": 604800,
          "refresh_token": "ckr_..",
          "session": {
            "created_at": "2027-01-15T08:00:00.000Z",
            "current": true,
            "device": "Unknown device",
            "expires_at": "2027-02-14T08:00:00.000Z",
            "id": "<id>",
            "idle_expires_at": "2027-01-22T08:00:00.000Z",
            "ip": null,
            "last_used_at": "2027-01-15T08:00:00.000Z",
            "strategy": "hybrid"
          },
          "strategy": "hybrid",
          "token_type": "Bearer",
          "user": {
            "created_at": "2027-01-15T08:00:00.000Z",
            "email": "alice@example.com",
            "id": "<id>",
            "name": "ALICE",
            "roles": []
          }
        }
        "#);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_ne!(answer.text_at("refresh_token"), alice.refresh_token.clone().unwrap());
        let renewed = world.client_of(&answer, Way::Hybrid);
        assert_eq!(renewed.get("/v1/me").await.status, 200);
        assert_eq!(alice.get("/v1/me").await.status, 200, "the old access token stays valid");
    }
}

under! {
    [HybridCookie]
    async fn a_token_in_the_cookie_is_renewed_in_the_cookie(world, alice) {
        let cookie = format!("__Host-cloakroom-refresh={}", alice.refresh_token.clone().unwrap());
        let browser = world.anonymous().with("cookie", &cookie);
        let answer = browser.post_empty("/v1/refresh").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert!(answer.body["refresh_token"].is_null());
        assert!(answer.cookies()[0].starts_with("__Host-cloakroom-refresh=ckr_"));
        assert!(answer.cookies()[0].ends_with("; HttpOnly; SameSite=Strict"));
        // The attempt may come in the body, the token may not.
        let next = world.client_of(&answer, Way::HybridCookie);
        let cookie = format!("__Host-cloakroom-refresh={}", next.refresh_token.unwrap());
        let browser = world.anonymous().with("cookie", &cookie);
        let both = browser.post("/v1/refresh", json!({"refresh_token": "ckr_x"})).await;
        both.assert_problem(400, "invalid_request");
        let attempt = json!({"attempt": "0123456789abcdef"});
        assert_eq!(browser.post("/v1/refresh", attempt).await.status, 200);
    }
}

under! {
    [Hybrid]
    async fn a_lost_answer_is_given_again_to_the_same_attempt(world, alice) {
        let token = alice.refresh_token.clone().unwrap();
        let attempt = Some("0123456789abcdef");
        let first = refresh(&world, &token, attempt).await;
        world.advance(Duration::from_secs(3600));
        let again = refresh(&world, &token, attempt).await;
        assert_eq!(again.text_at("refresh_token"), first.text_at("refresh_token"), "one lineage");
        assert_eq!(world.client_of(&again, Way::Hybrid).get("/v1/me").await.status, 200);
    }
}

under! {
    [Hybrid]
    async fn a_thief_who_comes_second_ends_the_session(world, alice) {
        let stolen = alice.refresh_token.clone().unwrap();
        let honest = refresh(&world, &stolen, Some("0123456789abcdef")).await;
        world.advance(Duration::from_secs(11));
        refresh(&world, &stolen, Some("fedcba9876543210")).await.assert_problem(401, "invalid_grant");
        let honest = world.client_of(&honest, Way::Hybrid);
        honest.get("/v1/me").await.assert_problem(401, "invalid_token");
        let token = honest.refresh_token.unwrap();
        refresh(&world, &token, Some("0123456789abcdeg")).await.assert_problem(401, "invalid_grant");
    }
}

under! {
    [Hybrid]
    async fn two_tabs_without_a_lock_get_the_same_child(world, alice) {
        let token = alice.refresh_token.clone().unwrap();
        let tabs = (0..64).map(|tab| {
            let (anonymous, token) = (world.anonymous(), token.clone());
            let body = json!({"refresh_token": token, "attempt": format!("tab-{tab:016}")});
            tokio::spawn(async move { anonymous.post("/v1/refresh", body).await.text_at("refresh_token") })
        });
        let mut children = std::collections::HashSet::new();
        for tab in tabs.collect::<Vec<_>>() {
            children.insert(tab.await.unwrap());
        }
        assert_eq!(children.len(), 1, "one lineage, one child");
    }
}

under! {
    [Hybrid]
    async fn an_idle_pair_and_an_old_one_end(world, alice) {
        world.advance(Duration::from_secs(7 * 86_400));
        let token = alice.refresh_token.clone().unwrap();
        refresh(&world, &token, None).await.assert_problem(401, "invalid_grant");

        let alice = world.login("alice", Way::Hybrid).await;
        let mut token = alice.refresh_token.unwrap();
        for _ in 0..4 {
            world.advance(Duration::from_secs(6 * 86_400));
            token = refresh(&world, &token, None).await.text_at("refresh_token");
        }
        world.advance(Duration::from_secs(6 * 86_400));
        refresh(&world, &token, None).await.assert_problem(401, "invalid_grant");
    }
}

under! {
    [Hybrid]
    async fn a_disabled_user_cannot_refresh(world, alice) {
        world.disable("alice").await;
        let token = alice.refresh_token.clone().unwrap();
        refresh(&world, &token, None).await.assert_problem(401, "invalid_grant");
    }
}

under! {
    [Hybrid]
    async fn new_roles_come_with_the_next_refresh(world, alice) {
        let id = world.user("alice").await.id;
        let roles = ["editor"].into_iter().collect();
        world.app().set_roles(id, roles, world.now()).await.unwrap().unwrap();
        let answer = refresh(&world, alice.refresh_token.as_deref().unwrap(), None).await;
        let renewed = world.client_of(&answer, Way::Hybrid);
        assert_eq!(renewed.get("/v1/me").await.body["user"]["roles"], json!(["editor"]));
    }
}

/// A forgery that wrote anything would make a thief of the honest client that comes after it.
#[tokio::test]
async fn a_forged_token_changes_nothing() {
    let world = World::new().await;
    let token = world.login("alice", Way::Hybrid).await.refresh_token.unwrap();
    let forged = with_another_mac(&token);
    refresh(&world, &forged, Some("fedcba9876543210")).await.assert_problem(401, "invalid_grant");
    world.advance(Duration::from_secs(11));
    assert_eq!(refresh(&world, &token, Some("0123456789abcdef")).await.status, 200);
}

#[tokio::test]
async fn what_is_no_refresh_token_is_one_answer() {
    let world = World::new().await;
    let session = world.login("alice", Way::SessionHeader).await;
    let access = world.login("alice", Way::Jwt).await;
    let alice = world.login("alice", Way::Hybrid).await;
    let token = alice.refresh_token.clone().unwrap();
    let forged = with_another_mac(&token);
    let next_generation = {
        use base64::Engine;
        let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let mut bytes = engine.decode(&token[4..]).unwrap();
        bytes[20] += 1;
        format!("ckr_{}", engine.encode(bytes))
    };
    for bad in [
        "",
        "x",
        session.grant["session_token"].as_str().unwrap(),
        access.grant["access_token"].as_str().unwrap(),
        &forged,
        &next_generation,
    ] {
        let answer = refresh(&world, bad, None).await;
        answer.assert_problem(401, "invalid_grant");
        assert_eq!(answer.header("www-authenticate"), Some(r#"Bearer realm="cloakroom""#));
    }
    assert_eq!(refresh(&world, &token, None).await.status, 200, "nothing was written by any of them");
    world.anonymous().post_empty("/v1/refresh").await.assert_problem(401, "unauthenticated");
    alice.post_empty("/v1/refresh").await.assert_problem(401, "unauthenticated");
}

#[tokio::test]
async fn an_attempt_has_a_form_and_one_place() {
    let world = World::new().await;
    let token = world.login("alice", Way::Hybrid).await.refresh_token.unwrap();
    for bad in ["short", "with a space 0123", &"x".repeat(65), "ümlaut-0123456789"] {
        refresh(&world, &token, Some(bad)).await.assert_field("attempt", "invalid");
    }
    let body = |attempt: &str| json!({"refresh_token": token, "attempt": attempt});
    let keyed = world.anonymous().with("idempotency-key", "0123456789abcdef");
    keyed.post("/v1/refresh", body("fedcba9876543210")).await.assert_problem(400, "invalid_request");
    assert_eq!(keyed.post("/v1/refresh", body("0123456789abcdef")).await.status, 200);
    let again = keyed.post("/v1/refresh", json!({"refresh_token": token})).await;
    assert_eq!(again.status, 200, "the header alone is the same attempt");
}

#[tokio::test]
async fn an_idempotency_key_is_an_attempt_by_another_name() {
    let world = World::new().await;
    let token = world.login("alice", Way::Hybrid).await.refresh_token.unwrap();
    let with_key = |key: &[u8]| {
        let mut client = world.anonymous();
        let value = http::HeaderValue::from_bytes(key).unwrap();
        client.headers.push((http::HeaderName::from_static("idempotency-key"), value));
        client
    };
    let body = json!({"refresh_token": token});
    let long = "x".repeat(65);
    for bad in
        [&b""[..], b"short", b"with a space 0123", b"a\ttab-0123456789", "ümlaut-0123456789".as_bytes()]
    {
        with_key(bad).post("/v1/refresh", body.clone()).await.assert_field("attempt", "invalid");
        with_key(long.as_bytes()).post("/v1/refresh", body.clone()).await.assert_field("attempt", "invalid");
    }
    let twice = with_key(b"0123456789abcdef").with("idempotency-key", "0123456789abcdef");
    twice.post("/v1/refresh", body.clone()).await.assert_problem(400, "invalid_request");

    // Whichever way it came, it is the same attempt hours later, and another one is a thief's.
    let first = with_key(b"0123456789abcdef").post("/v1/refresh", body).await;
    world.advance(Duration::from_secs(3600));
    let again = refresh(&world, &token, Some("0123456789abcdef")).await;
    assert_eq!(again.text_at("refresh_token"), first.text_at("refresh_token"));
    let thief = with_key(b"fedcba9876543210").post("/v1/refresh", json!({"refresh_token": token})).await;
    thief.assert_problem(401, "invalid_grant");
    assert_eq!(thief.body["reason"], "refresh_token_reused");
}
