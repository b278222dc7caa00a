//! The management listener of a relay. Not for the world.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::CONTENT_TYPE;

use super::Relay;

/// Its routes.
pub fn router(relay: Relay) -> Router {
    Router::new()
        .route("/livez", get(async || "alive\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(relay)
}

/// Ready is who may pass on what he knows, and was not asked to end.
async fn readyz(State(relay): State<Relay>) -> Response {
    if *relay.draining.borrow() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n").into_response();
    }
    if !relay.is_fresh() {
        let why = format!("no server vouches for what is known: {}\n", relay.why());
        return (StatusCode::SERVICE_UNAVAILABLE, why).into_response();
    }
    "ready\n".into_response()
}

async fn metrics(State(relay): State<Relay>) -> Response {
    let text = relay.metrics.text(&relay);
    ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text).into_response()
}
