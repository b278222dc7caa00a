//! The verifier: who is calling?

mod at_once;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use crate::address::AddressGroup;
use crate::authenticate::{Authenticate, Authority, Denied, Found, Outage, Proof, Reason, RouteClass};
use crate::clock::Clock;
use crate::jwt::{Invalid, Rules, Verified};
use crate::keys::KeySet;
use crate::lease::{Judgement, Lease};
use crate::passports::{Passport, Passports, Standing};
use crate::prover::Prover;
use crate::revocations::Revocations;
use crate::{OpaqueKind, OpaqueToken, Principal, Timestamp};

/// Checks sessions and access tokens side by side. Cheap to clone.
pub struct Verifier<A, C>(Arc<Parts<A, C>>);

struct Parts<A, C> {
    prover: Prover,
    revocations: Arc<Revocations>,
    lease: Arc<Lease>,
    passports: Passports,
    authority: A,
    clock: C,
    freshness: Freshness,
    tolerated: AtomicU64,
    renewals: AtomicU64,
}

/// How old an answer about a session may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Freshness {
    /// As old as the lease allows: no I/O for a session seen before.
    #[default]
    Bounded,
    /// Each check asks the authority, with a question that is sent after the check began.
    Always,
}

impl<A: Authority, C: Clock> Verifier<A, C> {
    /// A verifier of these parts. Whoever applies events to `revocations` credits `lease`.
    pub fn new(
        keys: Arc<KeySet>,
        rules: Rules,
        revocations: Arc<Revocations>,
        lease: Arc<Lease>,
        authority: A,
        clock: C,
    ) -> Self {
        let (prover, passports) = (Prover::new(keys, rules), Passports::new());
        Self(Arc::new(Parts {
            prover,
            revocations,
            lease,
            passports,
            authority,
            clock,
            freshness: Freshness::Bounded,
            tolerated: AtomicU64::new(0),
            renewals: AtomicU64::new(0),
        }))
    }

    /// The same with another freshness.
    ///
    /// # Panics
    /// When it was cloned before: whoever holds the clone counts on the freshness that it had.
    #[must_use]
    pub fn with_freshness(self, freshness: Freshness) -> Self {
        let parts = Arc::into_inner(self.0).expect("a verifier is set up before it is shared");
        Self(Arc::new(Parts { freshness, ..parts }))
    }

    /// Replaces the keys. What the old ones had signed is proved anew.
    pub fn replace_keys(
        &self,
        keys: impl IntoIterator<Item = (crate::KeyId, crate::algorithm::VerifyingKey)>,
    ) {
        self.0.prover.replace_keys(keys);
    }

    /// How many checks were accepted on knowledge older than the bound, by routes that are
    /// [tolerant](RouteClass::Tolerant).
    pub fn tolerated(&self) -> u64 {
        self.0.tolerated.load(Ordering::Relaxed)
    }

    /// How many checks found the lease lapsed and waited for it.
    pub fn renewals(&self) -> u64 {
        self.0.renewals.load(Ordering::Relaxed)
    }

    /// The authority behind it.
    pub fn authority(&self) -> &A {
        &self.0.authority
    }
}

impl<A: Authority, C: Clock> Authenticate for Verifier<A, C> {
    async fn authenticate_on(&self, class: RouteClass, proof: Proof<'_>) -> Result<Principal, Denied> {
        self.authenticate_from(None, class, proof).await
    }

    async fn authenticate_from(
        &self,
        source: Option<AddressGroup>,
        class: RouteClass,
        proof: Proof<'_>,
    ) -> Result<Principal, Denied> {
        if let Some(known) = self.0.at_once(class, proof) {
            return known;
        }
        // Seldom and large: a future that held all of it would be moved about with every request.
        match proof.session() {
            Some(text) if self.0.freshness == Freshness::Always => {
                Box::pin(self.0.session_always(text)).await
            }
            Some(text) => Box::pin(self.0.session(source, class, text)).await,
            None => Box::pin(self.0.access_token(class, proof.text())).await,
        }
    }

    fn now(&self) -> Timestamp {
        self.0.clock.wall()
    }
}

impl<A: Authority, C: Clock> Parts<A, C> {
    async fn session(
        &self,
        mut source: Option<AddressGroup>,
        class: RouteClass,
        text: &str,
    ) -> Result<Principal, Denied> {
        let token = session_token(text).ok_or(Denied::Unauthenticated(Reason::Malformed))?;
        if let Some(passport) = self.passports.find(&token.session) {
            // Somebody who was let in by it before is no stranger, whoever else is behind his address.
            source = source.filter(|_| !passport.is_of(&token));
            match passport.standing(&token, self.clock.wall()) {
                Standing::Good => match self.judge_renewed(class, &passport).await {
                    Judgement::Live | Judgement::Tolerated => {
                        return Ok(self.used(&token, &passport, self.clock.wall()));
                    }
                    Judgement::Killed => return Err(Denied::Unauthenticated(Reason::Revoked)),
                    Judgement::Refill => {}
                    Judgement::Stale => return Err(Denied::Unavailable),
                },
                Standing::Expired => return Err(Denied::Unauthenticated(Reason::Expired)),
                Standing::Ended => return Err(Denied::Unauthenticated(Reason::UnknownSession)),
                Standing::Idle => return self.session_idle(class, text, &token, &passport).await,
                Standing::AskAgain => {}
            }
        }
        self.session_cold(source, class, text, &token).await
    }

    /// It was not used here for too long. The authority may know of a use elsewhere; if it says that there was none,
    /// the session has ended for good, whatever is told of it later.
    async fn session_idle(
        &self,
        class: RouteClass,
        text: &str,
        token: &OpaqueToken,
        passport: &Passport,
    ) -> Result<Principal, Denied> {
        let asked = self.session_cold(None, class, text, token).await;
        if asked == Err(Denied::Unauthenticated(Reason::UnknownSession)) {
            passport.end();
        }
        asked
    }

    /// Nothing is remembered, so nothing can be outdated: neither the table nor the lease is asked.
    async fn session_always(&self, text: &str) -> Result<Principal, Denied> {
        let token = session_token(text).ok_or(Denied::Unauthenticated(Reason::Malformed))?;
        let fill = match self.authority.session(&token).await {
            Ok(Found::Valid(fill)) => fill,
            Ok(Found::Unknown) => return Err(Denied::Unauthenticated(Reason::UnknownSession)),
            Err(Outage) => return Err(Denied::Unavailable),
        };
        self.authority.used(token.session, self.clock.wall(), fill.idle_timeout);
        Ok(fill.principal)
    }

    /// One step further: the authority. Its answer is judged like any other.
    async fn session_cold(
        &self,
        source: Option<AddressGroup>,
        class: RouteClass,
        text: &str,
        token: &OpaqueToken,
    ) -> Result<Principal, Denied> {
        let unknown = Denied::Unauthenticated(Reason::UnknownSession);
        // An event may have overtaken the first answer: then the next one knows of it.
        for _ in 0..2 {
            let asked = self.passports.ask(source, text, token, &self.authority, &self.clock).await;
            let passport = match asked {
                Ok(Some(passport)) => passport,
                Ok(None) => return Err(unknown),
                Err(Outage) => return Err(Denied::Unavailable),
            };
            match passport.standing(token, self.clock.wall()) {
                Standing::Good => {}
                Standing::AskAgain | Standing::Idle | Standing::Ended => return Err(unknown),
                Standing::Expired => return Err(Denied::Unauthenticated(Reason::Expired)),
            }
            match self.judge_renewed(class, &passport).await {
                Judgement::Live | Judgement::Tolerated => {
                    return Ok(self.used(token, &passport, self.clock.wall()));
                }
                Judgement::Killed => return Err(Denied::Unauthenticated(Reason::Revoked)),
                Judgement::Refill => {}
                Judgement::Stale => break,
            }
        }
        // Still in doubt: the next request will ask anew.
        self.passports.forget(&token.session);
        Err(Denied::Unavailable)
    }

    /// Judges, and again after the lease was renewed if that is what was missing.
    async fn judge_renewed(&self, class: RouteClass, passport: &Passport) -> Judgement {
        self.renewed(|| self.judge_session(class, passport)).await
    }

    async fn renewed(&self, judge: impl Fn() -> Judgement) -> Judgement {
        let mut judgement = judge();
        if judgement == Judgement::Stale {
            self.renewals.fetch_add(1, Ordering::Relaxed);
            self.authority.refresh_lease().await;
            judgement = judge();
        }
        if judgement == Judgement::Tolerated {
            self.tolerated.fetch_add(1, Ordering::Relaxed);
        }
        judgement
    }

    fn judge_session(&self, class: RouteClass, passport: &Passport) -> Judgement {
        let fill = &passport.fill;
        let Some(session) = &fill.principal.session else { return Judgement::Killed };
        self.lease.judge_on(class, &self.clock, || {
            self.revocations.session(session, &fill.principal.user, fill.principal.rv, fill.as_of)
        })
    }

    fn used(&self, token: &OpaqueToken, passport: &Passport, now: Timestamp) -> Principal {
        if passport.used(now) {
            self.authority.used(token.session, now, passport.fill.idle_timeout);
        }
        passport.fill.principal.clone()
    }

    async fn access_token(&self, class: RouteClass, text: &str) -> Result<Principal, Denied> {
        let verified = self.prove(text).await?;
        match self.renewed(|| self.judge_token(class, &verified)).await {
            Judgement::Live | Judgement::Tolerated => Ok(verified.principal.clone()),
            Judgement::Killed | Judgement::Refill => Err(Denied::Unauthenticated(Reason::Revoked)),
            Judgement::Stale => Err(Denied::Unavailable),
        }
    }

    /// Proves a token, and once more if its key may have been published meanwhile.
    async fn prove(&self, text: &str) -> Result<Arc<Verified>, Denied> {
        let mut proved =
            self.prover.prove(text, self.clock.wall(), |verified| self.authority.proved(verified));
        if matches!(proved, Err(Invalid::UnknownKey)) {
            self.authority.renew_keys().await.map_err(|Outage| Denied::Unavailable)?;
            proved = self.prover.prove(text, self.clock.wall(), |verified| self.authority.proved(verified));
        }
        proved.map_err(|invalid| Denied::Unauthenticated(Reason::Invalid(invalid)))
    }

    fn judge_token(&self, class: RouteClass, token: &Verified) -> Judgement {
        self.lease.judge_on(class, &self.clock, || {
            self.revocations.access_token(
                &token.token,
                token.session.as_ref(),
                &token.user,
                &token.kid,
                token.rv,
            )
        })
    }
}

fn session_token(text: &str) -> Option<OpaqueToken> {
    OpaqueToken::parse(text).filter(|token| token.kind == OpaqueKind::Session)
}

impl<A, C> Clone for Verifier<A, C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<A, C> std::fmt::Debug for Verifier<A, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier").finish_non_exhaustive()
    }
}
