//! The management listener: is it alive, is it ready, what does it count? Not for the world.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::CONTENT_TYPE;

use crate::app::App;
use crate::problem::{Code, Problem};

/// Its routes.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/livez", get(async || "alive\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .fallback(async || Problem::new(Code::NotFound))
        .method_not_allowed_fallback(async || Problem::new(Code::MethodNotAllowed))
        .with_state(app)
}

/// Ready is who knows every revocation of the last moments, and was not asked to end. Knowing them takes a store
/// that answers, so a store that is down shows here within `feed.bound`. One that takes no writes (a full disk, a database
/// that became a standby) shows as soon as a write failed: checks of sessions go on for as long as it can be read, but
/// nobody can log in, and nobody out. Neither can who wants an access token where every signing key is revoked. Sessions
/// that are elsewhere are looked after every second, so what is wrong there shows without a login that fails. A server
/// whose clock is far from the database's would judge wrongly what has expired.
async fn readyz(State(app): State<App>) -> Response {
    if *app.draining.borrow() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n").into_response();
    }
    if !app.auth.store.takes_writes() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the store takes no writes\n").into_response();
    }
    if !app.lease.is_fresh(&app.clock) {
        return (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n").into_response();
    }
    if let Some(trouble) = app.auth.store.trouble() {
        return (StatusCode::SERVICE_UNAVAILABLE, format!("{trouble}\n")).into_response();
    }
    if !app.auth.can_sign() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the signing key is revoked, and there is no other\n")
            .into_response();
    }
    let drift = app.follower.drift();
    if drift.is_too_far() {
        return (StatusCode::SERVICE_UNAVAILABLE, format!("{drift}\n")).into_response();
    }
    "ready\n".into_response()
}

async fn metrics(State(app): State<App>) -> Response {
    let text = app.metrics.text(&app);
    ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text).into_response()
}
