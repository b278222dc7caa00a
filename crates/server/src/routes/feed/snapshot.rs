//! `GET /v1/feed/snapshot`: everything that is live.

use axum::extract::State;
use axum::response::Response;
use cloakroom_auth::Error;
use cloakroom_auth::service_key::Scope;
use cloakroom_verify::clock::Clock;
use cloakroom_verify::feed::wire::MOST_EVENTS;
use http::HeaderMap;

use crate::app::App;
use crate::client_address::ClientAddress;
use crate::problem::Problem;
use crate::service_caller;
use crate::snapshots::{Read, Wanted};

/// Gives every live event, at a position of its own: what happened since then, a sync tells.
#[utoipa::path(get, path = "/v1/feed/snapshot", tag = "feed", security(("bearer" = [])), responses(
    (status = 200, content_type = "application/x-ndjson", description =
        "A line `{epoch, head, floor, entries, server_time, retain_s}`, then so many of `[kind, key, rv, keep_until]`"),
    (status = 401, description = "`unauthenticated`, `invalid_token`: the service key"),
    (status = 403, description = "`forbidden`: the service key lacks the scope `feed`"),
    (status = 429, description = "`too_many_requests`: unknown service keys from this address"),
    (status = 503, description = "`unavailable`: it cannot be read, as many as may be are being read, or an older one with this key"),
))]
pub async fn snapshot(
    State(app): State<App>,
    client: ClientAddress,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let key = service_caller::by_memory(&app, &headers, client, Scope::Feed).await?.id;
    let known = app.follower.tell(None, 0).map_err(Error::Store)?.head;
    let goes_on_from =
        |position| app.follower.tell(Some(position), MOST_EVENTS).is_ok_and(|told| told.events.is_some());
    let reading = app.clone();
    let read = async move {
        let server_time = reading.clock.wall();
        let sync = reading.auth.store.read_since(None).await?;
        Ok(Read { sync, server_time, retain: reading.retention })
    };
    let snapshot = app.snapshots.take(&app.clock, &Wanted { key, known, goes_on_from }, read).await?;
    Ok(snapshot.response())
}
