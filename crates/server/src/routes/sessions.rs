//! `GET /v1/sessions`, `DELETE /v1/sessions/{id}`, `DELETE /v1/sessions?scope=`

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use cloakroom_auth::session::EndReason;
use cloakroom_verify::clock::Clock;
use cloakroom_verify::{Principal, SessionId};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::json::{self, Path, Query};
use crate::problem::{Code, Problem};
use crate::view::SessionView;

/// The logins of the caller.
#[derive(Serialize, ToSchema)]
pub struct SessionsView<'a> {
    /// Newest first.
    sessions: Vec<SessionView<'a>>,
}

/// Lists the live logins of the caller. Logins by `jwt` are never listed.
#[utoipa::path(get, path = "/v1/sessions", tag = "sessions", responses(
    (status = 200, body = SessionsView),
    (status = 401, description = "`unauthenticated`, `invalid_token`"),
))]
pub async fn list(State(app): State<App>, principal: Principal) -> Result<Response, Problem> {
    let sessions = app.auth.sessions(principal.user, app.clock.wall()).await?;
    let sessions = sessions.iter().map(|session| SessionView::of(session, principal.session)).collect();
    Ok(json::written(&SessionsView { sessions }))
}

/// Ends one login of the caller.
#[utoipa::path(delete, path = "/v1/sessions/{id}", tag = "sessions", params(("id" = String, Path)), responses(
    (status = 204, description = "it is ended"),
    (status = 404, description = "`not_found`: no such login of the caller"),
))]
pub async fn end(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let not_found = || Problem::new(Code::NotFound);
    let id: SessionId = id.parse().map_err(|_| not_found())?;
    if !app.auth.end(principal.user, id, EndReason::EndedByUser, app.clock.wall()).await? {
        return Err(not_found());
    }
    if principal.session == Some(id) {
        return Ok((StatusCode::NO_CONTENT, app.cookies.clear(), ()).into_response());
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Which logins to end.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct EndManyQuery {
    /// `others` or `all`.
    scope: Option<String>,
}

/// How many logins were ended.
#[derive(Serialize, ToSchema)]
pub struct EndedView {
    ended: u64,
}

/// Ends all logins of the caller, or all but this one; rowless ones included.
#[utoipa::path(delete, path = "/v1/sessions", tag = "sessions", params(EndManyQuery), responses(
    (status = 200, body = EndedView),
    (status = 422, description = "`validation_failed`: another scope, or `others` from a `jwt` caller"),
))]
pub async fn end_many(
    State(app): State<App>,
    principal: Principal,
    Query(query): Query<EndManyQuery>,
) -> Result<Response, Problem> {
    let now = app.clock.wall();
    match query.scope.as_deref() {
        Some("all") => {
            let ended = app.auth.end_all(principal.user, None, EndReason::EndedByUser, now).await?;
            let view = json::written(&EndedView { ended: ended.unwrap_or(0) });
            Ok((app.cookies.clear(), view).into_response())
        }
        Some("others") => {
            let Some(current) = principal.session else {
                return Err(Problem::field("scope", "invalid", "a jwt login has no row to keep: use all"));
            };
            let ended = app.auth.end_all(principal.user, Some(current), EndReason::EndedByUser, now).await?;
            let ended = ended.ok_or_else(|| Problem::new(Code::InvalidToken))?;
            Ok(json::written(&EndedView { ended }))
        }
        Some(_) | None => Err(Problem::field("scope", "invalid", "scope is others or all")),
    }
}
