//! `POST /v1/introspect`, `POST /v1/revoke`, and the keys that they ask for.

use std::time::Duration;

use cloakroom_auth::service_key::{Scope, ServiceKey};
use cloakroom_auth::session::EndReason;
use http::Method;
use secrecy::ExposeSecret;
use serde_json::json;

use super::common::*;

const INACTIVE: &str = r#"{"active":false}"#;

async fn key(world: &World, name: &str, scopes: &[Scope]) -> Client {
    let (key, text) = ServiceKey::make(name.to_owned(), scopes.to_vec(), world.now());
    assert!(world.app().store.add_service_key(key).await.unwrap());
    world.anonymous().bearer(text.expose_secret())
}

async fn form(client: &Client, path: &str, body: String) -> Answer {
    client.send(Method::POST, path, "application/x-www-form-urlencoded", body.into()).await
}

async fn introspect(service: &Client, token: &str) -> Answer {
    let answer = form(service, "/v1/introspect", format!("token={token}&token_type_hint=whatever")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer
}

/// A token of each kind and the login it belongs to.
async fn tokens(world: &World) -> Vec<(Client, String)> {
    let mut tokens = Vec::new();
    for (way, name) in [
        (Way::SessionHeader, "session_token"),
        (Way::Jwt, "access_token"),
        (Way::Hybrid, "access_token"),
        (Way::Hybrid, "refresh_token"),
    ] {
        let client = world.login("alice", way).await;
        let token = client.text(name);
        tokens.push((client, token));
    }
    tokens
}

#[tokio::test]
async fn a_good_token_is_told_whose_it_is() {
    let world = World::new().await;
    let service = key(&world, "shop", &[Scope::Introspect]).await;
    let alice = world.user("alice").await.id.to_string();
    for (client, token) in tokens(&world).await {
        let told = introspect(&service, &token).await;
        assert_eq!(told.body["active"], true, "{}", told.text);
        assert_eq!(told.body["sub"], alice);
        assert_eq!(told.body["username"], "alice@example.com");
        assert_eq!(told.body["strategy"], client.grant["strategy"]);
        assert_eq!(told.body["sid"], client.grant["session"]["id"]);
        assert_eq!(told.body["iss"], world.app().rules.issuer);
    }
}

#[tokio::test]
async fn a_service_key_beside_a_session_id_is_400() {
    let world = World::new().await;
    let service = key(&world, "shop", &[Scope::Introspect]).await.with("session-id", "cks_x");
    form(&service, "/v1/introspect", String::from("token=x")).await.assert_problem(400, "invalid_request");
}

#[tokio::test]
async fn whatever_is_not_good_is_told_by_the_same_bytes() {
    let world = World::new().await;
    let service = key(&world, "shop", &[Scope::Introspect]).await;
    let tokens = tokens(&world).await;
    for (_, token) in &tokens {
        let cut = &token[..token.len() - 1];
        assert_eq!(introspect(&service, cut).await.text, INACTIVE, "{cut}");
    }
    for garbage in ["", "x", "cka_x", "a.b.c"] {
        assert_eq!(introspect(&service, garbage).await.text, INACTIVE, "{garbage}");
    }
    world.disable("alice").await;
    for (_, token) in &tokens {
        assert_eq!(introspect(&service, token).await.text, INACTIVE, "disabled");
    }
}

#[tokio::test]
async fn a_token_is_inactive_at_once_after_its_logout_even_if_another_process_ended_it() {
    let world = World::new().await;
    let service = key(&world, "shop", &[Scope::Introspect, Scope::Revoke]).await;
    for (_, token) in tokens(&world).await {
        assert_eq!(form(&service, "/v1/revoke", format!("token={token}")).await.status, 200);
        assert_eq!(introspect(&service, &token).await.text, INACTIVE);
        assert_eq!(form(&service, "/v1/revoke", format!("token={token}")).await.status, 200, "again");
    }
    let alice = world.login("alice", Way::Hybrid).await;
    let (access, user) = (alice.text("access_token"), world.user("alice").await.id);
    // Beside this process: it has not followed the feed.
    let (auth, reason) = (world.app(), EndReason::EndedByAdmin);
    auth.store.end_all(user, None, reason, world.now()).await.unwrap().unwrap();
    assert_eq!(introspect(&service, &access).await.text, INACTIVE, "by the store, not by memory");
}

#[tokio::test]
async fn expired_and_spent_tokens_and_changed_claims_are_inactive() {
    let world = World::new().await;
    let service = key(&world, "shop", &[Scope::Introspect]).await;
    let hybrid = world.login("alice", Way::Hybrid).await;
    let (access, refresh) = (hybrid.text("access_token"), hybrid.text("refresh_token"));
    let next = world.anonymous().post("/v1/refresh", json!({"refresh_token": refresh})).await;
    assert_eq!(introspect(&service, &refresh).await.text, INACTIVE, "spent");
    assert_eq!(introspect(&service, &next.text_at("refresh_token")).await.body["active"], true);
    assert_eq!(
        introspect(&service, &access).await.body["active"],
        true,
        "an access token outlives a refresh"
    );
    let user = world.user("alice").await.id;
    world.app().set_roles(user, ["editor"].into_iter().collect(), world.now()).await.unwrap();
    assert_eq!(introspect(&service, &access).await.text, INACTIVE, "its roles are outdated");
    world.advance(Duration::from_secs(906));
    assert_eq!(introspect(&service, &next.text_at("access_token")).await.text, INACTIVE, "expired");
}

#[tokio::test]
async fn only_a_live_key_with_the_scope_may_ask() {
    let world = World::new().await;
    let (introspects, revokes) =
        (key(&world, "one", &[Scope::Introspect]).await, key(&world, "other", &[Scope::Revoke]).await);
    for (path, wrong) in [("/v1/introspect", &revokes), ("/v1/revoke", &introspects)] {
        let answer = form(wrong, path, String::from("token=x")).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (403, "forbidden"));
        assert!(answer.header("www-authenticate").unwrap().contains("insufficient_scope"));
        form(&world.anonymous(), path, String::from("token=x")).await.assert_problem(401, "unauthenticated");
        for nobody in [format!("cka_{}", "A".repeat(64)), String::from("cka_"), String::from("x")] {
            let client = world.anonymous().bearer(&nobody);
            form(&client, path, String::from("token=x")).await.assert_problem(401, "invalid_token");
        }
        let admin = world.login("admin", Way::SessionBearer).await;
        form(&admin, path, String::from("token=x")).await.assert_problem(401, "invalid_token");
    }
    world.app().store.revoke_service_key("one", world.now()).await.unwrap().unwrap();
    form(&introspects, "/v1/introspect", String::from("token=x")).await.assert_problem(401, "invalid_token");
    let me = introspects.get("/v1/me").await;
    me.assert_problem(401, "invalid_token");
}

#[tokio::test]
async fn a_request_that_is_no_form_is_refused() {
    let world = World::new().await;
    let service = key(&world, "shop", &[Scope::Introspect]).await;
    service.post("/v1/introspect", json!({"token": "x"})).await.assert_problem(415, "unsupported_media_type");
    for malformed in ["", "tokn=x", "token=a&token=b"] {
        let answer = form(&service, "/v1/introspect", malformed.to_owned()).await;
        answer.assert_problem(400, "invalid_request");
    }
}

/// Only PostgreSQL has somebody who could take its place.
#[tokio::test]
async fn a_primary_that_others_went_on_without_does_not_say_what_is_active_or_ended() {
    let world = World::new().await;
    if !world.fence() {
        return;
    }
    let service = key(&world, "shop", &[Scope::Introspect, Scope::Revoke]).await;
    let (session, token) =
        (world.login("alice", Way::SessionHeader).await, world.login("alice", Way::Jwt).await);
    let hybrid = world.login("alice", Way::Hybrid).await;
    let shown = [session.text("session_token"), token.text("access_token")];
    // It reads what it has, and can commit nothing.
    world.sql("ALTER TABLE feed_beat RENAME TO gone_beat");
    for text in &shown {
        for path in ["/v1/introspect", "/v1/revoke"] {
            form(&service, path, format!("token={text}")).await.assert_problem(503, "unavailable");
        }
        let logout = world.anonymous().bearer(text).post_empty("/v1/logout").await;
        logout.assert_problem(503, "unavailable");
    }
    // What it does not find may have been made on the other one.
    let unknown = with_another_mac(&shown[0]);
    let body = serde_json::json!({"refresh_token": with_another_mac(&hybrid.text("refresh_token"))});
    world.anonymous().bearer(&unknown).get("/v1/me").await.assert_problem(503, "unavailable");
    world.anonymous().post("/v1/refresh", body).await.assert_problem(503, "unavailable");
    let body = serde_json::json!({"strategy": "hybrid", "transport": "body"});
    world.anonymous().bearer(&unknown).post("/v1/exchange", body).await.assert_problem(503, "unavailable");
    world.sql("ALTER TABLE gone_beat RENAME TO feed_beat");
    for text in &shown {
        assert_eq!(introspect(&service, text).await.body["active"], true);
    }
}

#[tokio::test]
async fn without_its_store_it_does_not_say_inactive() {
    let world = World::new().await;
    let service = key(&world, "shop", &[Scope::Introspect, Scope::Revoke]).await;
    let alice = world.login("alice", Way::Jwt).await.text("access_token");
    world.break_store();
    for path in ["/v1/introspect", "/v1/revoke"] {
        form(&service, path, format!("token={alice}")).await.assert_problem(503, "unavailable");
    }
}
