//! The layer and the extractors in an axum service, as a service that embeds them meets them.

#[expect(dead_code, reason = "this suite uses a part of it")]
mod common;

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::get;
use cloakroom_verify::authenticate::RouteClass;
use cloakroom_verify::clock::{Clock, SystemClock};
use cloakroom_verify::extract::{Admin, Fresh, Having};
use cloakroom_verify::layer::AuthenticateLayer;
use cloakroom_verify::{Principal, PrincipalFacts, Revocation};
use common::*;
use http::Request;
use tower::ServiceExt;

fn service(world: &World) -> Router {
    Router::new()
        .route("/me", get(async |principal: Principal| principal.user.to_string()))
        .route("/perhaps", get(async |principal: Option<Principal>| principal.is_some().to_string()))
        .route("/admin", get(async |_: Having<Admin>| "welcome"))
        .route("/fresh", get(async |_: Fresh<300>| "welcome"))
        .route("/open", get(async || "welcome"))
        .layer(AuthenticateLayer::new(world.verifier.clone()))
}

async fn ask(world: &World, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    service(world).oneshot(request.body(Body::empty()).expect("a request")).await.expect("it never fails")
}

#[track_caller]
fn challenge(response: &Response) -> (u16, Option<&str>) {
    let header = response.headers().get("www-authenticate").map(|value| value.to_str().expect("text"));
    (response.status().as_u16(), header)
}

#[tokio::test]
async fn a_handler_sees_who_is_calling_by_any_credential() {
    let world = World::new();
    let (session, access) = (world.session(1), world.forge.token(None, rv(0)));
    for (name, value) in [
        ("session-id", session.clone()),
        ("authorization", format!("Bearer {session}")),
        ("authorization", format!("Bearer {access}")),
        ("cookie", format!("a=b; __Host-cloakroom={session}")),
    ] {
        assert_eq!(ask(&world, "/me", &[(name, &value)]).await.status(), 200, "{name}");
    }
}

#[tokio::test]
async fn nobody_and_garbage_are_401_and_told_apart() {
    let world = World::new();
    let nobody = ask(&world, "/me", &[]).await;
    assert_eq!(challenge(&nobody), (401, Some(r#"Bearer realm="cloakroom""#)));
    assert_eq!(nobody.headers()["content-type"], "application/problem+json");
    let garbage = ask(&world, "/me", &[("authorization", "Bearer garbage")]).await;
    assert_eq!(challenge(&garbage), (401, Some(r#"Bearer realm="cloakroom", error="invalid_token""#)));
    assert_eq!(ask(&world, "/perhaps", &[]).await.status(), 200);
    assert_eq!(
        ask(&world, "/perhaps", &[("session-id", "garbage")]).await.status(),
        401,
        "no good is not nobody"
    );
    assert_eq!(ask(&world, "/open", &[("session-id", "garbage")]).await.status(), 200);
}

#[tokio::test]
async fn two_credentials_that_disagree_are_400() {
    let world = World::new();
    let (one, other) = (world.session(1), world.session(2));
    let (cookie, bearer) = (format!("__Host-cloakroom={one}"), format!("Bearer {other}"));
    for headers in [
        vec![("cookie", cookie.as_str()), ("authorization", bearer.as_str())],
        vec![("cookie", &cookie), ("cookie", &cookie)],
        vec![("session-id", &one), ("authorization", &bearer)],
        vec![("authorization", &bearer), ("authorization", &bearer)],
    ] {
        let response = ask(&world, "/me", &headers).await;
        assert_eq!(challenge(&response), (400, Some(r#"Bearer realm="cloakroom", error="invalid_request""#)));
    }
    let own = format!("Bearer {one}");
    assert_eq!(ask(&world, "/me", &[("cookie", &cookie), ("authorization", &own)]).await.status(), 200);
}

#[tokio::test]
async fn an_outage_is_503_with_retry_after() {
    let world = World::new();
    let token = world.session(1);
    world.told.is_down.store(true, Ordering::SeqCst);
    let response = ask(&world, "/me", &[("session-id", &token)]).await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["retry-after"]),
        (503, &"1".parse().unwrap())
    );
    let optional = ask(&world, "/perhaps", &[("session-id", &token)]).await;
    assert_eq!(optional.status(), 503, "not knowing is not nobody");
}

#[tokio::test]
async fn a_role_and_a_fresh_login_are_asked_for_by_type() {
    let world = World::new();
    let with = |n: u8, roles: &[&str], auth_time| {
        let mut fill = fill(&session_token(n), rv(0));
        let facts = PrincipalFacts {
            roles: roles.iter().copied().collect(),
            auth_time,
            ..PrincipalFacts::clone(&fill.principal)
        };
        fill.principal = Principal::new(facts);
        world.fill(n, fill);
        session_token(n).to_text()
    };
    // By the clock of the verifier, which follows the server's, whatever this machine says.
    let now = world.clock.wall();
    assert!(SystemClock.wall() < now.before(Duration::from_secs(400)), "this machine is behind");
    let admin = with(1, &["editor", "admin"], now);
    let editor = with(2, &["administrator", "Admin"], now.before(Duration::from_secs(400)));
    assert_eq!(ask(&world, "/admin", &[("session-id", &admin)]).await.status(), 200);
    assert_eq!(ask(&world, "/admin", &[("session-id", &editor)]).await.status(), 403);
    assert_eq!(ask(&world, "/admin", &[]).await.status(), 401);
    assert_eq!(ask(&world, "/fresh", &[("session-id", &admin)]).await.status(), 200);
    assert_eq!(ask(&world, "/fresh", &[("session-id", &editor)]).await.status(), 403);
}

#[tokio::test]
async fn a_route_without_the_layer_lets_nobody_in() {
    let bare = Router::new().route("/me", get(async |_: Principal| "welcome"));
    let request = Request::get("/me").body(Body::empty()).unwrap();
    assert_eq!(bare.oneshot(request).await.unwrap().status(), 500);
}

#[tokio::test]
async fn a_tolerant_layer_goes_on_for_so_long_unless_the_request_says_otherwise() {
    let world = World::new();
    let access = world.forge.token(None, rv(0));
    let layer = AuthenticateLayer::new(world.verifier.clone()).tolerant(Duration::from_secs(30));
    let tolerant = Router::new().route("/me", get(async |_: Principal| "welcome")).layer(layer);
    let ask = async |class: Option<RouteClass>| {
        let mut request = Request::get("/me").header("authorization", format!("Bearer {access}"));
        if let Some(class) = class {
            request = request.extension(class);
        }
        let request = request.body(Body::empty()).unwrap();
        tolerant.clone().oneshot(request).await.unwrap().status().as_u16()
    };
    world.told.is_down.store(true, Ordering::SeqCst);
    world.clock.advance(Duration::from_secs(20));
    assert_eq!((ask(None).await, world.verifier.tolerated()), (200, 1));
    assert_eq!(ask(Some(RouteClass::Bounded)).await, 503);
    world.revocations.apply(&event(5, Revocation::UserBefore(user())));
    assert_eq!(ask(None).await, 401);
}
