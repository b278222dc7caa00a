//! Renewing an access token.

use cloakroom_verify::{OpaqueKind, OpaqueToken, Timestamp};

use crate::audit::Audit;
use crate::auth::Auth;
use crate::error::{Error, Result};
use crate::grant::Grant;
use crate::refresh::{Ask, Attempt, AttemptHash, Refusal};
use crate::session::{EndReason, Why};
use crate::store::{Found, Rotation};
use crate::strategy::hybrid;

/// What came of a refresh.
#[derive(Debug)]
pub enum Refresh {
    /// The next pair, or the current one again.
    Granted(Grant),
    /// Unknown, expired, revoked or replayed: one answer. It never clears a cookie.
    InvalidGrant {
        /// Why the login is over: only for a token that was once handed out, so only its holder learns it.
        over: Option<Why>,
    },
}

const REFUSED: Refresh = Refresh::InvalidGrant { over: None };

impl Auth {
    /// Judges a refresh token and renews its login. The mac comes first: a forgery touches nothing.
    pub async fn refresh(
        &self,
        presented: &str,
        attempt: Option<&Attempt>,
        now: Timestamp,
    ) -> Result<Refresh> {
        let Some(token) = OpaqueToken::parse(presented).filter(|token| token.kind == OpaqueKind::Refresh)
        else {
            return Ok(REFUSED);
        };
        if self.authentic(&token).await?.is_none() {
            return Ok(REFUSED);
        }
        // Before anything is written: what cannot be answered is not spent.
        self.signer()?;
        let ask = Ask {
            session: token.session,
            kind: token.kind,
            generation: token.generation,
            attempt: attempt.map(|attempt| AttemptHash::of(token.session, token.generation, attempt)),
            proof: None,
            now,
            grace: self.settings.grace,
            lives: self.settings.lives,
        };
        match self.store.rotate(&ask).await? {
            Rotation::Rotated(found) => {
                Audit::RefreshRotated(token.session).log();
                hybrid::renewed(self, found, now).map(Refresh::Granted)
            }
            Rotation::Same(found, reason) => {
                Audit::RefreshRepeated(token.session, reason).log();
                hybrid::renewed(self, found, now).map(Refresh::Granted)
            }
            Rotation::Refused(refusal) => {
                Audit::RefreshRefused(token.session, refusal).log();
                Ok(Refresh::InvalidGrant { over: self.over(&token, refusal, now).await? })
            }
            Rotation::Revoked(event) => {
                self.learn(&event);
                Audit::RefreshReused(token.session).log();
                Audit::SessionEnded(token.session, EndReason::RefreshTokenReused).log();
                Ok(Refresh::InvalidGrant { over: Some(Why::Ended(EndReason::RefreshTokenReused)) })
            }
            Rotation::Unknown => Ok(REFUSED),
        }
    }

    /// Why the login of a refused token is over; `None` while it lives.
    async fn over(&self, token: &OpaqueToken, refusal: Refusal, now: Timestamp) -> Result<Option<Why>> {
        match refusal {
            Refusal::Dead(_) => {}
            Refusal::WrongKind
            | Refusal::MissingProof
            | Refusal::FromTheFuture
            | Refusal::BelowFloor
            | Refusal::LateDuplicate => return Ok(None),
        }
        let found = self.store.find(token.session).await?;
        let ending = found.and_then(|found| found.session.ending(&found.user, found.as_of, now));
        Ok(ending.map(|ending| ending.why))
    }

    /// The row of a token whose mac is right, whatever its generation.
    pub(crate) async fn authentic(&self, token: &OpaqueToken) -> Result<Option<Found>> {
        let is_known = || self.keyring.load().tokens.knows(token.version);
        if !is_known() {
            if !self.key_readings.settle(token.version) {
                return Err(Error::KeyNotRead);
            }
            // Looked up again after the reading was seen to be done: it may have brought this very key.
            if !is_known() {
                return Ok(None);
            }
        }
        let found = self.store.find(token.session).await?;
        Ok(found.filter(|found| self.keyring.load().tokens.proves(token, &found.session.secret)))
    }
}
