//! What an auditor wants to know, one structured line each (target `audit`), named after OWASP's logging vocabulary.
//!
//! A line holds ids, never a token, a password or an email as typed: text that a client chose can be a secret in
//! the wrong field.

use std::net::IpAddr;

use cloakroom_verify::{KeyId, SessionId, Strategy, UserId};
use tracing::field::display;
use tracing::{error, info, warn};

use crate::refresh::Refusal;
use crate::refresh_event::RefreshEvent;
use crate::service_key::ServiceKey;
use crate::session::EndReason;
use crate::user::Status;
use crate::verbs::revoke::Target;

/// Something worth a line.
#[derive(Debug, Clone, Copy)]
pub enum Audit<'a> {
    /// An account was made.
    UserCreated(UserId),
    /// A password was right and credentials were handed over.
    LoginSucceeded(UserId, Option<SessionId>, Strategy, Option<IpAddr>),
    /// Unknown, disabled or wrong; which of them is in the line for the operator, never in an answer.
    LoginFailed(Option<UserId>, &'static str, Option<IpAddr>),
    /// Too many failures.
    LoginThrottled(Option<IpAddr>),
    /// A session token of an earlier generation came.
    OldSessionToken(SessionId),
    /// A refresh token was shown whose mac is right.
    Refresh(SessionId, RefreshEvent),
    /// A login is answered in its grace more often than usual: tabs without a lock, or a thief in step.
    GraceExcess(SessionId),
    /// A token was to be exchanged, or its login renewed, and was refused.
    Refused(SessionId, Refusal),
    /// The password of a live login was proved again.
    Reauthenticated(UserId, Option<SessionId>),
    /// A password was changed, and every other login of the user ended.
    PasswordChanged(UserId),
    /// A login changed its strategy.
    Exchanged(SessionId, Strategy),
    /// A login ended.
    SessionEnded(SessionId, EndReason),
    /// An access token without a row was revoked.
    TokenRevoked(UserId),
    /// Every login of a user but perhaps one ended.
    SessionsEnded(UserId, u64),
    /// A service key was shown that is unknown, wrong or revoked.
    ServiceRefused,
    /// A service revokes a token; the line of what ended follows.
    ServiceRevokes(&'a ServiceKey),
    /// An administrator revoked something, and says why; lines of what ended may precede it.
    AdminRevoked(&'a str, &'a Target, Option<&'a str>),
    /// An administrator enabled or disabled an account.
    AdminSetStatus(&'a str, UserId, Status),
    /// What a signing key signed was killed.
    KeyRevoked(&'a KeyId),
    /// Every credential of everyone was killed.
    EverythingRevoked,
}

impl Audit<'_> {
    /// Writes the line; what is not known is not in it.
    pub fn log(self) {
        match self {
            Self::UserCreated(user) => info!(target: "audit", event = "user_created", %user),
            Self::LoginSucceeded(user, session, strategy, ip) => {
                let (session, ip) = (session.map(display), ip.map(display));
                info!(target: "audit", event = "authn_login_success", %user, session, %strategy, ip);
            }
            Self::LoginFailed(user, why, ip) => {
                let (user, ip) = (user.map(display), ip.map(display));
                warn!(target: "audit", event = "authn_login_fail", user, why, ip);
            }
            Self::LoginThrottled(ip) => {
                warn!(target: "audit", event = "authn_login_throttled", ip = ip.map(display));
            }
            Self::OldSessionToken(session) => {
                warn!(target: "audit", event = "session_token_old", %session);
            }
            Self::Refresh(session, outcome) => refresh(session, outcome),
            Self::GraceExcess(session) => warn!(target: "audit", event = "refresh_grace_excess", %session),
            Self::Refused(session, refusal) => {
                warn!(target: "audit", event = "credential_refused", %session, ?refusal);
            }
            Self::Reauthenticated(user, session) => {
                info!(target: "audit", event = "authn_step_up", %user, session = session.map(display));
            }
            Self::PasswordChanged(user) => info!(target: "audit", event = "authn_password_change", %user),
            Self::Exchanged(session, to) => info!(target: "audit", event = "exchanged", %session, %to),
            Self::SessionEnded(session, reason) => {
                info!(target: "audit", event = "session_ended", %session, reason = reason.as_str());
            }
            Self::TokenRevoked(user) => info!(target: "audit", event = "token_revoked", %user),
            Self::SessionsEnded(user, sessions) => {
                info!(target: "audit", event = "sessions_ended", %user, sessions);
            }
            Self::ServiceRefused => warn!(target: "audit", event = "service_key_refused"),
            Self::ServiceRevokes(key) => {
                info!(target: "audit", event = "service_revokes", service_key = %key.id, name = ?key.name);
            }
            Self::AdminRevoked(by, target, reason) => {
                info!(target: "audit", event = "admin_revoked", by, ?target, reason);
            }
            Self::AdminSetStatus(by, user, status) => {
                info!(target: "audit", event = "admin_set_status", by, %user, status = status.as_str());
            }
            Self::KeyRevoked(kid) => warn!(target: "audit", event = "key_revoked", %kid),
            Self::EverythingRevoked => warn!(target: "audit", event = "everything_revoked"),
        }
    }
}

/// By how much it matters: what happens all day, what is odd, what somebody should look at.
fn refresh(session: SessionId, outcome: RefreshEvent) {
    let event = outcome.code();
    match outcome {
        RefreshEvent::Rotated | RefreshEvent::Repeated(_) => info!(target: "audit", event, %session),
        // A generation that was never given out, under a right mac: the database went back in time, or the key is
        // somebody else's too.
        RefreshEvent::Refused(Refusal::FromTheFuture) => error!(target: "audit", event, %session),
        RefreshEvent::Adopted | RefreshEvent::Refused(_) | RefreshEvent::Reused | RefreshEvent::Forged => {
            warn!(target: "audit", event, %session);
        }
    }
}
