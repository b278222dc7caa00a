//! `GET /v1/sessions/ended`: why was I logged out?

use axum::extract::State;
use axum::response::Response;
use cloakroom_auth::session::{Ending, Why};
use cloakroom_verify::clock::Clock;
use cloakroom_verify::{Principal, SessionId, Strategy, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::json;
use crate::problem::Problem;
use crate::view::{Rfc3339, SessionView, StrategySchema};

/// The logins of the caller that are over, as long as they are remembered: until their absolute timeout.
#[derive(Serialize, ToSchema)]
pub struct EndedSessionsView<'a> {
    /// The last used first, at most 50.
    sessions: Vec<EndedSessionView<'a>>,
}

/// A login that is over.
#[derive(Serialize, ToSchema)]
pub struct EndedSessionView<'a> {
    #[schema(value_type = String)]
    id: SessionId,
    #[schema(value_type = StrategySchema)]
    strategy: Strategy,
    device: &'a str,
    ip: Option<&'a str>,
    #[schema(value_type = String)]
    created_at: Rfc3339,
    #[schema(value_type = String)]
    last_used_at: Rfc3339,
    /// `logout`, `ended_by_user`, `ended_by_admin`, `too_many_sessions`, `refresh_token_reused`, `password_changed`,
    /// `user_disabled`, `everything_revoked`, `expired`, `idle`.
    reason: &'static str,
    /// When it ended, as far as that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    ended_at: Option<Rfc3339>,
}

/// Tells of the caller's logins that are over, and why.
#[utoipa::path(get, path = "/v1/sessions/ended", tag = "sessions", responses(
    (status = 200, body = EndedSessionsView),
    (status = 401, description = "`unauthenticated`, `invalid_token`"),
))]
pub async fn ended(State(app): State<App>, principal: Principal) -> Result<Response, Problem> {
    let ended = app.auth.ended_sessions(principal.user, app.clock.wall()).await?;
    let view = |(session, Ending { why, at })| {
        let SessionView { id, strategy, device, ip, created_at, last_used_at, .. } =
            SessionView::of(session, None);
        // The end of an idle login tells of its last use.
        let at = match why {
            Why::Idle => at.map(Timestamp::floor_to_minute),
            Why::Ended(_) | Why::Expired => at,
        };
        let (reason, ended_at) = (why.as_str(), at.map(Rfc3339));
        EndedSessionView { id, strategy, device, ip, created_at, last_used_at, reason, ended_at }
    };
    Ok(json::written(&EndedSessionsView {
        sessions: ended.iter().map(|(session, ending)| view((session, *ending))).collect(),
    }))
}
