//! `GET /v1/feed/snapshot`: everything that is live.

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use cloakroom_auth::Error;
use cloakroom_auth::service_key::Scope;
use cloakroom_verify::feed::wire::snapshot::MEDIA_TYPE;
use futures_util::stream;
use http::HeaderMap;
use http::header::CONTENT_TYPE;

use crate::app::App;
use crate::problem::Problem;
use crate::service_caller;

/// Gives every live event, at a position of its own: what happened since then, a sync tells.
#[utoipa::path(get, path = "/v1/feed/snapshot", tag = "feed", security(("bearer" = [])), responses(
    (status = 200, content_type = "application/x-ndjson", description =
        "A line `{epoch, head, floor, entries, server_time, retain_s}`, then so many of `[kind, key, rv, keep_until]`"),
    (status = 401, description = "`unauthenticated`, `invalid_token`: the service key"),
    (status = 403, description = "`forbidden`: the service key lacks the scope `feed`"),
    (status = 503, description = "`unavailable`: it cannot be read, or too many are being read"),
))]
pub async fn snapshot(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    service_caller::by_memory(&app, &headers, Scope::Feed).await?;
    let snapshot = app.snapshots.take(&app).await.map_err(Error::Store)?;
    let pieces = stream::unfold((snapshot, 0), |(snapshot, number)| async move {
        let piece = snapshot.piece(number)?;
        Some((Ok::<_, Infallible>(piece), (snapshot, number + 1)))
    });
    Ok(([(CONTENT_TYPE, MEDIA_TYPE)], Body::from_stream(pieces)).into_response())
}
