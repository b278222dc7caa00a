//! Whose credential this is, by what the store says now.
//!
//! A verifier's lease is good enough to answer a request, never to make a credential from a credential (docs/revocation.md):
//! whoever mints asks here.

use cloakroom_verify::jwt::Invalid;
use cloakroom_verify::{KeyId, OpaqueKind, OpaqueToken, Revocation, Timestamp, jwt};

use crate::auth::Auth;
use crate::error::{Error, Result};
use crate::feed::AsOf;
use crate::privilege::Holder;
use crate::session::{RowStrategy, Session};
use crate::store::Found;
use crate::user::User;

/// A live login, as the store tells of it.
pub(crate) struct Caller {
    /// Whose it is.
    pub(crate) user: User,
    /// The head that was read with the user.
    pub(crate) as_of: AsOf,
    /// Its row; `None` for `jwt`.
    pub(crate) holder: Option<Holder>,
}

impl Auth {
    /// The login behind a session token or an access token; `None` for all that is not good, whatever the reason.
    pub(crate) async fn caller(&self, presented: &str, now: Timestamp) -> Result<Option<Caller>> {
        let Some(token) = OpaqueToken::parse(presented) else {
            let live = self.live_access_token(presented, now).await?;
            return Ok(live.map(|LiveAccessToken { token, user, as_of, .. }| {
                let holder = token.session.map(|session| Holder { session, generation: None });
                Caller { user, as_of, holder }
            }));
        };
        if token.kind != OpaqueKind::Session {
            return Ok(None);
        }
        let found = self.authentic_with_uses(&token, now).await?;
        let Some(Found { session, user, as_of }) = found else { return Ok(None) };
        let is_current = session.strategy == RowStrategy::Session && token.generation == session.generation;
        if !is_current || session.judge(&user, as_of, now).is_err() {
            return Ok(None);
        }
        let holder = Some(Holder { session: session.id, generation: Some(token.generation) });
        Ok(Some(Caller { user, as_of, holder }))
    }

    /// The row of a token whose mac is right, once pending uses are written: an idle timeout is judged by the row. The
    /// mac comes first, or whoever knows the name of a session could make the database write.
    pub(crate) async fn authentic_with_uses(
        &self,
        token: &OpaqueToken,
        now: Timestamp,
    ) -> Result<Option<Found>> {
        let found = self.authentic(token, now).await?;
        if found.is_some() && self.flush_use(token.session).await? {
            return self.authentic(token, now).await;
        }
        Ok(found)
    }

    /// An access token that nothing in the store kills.
    pub(crate) async fn live_access_token(
        &self,
        text: &str,
        now: Timestamp,
    ) -> Result<Option<LiveAccessToken>> {
        let proved = self.proved_by_keys(|| jwt::verify(text, &self.keys, &self.rules, now)).await?;
        let Ok(token) = proved else { return Ok(None) };
        let Some((user, as_of)) = self.store.by_id(token.user).await? else { return Ok(None) };
        if !user.admits(token.rv, as_of) || self.is_told_dead(&token, &token.kid).await? {
            return Ok(None);
        }
        if let Some(id) = token.session {
            let Some(Found { session, .. }) = self.store.find(id).await? else { return Ok(None) };
            if !outlives(&session, &user, now) {
                return Ok(None);
            }
        }
        Ok(Some(LiveAccessToken { token, user, as_of }))
    }

    /// What comes of proving an access token, by keys that were read after it came if it names one that is not known: it
    /// may have been made by a server that rotated before this one. An error while that cannot be told.
    pub(crate) async fn proved_by_keys<T>(
        &self,
        prove: impl Fn() -> std::result::Result<T, Invalid>,
    ) -> Result<std::result::Result<T, Invalid>> {
        match prove() {
            Err(Invalid::UnknownKey) if self.key_readings.anew().await => Ok(prove()),
            Err(Invalid::UnknownKey) => Err(Error::KeyNotRead),
            proved => Ok(proved),
        }
    }

    /// Whether the feed tells of this token, of its key, or of claims that have changed since.
    async fn is_told_dead(&self, token: &jwt::Verified, kid: &KeyId) -> Result<bool> {
        let claims = Revocation::ClaimsBefore(token.user);
        let asked =
            [Revocation::TokenRevoked(token.token), Revocation::KeyRevoked(kid.clone()), claims.clone()];
        let told = self.store.told(&asked).await?;
        Ok(told.iter().any(|event| event.revocation != claims || token.rv < event.rv))
    }
}

/// An access token, and whose it is as the account stands now.
pub(crate) struct LiveAccessToken {
    pub(crate) token: jwt::Verified,
    pub(crate) user: User,
    pub(crate) as_of: AsOf,
}

/// An access token of a login outlives an exchange and an idle login, not the login's end.
fn outlives(row: &Session, user: &User, now: Timestamp) -> bool {
    row.user == user.id && row.revoked.is_none() && now < row.expires_at
}
