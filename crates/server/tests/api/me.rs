//! `GET /v1/me`

use super::common::*;

under! {
    [SessionCookie, SessionHeader, SessionBearer, Jwt, Hybrid, HybridCookie]
    async fn the_caller_is_told_who_it_is(world, alice) {
        let me = alice.get("/v1/me").await;
        assert_eq!(me.status, 200, "{}", me.text);
        let user = world.user("alice").await;
        assert_eq!(me.body["user"]["id"], user.id.to_string());
        assert_eq!(me.body["user"]["email"], "alice@example.com");
        assert_eq!(me.body["user"]["name"], "ALICE");
        assert_eq!(me.body["strategy"], alice.grant["strategy"]);
        assert_eq!(me.body["session"]["id"], alice.grant["session"]["id"]);
        assert_eq!(me.header("cache-control"), Some("no-store"));
    }
}

under! {
    [SessionCookie, Jwt]
    async fn past_the_router_and_through_it_status_headers_and_length_are_the_same(world, alice) {
        for caller in [alice, world.anonymous()] {
            let got = caller.get("/v1/me").await;
            // Only GET passes the router by.
            let head = caller.send(http::Method::HEAD, "/v1/me", "", axum::body::Body::empty()).await;
            assert_eq!(head.status, got.status);
            assert_eq!(head.header("content-type"), got.header("content-type"));
            assert_eq!(head.header("www-authenticate"), got.header("www-authenticate"));
            if got.status == 200 {
                assert_eq!(head.header("content-length"), Some(got.text.len().to_string().as_str()));
            }
        }
    }
}

#[tokio::test]
async fn a_session_tells_the_login_and_claims_tell_what_they_hold() {
    let world = World::new().await;
    let session = world.login("alice", Way::SessionCookie).await.get("/v1/me").await;
    insta::assert_json_snapshot!(session.shape(), @r#"
    {
      "session": {
        "created_at": "2027-01-15T08:00:00.000Z",
        "current": true,
        "device": "Unknown device",
        "expires_at": "2027-01-16T08:00:00.000Z",
        "id": "<id>",
        "idle_expires_at": "2027-01-15T09:00:00.000Z",
        "ip": null,
        "last_used_at": "2027-01-15T08:00:00.000Z",
        "strategy": "session"
      },
      "strategy": "session",
      "user": {
        "created_at": "2027-01-15T08:00:00.000Z",
        "email": "alice@example.com",
        "id": "<id>",
        "name": "ALICE",
        "roles": []
      }
    }
    "#);
    let jwt = world.login("alice", Way::Jwt).await.get("/v1/me").await;
    insta::assert_json_snapshot!(jwt.shape(), @r#"
    {
      "strategy": "jwt",
      "user": {
        "email": "alice@example.com",
        "id": "<id>",
        "name": "ALICE",
        "roles": []
      }
    }
    "#);
    let hybrid = world.login("alice", Way::Hybrid).await.get("/v1/me").await;
    insta::assert_json_snapshot!(hybrid.shape(), @r#"
    {
      "session": {
        "id": "<id>"
      },
      "strategy": "hybrid",
      "user": {
        "email": "alice@example.com",
        "id": "<id>",
        "name": "ALICE",
        "roles": []
      }
    }
    "#);
}

#[tokio::test]
async fn nobody_is_401_without_an_error_and_garbage_is_401_with_one_answer_for_all() {
    let world = World::new().await;
    let nobody = world.anonymous().get("/v1/me").await;
    nobody.assert_problem(401, "unauthenticated");
    assert_eq!(nobody.header("www-authenticate"), Some(r#"Bearer realm="cloakroom""#));

    let alice = world.login("alice", Way::SessionHeader).await;
    let token = alice.grant["session_token"].as_str().unwrap();
    let forged = forged(token);
    let refresh = world.login("alice", Way::Hybrid).await.refresh_token.unwrap();
    let mut bodies = Vec::new();
    for bad in ["x", "cks_", "cks_AAAA", "a.b.c", &forged, &refresh] {
        for client in [world.anonymous().bearer(bad), world.anonymous().with("session-id", bad)] {
            let mut answer = client.get("/v1/me").await;
            answer.assert_problem(401, "invalid_token");
            let challenge = r#"Bearer realm="cloakroom", error="invalid_token""#;
            assert_eq!(answer.header("www-authenticate"), Some(challenge));
            answer.body["request_id"] = Value::Null;
            bodies.push(answer.body);
        }
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]), "one answer for all of them");
}

/// The same token with one character of its mac changed.
fn forged(token: &str) -> String {
    let (before, rest) = token.split_at(token.len() - 5);
    let other = if rest.starts_with('A') { 'B' } else { 'A' };
    format!("{before}{other}{}", &rest[1..])
}

#[tokio::test]
async fn a_token_of_another_kind_is_refused_in_every_place() {
    let world = World::new().await;
    let hybrid = world.login("alice", Way::Hybrid).await;
    let session = world.login("alice", Way::SessionHeader).await;
    let access = hybrid.grant["access_token"].as_str().unwrap();
    let refresh = hybrid.refresh_token.as_deref().unwrap();
    let token = session.grant["session_token"].as_str().unwrap();
    world.anonymous().with("session-id", access).get("/v1/me").await.assert_problem(401, "invalid_token");
    world.anonymous().bearer(refresh).get("/v1/me").await.assert_problem(401, "invalid_token");
    let cookie = format!("__Host-cloakroom={refresh}");
    world.anonymous().with("cookie", &cookie).get("/v1/me").await.assert_problem(401, "invalid_token");
    let cookie = format!("__Host-cloakroom={access}");
    world.anonymous().with("cookie", &cookie).get("/v1/me").await.assert_problem(401, "invalid_token");
    // The same mac under the other prefix.
    let renamed = token.replacen("cks_", "ckr_", 1);
    world.anonymous().bearer(&renamed).get("/v1/me").await.assert_problem(401, "invalid_token");
    let renamed = refresh.replacen("ckr_", "cks_", 1);
    world.anonymous().bearer(&renamed).get("/v1/me").await.assert_problem(401, "invalid_token");
}

#[tokio::test]
async fn headers_that_no_client_sends_are_400() {
    let world = World::new().await;
    let alice = world.login("alice", Way::SessionHeader).await;
    let token = alice.grant["session_token"].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {token}");
    let cookie = format!("__Host-cloakroom={token}");
    let twice = format!("__Host-cloakroom={token}; __Host-cloakroom={token}");
    let anonymous = || world.anonymous();
    for client in [
        anonymous().with("authorization", "Basic YTpi"),
        anonymous().with("authorization", &token),
        anonymous().directly().with("authorization", &bearer).with("authorization", &bearer),
        anonymous().with("session-id", &token).with("session-id", &token),
        anonymous().with("session-id", &token).with("authorization", &bearer),
        anonymous().with("cookie", &twice),
        anonymous().with("cookie", &cookie).with("cookie", &cookie),
    ] {
        let answer = client.get("/v1/me").await;
        answer.assert_problem(400, "invalid_request");
        assert_eq!(
            answer.header("www-authenticate"),
            Some(r#"Bearer realm="cloakroom", error="invalid_request""#)
        );
    }
}

#[tokio::test]
async fn a_header_decides_over_the_cookie() {
    let world = World::new().await;
    let alice = world.login("alice", Way::SessionCookie).await;
    let mallory = world.login("mallory", Way::Jwt).await;
    let other = mallory.grant["access_token"].as_str().unwrap();
    // Two valid logins that disagree: nobody can know which one was meant.
    alice.clone().bearer(other).get("/v1/me").await.assert_problem(400, "invalid_request");
    // An invalid header beside a valid cookie is invalid; an invalid cookie beside a valid header is ignored.
    alice.clone().bearer("cks_garbage").get("/v1/me").await.assert_problem(401, "invalid_token");
    let answer = mallory.clone().with("cookie", "__Host-cloakroom=cks_garbage").get("/v1/me").await;
    assert_eq!(answer.body["user"]["email"], "mallory@example.com");
    // The same login in both.
    let token =
        world.login("alice", Way::SessionHeader).await.grant["session_token"].as_str().unwrap().to_owned();
    let both = world.anonymous().bearer(&token).with("cookie", &format!("__Host-cloakroom={token}"));
    assert_eq!(both.get("/v1/me").await.status, 200);
}

under! {
    [SessionCookie, SessionHeader, Jwt, Hybrid]
    async fn a_disabled_user_is_refused_at_once(world, alice) {
        assert_eq!(alice.get("/v1/me").await.status, 200);
        world.disable("alice").await;
        alice.get("/v1/me").await.assert_problem(401, "invalid_token");
    }
}

under! {
    [SessionCookie, SessionHeader, Jwt, Hybrid]
    async fn a_change_by_another_process_bites_within_the_bound(world, alice) {
        assert_eq!(alice.get("/v1/me").await.status, 200);
        let id = world.user("alice").await.id;
        // Another process: the store is changed without this server's rules.
        let status = cloakroom_auth::user::Status::Disabled;
        world.app().store.set_status(id, status, world.now()).await.unwrap();
        world.advance(Duration::from_secs(2));
        alice.get("/v1/me").await.assert_problem(401, "invalid_token");
    }
}

under! {
    [Jwt, Hybrid]
    async fn an_access_token_ends_with_its_exp(world, alice) {
        world.advance(Duration::from_secs(900 + 4));
        assert_eq!(alice.get("/v1/me").await.status, 200, "within the leeway");
        world.advance(Duration::from_secs(1));
        alice.get("/v1/me").await.assert_problem(401, "invalid_token");
    }
}

under! {
    [SessionCookie, SessionHeader]
    async fn a_session_lives_while_it_is_used_and_ends_when_it_rests(world, alice) {
        for _ in 0..5 {
            world.advance(Duration::from_secs(3500));
            assert_eq!(alice.get("/v1/me").await.status, 200);
            world.flush_due_uses().await;
        }
        world.advance(Duration::from_secs(3600));
        alice.get("/v1/me").await.assert_problem(401, "invalid_token");
    }
}

under! {
    [SessionCookie, SessionHeader]
    async fn a_session_that_is_used_again_just_in_time_is_idle_for_no_server(world, alice) {
        for _ in 0..5 {
            world.advance(Duration::from_secs(59 * 60));
            assert_eq!(alice.get("/v1/me").await.status, 200);
            world.advance(Duration::from_secs(2 * 60));
            assert_eq!(alice.get("/v1/me").await.status, 200);
        }
    }
}

under! {
    [SessionCookie]
    async fn a_session_in_use_ends_with_its_absolute_timeout(world, alice) {
        for _ in 0..24 {
            assert_eq!(alice.get("/v1/me").await.status, 200);
            world.advance(Duration::from_secs(3599));
        }
        world.advance(Duration::from_secs(24));
        alice.get("/v1/me").await.assert_problem(401, "invalid_token");
    }
}

under! {
    [Jwt, Hybrid]
    async fn new_roles_refuse_the_access_tokens_with_the_old_ones(world, alice) {
        assert_eq!(alice.get("/v1/me").await.body["user"]["roles"], json!([]));
        let id = world.user("alice").await.id;
        let roles = ["editor"].into_iter().collect();
        world.app().set_roles(id, roles, world.now()).await.unwrap().unwrap();
        alice.get("/v1/me").await.assert_problem(401, "invalid_token");
    }
}

under! {
    [SessionCookie, SessionHeader]
    async fn new_roles_show_in_a_session_at_once(world, alice) {
        assert_eq!(alice.get("/v1/me").await.status, 200);
        let id = world.user("alice").await.id;
        let roles = ["editor"].into_iter().collect();
        world.app().set_roles(id, roles, world.now()).await.unwrap().unwrap();
        assert_eq!(alice.get("/v1/me").await.body["user"]["roles"], json!(["editor"]));
    }
}
