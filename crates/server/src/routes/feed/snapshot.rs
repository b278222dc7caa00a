//! `GET /v1/feed/snapshot`: everything that is live.

use axum::extract::State;
use axum::response::Response;
use cloakroom_auth::Error;
use cloakroom_auth::service_key::Scope;
use cloakroom_verify::clock::Clock;
use http::HeaderMap;

use crate::app::App;
use crate::client_address::ClientAddress;
use crate::problem::Problem;
use crate::service_caller;
use crate::snapshots::Read;

/// Gives every live event, at a position of its own: what happened since then, a sync tells.
#[utoipa::path(get, path = "/v1/feed/snapshot", tag = "feed", security(("bearer" = [])), responses(
    (status = 200, content_type = "application/x-ndjson", description =
        "A line `{epoch, head, floor, entries, server_time, retain_s}`, then so many of `[kind, key, rv, keep_until]`"),
    (status = 401, description = "`unauthenticated`, `invalid_token`: the service key"),
    (status = 403, description = "`forbidden`: the service key lacks the scope `feed`"),
    (status = 503, description = "`unavailable`: it cannot be read, or too many are being read"),
))]
pub async fn snapshot(
    State(app): State<App>,
    client: ClientAddress,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    service_caller::by_memory(&app, &headers, client, Scope::Feed).await?;
    let known = app.follower.tell(None, 0).map_err(Error::Store)?.head;
    let read = async {
        let server_time = app.clock.wall();
        let sync = app.auth.store.read_since(None).await?;
        Ok(Read { sync, server_time, retain: app.retention })
    };
    let snapshot = app.snapshots.take(&app.clock, known, read).await.map_err(Error::Store)?;
    Ok(snapshot.response())
}
