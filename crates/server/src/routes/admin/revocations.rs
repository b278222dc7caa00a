//! `POST /v1/admin/revocations`: end it, and know when it has ended everywhere.

use axum::Json as Answer;
use axum::extract::State;
use cloakroom_auth::Error;
use cloakroom_auth::verbs::revoke::Target;
use cloakroom_auth::verifiers::Counts;
use cloakroom_verify::clock::Clock;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Admin;
use crate::app::App;
use crate::json::{Json, Query};
use crate::problem::{Code, Problem};
use crate::view::rfc3339;

/// What to end: exactly one of these, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevocationBody {
    /// One login.
    session_id: Option<String>,
    /// Every login of a user.
    user_id: Option<String>,
    /// One access token, by its `jti`.
    token_id: Option<String>,
    /// Everything that a signing key signed, for ever.
    key_id: Option<String>,
    /// `true`: every login of everyone.
    everything: Option<bool>,
    /// For the audit, at most 200 characters.
    reason: Option<String>,
}

/// Whether to wait.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct WaitQuery {
    /// `effective`: until no check that starts then accepts it.
    wait: Option<String>,
}

/// A receipt.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReceiptView {
    /// Its number in the feed.
    seq: u32,
    /// RFC 3339, UTC. By then it was committed: the bound counts from here.
    committed_at: String,
    /// RFC 3339, UTC. No check that starts after it accepts what was ended, but on routes that a service opted out.
    #[serde(skip_serializing_if = "Option::is_none")]
    effective_at: Option<String>,
    /// Those that this server answers.
    verifiers: VerifiersView,
}

/// How many verifiers know.
#[derive(Debug, Serialize, ToSchema)]
pub struct VerifiersView {
    /// That could trust what they knew when it was committed.
    registered: usize,
    /// Of these: that have told that they know of it.
    acknowledged: usize,
    /// Of these: that can trust nothing any more before they have asked again.
    lapsed: usize,
}

/// Ends a login, the logins of a user, a token, what a key signed, or everything.
#[utoipa::path(post, path = "/v1/admin/revocations", tag = "admin", params(WaitQuery),
    request_body = RevocationBody, security(("bearer" = []), ("session_id" = []), ("session_cookie" = [])), responses(
    (status = 200, body = ReceiptView),
    (status = 401, description = "`unauthenticated`, `invalid_token`"),
    (status = 403, description = "`forbidden`: neither the role nor the scope `admin`"),
    (status = 404, description = "`not_found`: no such session, user or key"),
    (status = 422, description = "`validation_failed`: not exactly one target, or one that is none"),
    (status = 429, description = "`too_many_requests`: unknown service keys from this address"),
    (status = 503, description = "`unavailable`: it may live on, or nobody can tell how long"),
))]
pub async fn revoke(
    State(app): State<App>,
    admin: Admin,
    Query(WaitQuery { wait }): Query<WaitQuery>,
    Json(body): Json<RevocationBody>,
) -> Result<Answer<ReceiptView>, Problem> {
    let waits = match wait.as_deref() {
        None => false,
        Some("effective") => true,
        Some(_) => return Err(Problem::field("wait", "invalid", "wait is effective, or absent")),
    };
    let (target, reason) = (target(&body)?, reason(&body)?);
    let revoked = app.auth.revoke(&target, &admin.name(), reason, app.clock.wall()).await?;
    let seq = revoked.ok_or_else(|| Problem::new(Code::NotFound))?;
    // Both after the commit: what it took is no part of the bound.
    let (committed, committed_at) = (app.clock.boot(), rfc3339(app.clock.wall()));
    let (counts, effective_at) = if waits {
        let counts = app.follower.effective(seq, committed).await.map_err(Error::Store)?;
        (counts, Some(rfc3339(app.clock.wall())))
    } else {
        (app.follower.standing(seq), None)
    };
    let Counts { registered, acknowledged, lapsed } = counts;
    let verifiers = VerifiersView { registered, acknowledged, lapsed };
    Ok(Answer(ReceiptView { seq: seq.seq(), committed_at, effective_at, verifiers }))
}

fn target(body: &RevocationBody) -> Result<Target, Problem> {
    let invalid = |field| Problem::field(field, "invalid", "this is no such id");
    let RevocationBody { session_id, user_id, token_id, key_id, everything, reason: _ } = body;
    match (session_id, user_id, token_id, key_id, everything) {
        (Some(id), None, None, None, None) => {
            id.parse().map(Target::Session).map_err(|_| invalid("session_id"))
        }
        (None, Some(id), None, None, None) => id.parse().map(Target::User).map_err(|_| invalid("user_id")),
        (None, None, Some(id), None, None) => id.parse().map(Target::Token).map_err(|_| invalid("token_id")),
        (None, None, None, Some(id), None) => id.parse().map(Target::Key).map_err(|_| invalid("key_id")),
        (None, None, None, None, Some(true)) => Ok(Target::Everything),
        (None, None, None, None, Some(false)) => {
            Err(Problem::field("everything", "invalid", "everything is true, or absent"))
        }
        _ => Err(Problem::new(Code::ValidationFailed)
            .detail("Name exactly one of session_id, user_id, token_id, key_id and everything.")),
    }
}

fn reason(body: &RevocationBody) -> Result<Option<&str>, Problem> {
    let reason = body.reason.as_deref();
    if reason.is_some_and(|reason| reason.chars().count() > 200 || reason.chars().any(char::is_control)) {
        return Err(Problem::field("reason", "invalid", "at most 200 characters, no control characters"));
    }
    Ok(reason)
}
