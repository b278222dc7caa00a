//! What an auditor wants to know, one structured line each (target `audit`), named after OWASP's logging vocabulary.
//!
//! A line holds ids, never a token, a password or an email as typed: text that a client chose can be a secret in
//! the wrong field.

use std::net::IpAddr;

use cloakroom_verify::{KeyId, SessionId, Strategy, UserId};
use tracing::field::display;
use tracing::{info, warn};

use crate::refresh::{Refusal, SameReason};
use crate::service_key::ServiceKey;
use crate::session::EndReason;

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
    /// A refresh token was spent for the next one.
    RefreshRotated(SessionId),
    /// A spent refresh token was answered again.
    RefreshRepeated(SessionId, SameReason),
    /// A refresh token was refused.
    RefreshRefused(SessionId, Refusal),
    /// A spent refresh token came back from somebody else: its session was ended.
    RefreshReused(SessionId),
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
            Self::RefreshRotated(session) => info!(target: "audit", event = "refresh_rotated", %session),
            Self::RefreshRepeated(session, reason) => {
                info!(target: "audit", event = "refresh_repeated", %session, ?reason);
            }
            Self::RefreshRefused(session, refusal) => {
                warn!(target: "audit", event = "refresh_refused", %session, ?refusal);
            }
            Self::RefreshReused(session) => warn!(target: "audit", event = "authn_token_reuse", %session),
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
            Self::KeyRevoked(kid) => warn!(target: "audit", event = "key_revoked", %kid),
            Self::EverythingRevoked => warn!(target: "audit", event = "everything_revoked"),
        }
    }
}
