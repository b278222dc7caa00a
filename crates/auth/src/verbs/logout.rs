//! Logging out, by whatever the client shows.

use cloakroom_verify::jwt::MAX_LEEWAY;
use cloakroom_verify::{OpaqueToken, Revocation, SessionId, Timestamp, UserId, jwt};

use crate::audit::Audit;
use crate::auth::Auth;
use crate::error::Result;
use crate::session::{Dead, EndReason};
use crate::store::Ended;

impl Auth {
    /// Ends the login of every authentic credential among those shown: mac or signature right, any generation,
    /// even past its `exp`. The others end nothing, and the answer does not tell them apart.
    pub async fn logout(&self, shown: &[&str], now: Timestamp) -> Result<()> {
        for text in shown {
            match OpaqueToken::parse(text) {
                Some(token) => self.logout_opaque(&token, now).await?,
                None => self.logout_access(text, now).await?,
            }
        }
        Ok(())
    }

    async fn logout_opaque(&self, token: &OpaqueToken, now: Timestamp) -> Result<()> {
        let Some(found) = self.authentic(token, now).await? else {
            return self.logout_of_remains(token, now).await;
        };
        match found.session.judge(&found.user, found.as_of, now) {
            // It ended before, for good: whoever repeats an old token must not keep the database writing.
            Err(Dead::Revoked | Dead::Outdated) => {
                return self.learn_ending(token.session, Some(found.user.id)).await;
            }
            Ok(()) | Err(Dead::Expired | Dead::Idle | Dead::UserDisabled) => {}
        }
        self.end_session(token.session, Some(found.user.id), EndReason::Logout, now).await.map(drop)
    }

    /// The row may count no more (a Redis lost what came of it), and what was made from it is as good as before.
    async fn logout_of_remains(&self, token: &OpaqueToken, now: Timestamp) -> Result<()> {
        let remains = self.store.remains(token.session).await?;
        let Some(remains) = remains.filter(|remains| self.proves(token, &remains.secret)) else {
            return Ok(());
        };
        self.end_session(token.session, Some(remains.user), EndReason::Logout, now).await.map(drop)
    }

    async fn logout_access(&self, text: &str, now: Timestamp) -> Result<()> {
        let proved = self.proved_by_keys(|| jwt::verify_authentic(text, &self.keys, &self.rules)).await?;
        let Ok(token) = proved else { return Ok(()) };
        // What a revoked key has signed proves nothing, from the moment that its revocation is known.
        if self.revocations.is_key_revoked(&token.kid) {
            return Ok(());
        }
        let revocation = match token.session {
            None => Revocation::TokenRevoked(token.token),
            Some(session) => {
                match self.end_session(session, Some(token.user), EndReason::Logout, now).await? {
                    Ended::Now(_) | Ended::Already => return Ok(()),
                    // The row is lost (a failover; Redis was flushed), and what was made from it is as good as before.
                    Ended::Unknown => Revocation::SessionRevoked(session),
                }
            }
        };
        // For every verifier, not only for those that allow for as little as this one.
        let dead_anyway = token.expires_at.after(MAX_LEEWAY);
        if now < dead_anyway {
            self.learn(&self.store.append(revocation, Some(dead_anyway), now).await?);
            match token.session {
                Some(session) => Audit::SessionEnded(session, EndReason::Logout).log(),
                None => Audit::TokenRevoked(token.user).log(),
            }
        }
        Ok(())
    }

    /// Ends one session, and makes this server refuse it before anything is answered.
    pub(crate) async fn end_session(
        &self,
        session: SessionId,
        owner: Option<UserId>,
        reason: EndReason,
        now: Timestamp,
    ) -> Result<Ended> {
        let ended = self.store.end(session, owner, reason, now).await?;
        match &ended {
            Ended::Now(event) => {
                self.learn(event);
                Audit::SessionEnded(session, reason).log();
            }
            // Perhaps by another process, a moment ago: what we answer 204 to, we refuse from then on.
            Ended::Already => self.learn_ending(session, owner).await?,
            Ended::Unknown => {}
        }
        Ok(ended)
    }

    async fn learn_ending(&self, session: SessionId, owner: Option<UserId>) -> Result<()> {
        let mut told = vec![Revocation::SessionRevoked(session), Revocation::EverythingBefore];
        told.extend(owner.map(Revocation::UserBefore));
        self.store.told(&told).await?.iter().for_each(|event| self.learn(event));
        Ok(())
    }
}
