//! Telling another service whether a token is good, and whose it is.

use cloakroom_verify::{OpaqueKind, OpaqueToken, SessionId, Strategy, Timestamp, TokenId};

use crate::audit::Audit;
use crate::auth::Auth;
use crate::error::Result;
use crate::feed::AsOf;
use crate::service_key::{ServiceKey, Shown};
use crate::session::{RowStrategy, Session};
use crate::store::Found;
use crate::user::User;
use crate::verbs::caller::LiveAccessToken;

/// A token that is good right now, by the store.
#[derive(Debug, Clone)]
pub struct Introspection {
    /// Whose it is, as the account stands now.
    pub user: User,
    /// What it was made by.
    pub strategy: Strategy,
    /// What kind of token it is.
    pub kind: TokenKind,
    /// The login, unless it has no row.
    pub session: Option<SessionId>,
    /// The `jti` of an access token.
    pub token: Option<TokenId>,
    /// When it ends, as far as is known now.
    pub expires_at: Timestamp,
    /// When a password was proved last.
    pub auth_time: Timestamp,
    /// Of a session token: its row, and the head that it was read with, for who may remember it.
    pub row: Option<(Box<Session>, AsOf)>,
}

/// What kind of token it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// For requests.
    Access,
    /// For requests, opaque.
    Session,
    /// For `/v1/refresh` alone.
    Refresh,
}

impl Auth {
    /// The service key that this text is, if it is one and lives.
    pub async fn service_key(&self, text: &str) -> Result<Option<ServiceKey>> {
        let found = match Shown::parse(text) {
            Some(shown) => self.store.service_key(shown.id).await?.filter(|key| key.is_shown_by(&shown)),
            None => None,
        };
        if found.is_none() {
            Audit::ServiceRefused.log();
        }
        Ok(found)
    }

    /// Ends the login of a token because a service says so.
    pub async fn revoke_for(&self, service: &ServiceKey, text: &str, now: Timestamp) -> Result<()> {
        Audit::ServiceRevokes(service).log();
        self.logout(&[text], now).await
    }

    /// Judges a token by what the store says now, never by what this process remembers; `None` for all that is not
    /// good, whatever the reason.
    pub async fn introspect(&self, text: &str, now: Timestamp) -> Result<Option<Introspection>> {
        match OpaqueToken::parse(text) {
            Some(token) => self.introspect_opaque(&token, now).await,
            None => self.introspect_access(text, now).await,
        }
    }

    async fn introspect_opaque(&self, token: &OpaqueToken, now: Timestamp) -> Result<Option<Introspection>> {
        let found = self.authentic_with_uses(token, now).await?;
        let Some(Found { session, user, as_of }) = found else { return Ok(None) };
        let is_current = token.kind == session.strategy.kind() && token.generation == session.generation;
        if !is_current || session.judge(&user, as_of, now).is_err() {
            return Ok(None);
        }
        let kind = match token.kind {
            OpaqueKind::Session => TokenKind::Session,
            OpaqueKind::Refresh => TokenKind::Refresh,
        };
        Ok(Some(of_row(user, session, as_of, kind)))
    }

    async fn introspect_access(&self, text: &str, now: Timestamp) -> Result<Option<Introspection>> {
        let live = self.live_access_token(text, now).await?;
        let Some(LiveAccessToken { token, user, .. }) = live else { return Ok(None) };
        Ok(Some(Introspection {
            user,
            strategy: token.principal.strategy,
            kind: TokenKind::Access,
            session: token.session,
            token: Some(token.token),
            expires_at: token.expires_at,
            auth_time: token.principal.auth_time,
            row: None,
        }))
    }
}

fn of_row(user: User, session: Session, as_of: AsOf, kind: TokenKind) -> Introspection {
    Introspection {
        user,
        strategy: match session.strategy {
            RowStrategy::Session => Strategy::Session,
            RowStrategy::Hybrid => Strategy::Hybrid,
        },
        kind,
        session: Some(session.id),
        token: None,
        expires_at: session.idle_expires_at(),
        auth_time: session.auth_time,
        row: match kind {
            TokenKind::Session => Some((Box::new(session), as_of)),
            TokenKind::Access | TokenKind::Refresh => None,
        },
    }
}
