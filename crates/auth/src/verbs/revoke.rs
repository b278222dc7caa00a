//! What an operator revokes: a login, the logins of a user, a token, a signing key, everything.

use cloakroom_verify::{KeyId, Revocation, Rv, SessionId, Timestamp, TokenId, UserId};

use crate::audit::Audit;
use crate::auth::Auth;
use crate::error::Result;
use crate::session::EndReason;
use crate::store::Ended;

/// What is to be revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// One login.
    Session(SessionId),
    /// Every login of a user, rowless ones included.
    User(UserId),
    /// One access token, by its `jti`.
    Token(TokenId),
    /// What a signing key signed.
    Key(KeyId),
    /// Every login of everyone.
    Everything,
}

impl Auth {
    /// Revokes it, and says where the feed tells of it; what was revoked before is told again. It is committed when this
    /// returns: whoever counts from the commit reads the clock then, since `now` is from before it. `None`: there is no
    /// such thing. `by` is who wants it and `reason` why, for the audit.
    pub async fn revoke(
        &self,
        target: &Target,
        by: &str,
        reason: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<Rv>> {
        let revoked = match target {
            Target::Session(session) => self.revoke_session(*session, now).await?,
            Target::User(user) => {
                let ended = self.store.end_all(*user, None, EndReason::EndedByAdmin, now).await?;
                ended.map(|ended| {
                    self.learn(&ended.event);
                    Audit::SessionsEnded(*user, ended.sessions).log();
                    ended.event.rv
                })
            }
            Target::Token(token) => Some(self.append(Revocation::TokenRevoked(*token), now).await?),
            Target::Key(kid) => {
                let revocation = Revocation::KeyRevoked(kid.clone());
                // A mistyped key id would be remembered for ever.
                let known = self.keys.by_kid(kid).is_some()
                    || !self.store.told(std::slice::from_ref(&revocation)).await?.is_empty();
                if known { Some(self.append(revocation, now).await?) } else { None }
            }
            Target::Everything => Some(self.append(Revocation::EverythingBefore, now).await?),
        };
        if revoked.is_some() {
            Audit::AdminRevoked(by, target, reason).log();
        }
        Ok(revoked)
    }

    /// Kills what a signing key signed, for ever: it is never loaded again.
    pub async fn revoke_key(&self, kid: KeyId, now: Timestamp) -> Result<()> {
        self.append(Revocation::KeyRevoked(kid.clone()), now).await?;
        Audit::KeyRevoked(&kid).log();
        Ok(())
    }

    /// Kills every credential of everyone that was made until now.
    pub async fn revoke_everything(&self, now: Timestamp) -> Result<()> {
        self.append(Revocation::EverythingBefore, now).await?;
        Audit::EverythingRevoked.log();
        Ok(())
    }

    async fn append(&self, revocation: Revocation, now: Timestamp) -> Result<Rv> {
        let event = self.store.append(revocation, None, now).await?;
        self.learn(&event);
        Ok(event.rv)
    }

    async fn revoke_session(&self, session: SessionId, now: Timestamp) -> Result<Option<Rv>> {
        match self.end_session(session, None, EndReason::EndedByAdmin, now).await? {
            Ended::Now(event) => return Ok(Some(event.rv)),
            Ended::Unknown => return Ok(None),
            Ended::Already => {}
        }
        if let Some(found) = self.store.find(session).await? {
            return Ok(Some(match found.session.revoked {
                Some(revoked) => revoked.rv,
                // It ended with all logins of its user, or of everyone.
                None => found.user.least_rv(found.as_of),
            }));
        }
        let Some(remains) = self.store.remains(session).await? else { return Ok(None) };
        let owner = self.store.by_id(remains.user).await?;
        Ok(owner.map(|(user, as_of)| user.least_rv(as_of)))
    }
}
