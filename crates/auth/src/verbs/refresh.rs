//! Renewing an access token.

use cloakroom_verify::{OpaqueKind, OpaqueToken, Timestamp};

use crate::audit::Audit;
use crate::auth::Auth;
use crate::error::{Error, Result};
use crate::gate::Login;
use crate::grant::Grant;
use crate::refresh::{self, Ask, Attempt, AttemptHash, Decision, Refusal, SameReason};
use crate::refresh_event::RefreshEvent;
use crate::session::{Dead, EndReason, RowSecret, Why};
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

impl Auth {
    /// Judges a refresh token and renews its login. The mac comes first: a forgery touches nothing.
    pub async fn refresh(
        &self,
        presented: &str,
        attempt: Option<&Attempt>,
        now: Timestamp,
    ) -> Result<Refresh> {
        let token = OpaqueToken::parse(presented).filter(|token| token.kind == OpaqueKind::Refresh);
        let Some((token, before)) = self.proved(token, now).await? else {
            self.refreshes.count(RefreshEvent::Forged);
            return Ok(Refresh::InvalidGrant { over: None });
        };
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
        let foreseen = refresh::decide(&before.session, &before.user, before.as_of, &ask);
        if matches!(foreseen, Decision::Rotate { .. } | Decision::Same { .. }) {
            // Before anything is written: what cannot be answered is not spent. A thief is found out all the same.
            self.signer()?;
            self.check_size(&before.user)?;
        }
        if let Some(refusal) = for_good(foreseen) {
            self.tell(&ask, &before, &Rotation::Refused(refusal));
            return Ok(Refresh::InvalidGrant { over: why_over(&before, now) });
        }
        let _turn = self.gate.pass(Login::Session(token.session)).await?;
        let rotation = self.store.rotate(&ask).await?;
        self.tell(&ask, &before, &rotation);
        match rotation {
            Rotation::Rotated(found) | Rotation::Same(found, _) => {
                hybrid::renewed(self, found, now).map(Refresh::Granted)
            }
            Rotation::Refused(refusal) => {
                Ok(Refresh::InvalidGrant { over: self.over(&token, refusal, now).await? })
            }
            Rotation::Revoked(event) => {
                self.learn(&event);
                Ok(Refresh::InvalidGrant { over: Some(Why::Ended(EndReason::RefreshTokenReused)) })
            }
            Rotation::Unknown => Ok(Refresh::InvalidGrant { over: None }),
        }
    }

    /// Counts what came of a refresh and writes its audit line.
    fn tell(&self, ask: &Ask, before: &Found, rotation: &Rotation) {
        let event = match rotation {
            Rotation::Rotated(_) if ask.generation > before.session.generation => RefreshEvent::Adopted,
            Rotation::Rotated(_) => RefreshEvent::Rotated,
            Rotation::Same(_, reason) => RefreshEvent::Repeated(*reason),
            Rotation::Refused(refusal) => RefreshEvent::Refused(*refusal),
            Rotation::Revoked(_) => RefreshEvent::Reused,
            // Deleted a moment ago.
            Rotation::Unknown => RefreshEvent::Refused(Refusal::Dead(Dead::Expired)),
        };
        self.refreshes.count(event);
        Audit::Refresh(ask.session, event).log();
        if event == RefreshEvent::Reused {
            Audit::SessionEnded(ask.session, EndReason::RefreshTokenReused).log();
        }
        let in_grace = event == RefreshEvent::Repeated(SameReason::Grace);
        if let Some(attempt) = ask.attempt.filter(|_| in_grace)
            && self.grace.is_excess(ask.session, attempt, ask.now)
        {
            Audit::GraceExcess(ask.session).log();
        }
    }

    /// The token and its row, if its mac is right.
    async fn proved(
        &self,
        token: Option<OpaqueToken>,
        now: Timestamp,
    ) -> Result<Option<(OpaqueToken, Found)>> {
        let Some(token) = token else { return Ok(None) };
        Ok(self.authentic(&token, now).await?.map(|found| (token, found)))
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
        Ok(found.and_then(|found| why_over(&found, now)))
    }

    /// The row of a token whose mac is right, whatever its generation.
    pub(crate) async fn authentic(&self, token: &OpaqueToken, now: Timestamp) -> Result<Option<Found>> {
        if !self.is_of_a_known_key(token, now)? {
            return Ok(None);
        }
        let found = match self.lookups.get() {
            Some(lookups) => lookups.find(token.session).await?,
            None => self.store.find(token.session).await?,
        };
        Ok(found.filter(|found| self.proves(token, &found.session.secret)))
    }

    /// Whether there is a key that could have made it; an error while that may still change.
    pub(crate) fn is_of_a_known_key(&self, token: &OpaqueToken, now: Timestamp) -> Result<bool> {
        let is_known = || self.keyring.load().tokens.knows(token.version);
        if is_known() {
            return Ok(true);
        }
        if !self.key_readings.settle(token.version, now) {
            return Err(Error::KeyNotRead);
        }
        // Looked up again after the reading was seen to be done: it may have brought this very key.
        Ok(is_known())
    }

    /// Whether its mac is right for the row with this secret.
    pub(crate) fn proves(&self, token: &OpaqueToken, secret: &RowSecret) -> bool {
        self.keyring.load().tokens.proves(token, secret)
    }
}

/// The refusal of a login that is over by its first reading and can never live again: whoever repeats its token must not
/// keep the database locking. What may be another word under the lock is left to it.
fn for_good(foreseen: Decision) -> Option<Refusal> {
    match foreseen {
        Decision::Refuse(refusal @ Refusal::Dead(Dead::Revoked | Dead::Expired | Dead::Outdated)) => {
            Some(refusal)
        }
        Decision::Refuse(
            Refusal::Dead(Dead::Idle | Dead::UserDisabled)
            | Refusal::WrongKind
            | Refusal::MissingProof
            | Refusal::FromTheFuture
            | Refusal::BelowFloor
            | Refusal::LateDuplicate,
        )
        | Decision::Rotate { .. }
        | Decision::Same { .. }
        | Decision::Revoke => None,
    }
}

fn why_over(found: &Found, now: Timestamp) -> Option<Why> {
    found.session.ending(&found.user, found.as_of, now).map(|ending| ending.why)
}
