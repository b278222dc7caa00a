//! `POST /v1/feed/touch`: real uses of sessions that other services have seen.

use axum::extract::State;
use cloakroom_auth::service_key::Scope;
use cloakroom_verify::clock::Clock;
use cloakroom_verify::feed::wire::touch::{MOST_USES, Use};
use http::{HeaderMap, StatusCode};

use crate::app::App;
use crate::client_address::ClientAddress;
use crate::json::JsonList;
use crate::problem::Problem;
use crate::service_caller;

/// Takes uses in. One that lies ahead of this server's time is one of now; one of a session that has ended, or was idle
/// by then, says nothing.
#[utoipa::path(post, path = "/v1/feed/touch", tag = "feed", security(("bearer" = [])),
    request_body(content_type = "application/json", description = "`[{session, at}]`, at most 500; `at` is RFC 3339, UTC"),
    responses(
    (status = 204, description = "They are written"),
    (status = 400, description = "`invalid_request`: not JSON"),
    (status = 401, description = "`unauthenticated`, `invalid_token`: the service key"),
    (status = 403, description = "`forbidden`: the service key lacks the scope `feed`"),
    (status = 422, description = "`validation_failed`"),
    (status = 429, description = "`too_many_requests`: unknown service keys from this address"),
    (status = 503, description = "`unavailable`: none is written"),
))]
pub async fn touch(
    State(app): State<App>,
    client: ClientAddress,
    headers: HeaderMap,
    JsonList(uses): JsonList<Use>,
) -> Result<StatusCode, Problem> {
    service_caller::by_memory(&app, &headers, client, Scope::Feed).await?;
    if uses.len() > MOST_USES {
        return Err(Problem::field("body", "too_many", format!("at most {MOST_USES} uses at once")));
    }
    let now = app.clock.wall();
    let uses = uses.iter().map(|used| (used.session, used.at.min(now))).collect();
    app.auth.touch(uses).await?;
    Ok(StatusCode::NO_CONTENT)
}
