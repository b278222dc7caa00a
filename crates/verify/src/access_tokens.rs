//! Access tokens by the issuer's published keys alone: for a service that can live with `exp`.

use std::sync::Arc;

use crate::authenticate::{Authenticate, Denied, Outage, Proof, Reason, RouteClass};
use crate::clock::{Clock, SystemClock};
use crate::jwt::{Invalid, Rules, Verified};
use crate::key_source::{FetchKeys, KeySource};
use crate::prover::Prover;
use crate::{Principal, Timestamp};

/// Checks access tokens **without revocations**: after a logout, a password change or a theft that was noticed, a
/// token is accepted until its `exp`. A [`Verifier`](crate::verifier::Verifier) has no such hole. Session tokens are
/// refused: only their issuer knows them. Cheap to clone.
pub struct AccessTokensUntilExpiry<F, C = SystemClock>(Arc<Parts<F, C>>);

struct Parts<F, C> {
    source: Arc<KeySource<F, C>>,
    prover: Prover,
    clock: C,
}

impl<F: FetchKeys, C: Clock> AccessTokensUntilExpiry<F, C> {
    /// Checks what the issuer of `rules` signed with the keys of `source`, which is [tended](KeySource::tend) by you.
    pub fn new(source: Arc<KeySource<F, C>>, rules: Rules, clock: C) -> Self {
        let prover = Prover::new(Arc::clone(source.keys()), rules);
        Self(Arc::new(Parts { source, prover, clock }))
    }
}

impl<F: FetchKeys, C: Clock> Authenticate for AccessTokensUntilExpiry<F, C> {
    /// There is no lease here that a route could be lenient about.
    async fn authenticate_on(&self, _: RouteClass, proof: Proof<'_>) -> Result<Principal, Denied> {
        match proof {
            Proof::Session(_) => Err(Denied::Unauthenticated(Reason::Malformed)),
            Proof::Bearer(text) => self.0.prove(text).await.map(|verified| verified.principal.clone()),
        }
    }

    fn now(&self) -> Timestamp {
        self.0.clock.wall()
    }
}

impl<F: FetchKeys, C: Clock> Parts<F, C> {
    async fn prove(&self, text: &str) -> Result<Arc<Verified>, Denied> {
        let mut proved = self.prover.prove(text, self.clock.wall(), std::convert::identity);
        if matches!(proved, Err(Invalid::UnknownKey)) {
            self.source.renew().await.map_err(|Outage| Denied::Unavailable)?;
            proved = self.prover.prove(text, self.clock.wall(), std::convert::identity);
        }
        proved.map_err(|invalid| Denied::Unauthenticated(Reason::Invalid(invalid)))
    }
}

impl<F, C> Clone for AccessTokensUntilExpiry<F, C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<F, C> std::fmt::Debug for AccessTokensUntilExpiry<F, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessTokensUntilExpiry").finish_non_exhaustive()
    }
}
