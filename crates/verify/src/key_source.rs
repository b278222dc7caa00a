//! The keys of an issuer elsewhere: fetched before they are needed, again when a token names one that is not known.
//!
//! What a token says decides nothing but *when* the one configured set is read again, and that at most every ten
//! seconds: a flood of made-up key ids neither fetches more often nor pushes a known key out (CVE-2026-48524). A set
//! that cannot be fetched or read leaves the last good one in use.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::KeyId;
use crate::algorithm::VerifyingKey;
use crate::authenticate::Outage;
use crate::clock::{BootInstant, Clock, SystemClock};
use crate::flights::Flights;
use crate::jwk::parse::{InvalidJwks, public_keys};
use crate::keys::KeySet;
use crate::revocations::Revocations;

/// How often a set is fetched without a reason: as long as our server lets others keep it.
pub const FETCH_EVERY: Duration = Duration::from_secs(300);
/// How often it is fetched at most, whatever tokens say.
pub const FETCH_AT_MOST_EVERY: Duration = Duration::from_secs(10);

/// How often it is fetched until that succeeds for the first time.
pub const FIRST_FETCH_EVERY: Duration = Duration::from_secs(1);

/// Reads the JWK Set of an issuer, such as `https://auth.example.com/.well-known/jwks.json`.
///
/// Over https unless it is on this machine; bounded in time, and in size to 256 KiB; without following redirects to
/// other hosts. Nothing in the answer is believed before it was read as strictly as tokens are.
pub trait FetchKeys: Send + Sync + 'static {
    /// Fetches it once.
    fn fetch(&self) -> impl Future<Output = Result<Vec<u8>, Outage>> + Send;
}

/// Why there are no newer keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotFetched {
    /// The issuer did not answer.
    #[error("the issuer's keys could not be fetched")]
    Outage,
    /// Its answer is no set of public keys that can be trusted whole.
    #[error("the issuer's keys cannot be used: {0}")]
    Invalid(#[from] InvalidJwks),
}

/// Keeps a [`KeySet`] as its issuer publishes it.
pub struct KeySource<F, C = SystemClock> {
    fetch: F,
    clock: C,
    keys: Arc<KeySet>,
    revocations: Option<Arc<Revocations>>,
    under_way: Flights<(), Result<(), NotFetched>>,
    /// When it was last asked for, and when an answer was last good, in nanoseconds of the boot clock. Zero: never.
    asked: AtomicU64,
    answered: AtomicU64,
}

impl<F: FetchKeys, C: Clock> KeySource<F, C> {
    /// A source that holds no key until it was fetched.
    pub fn new(fetch: F, clock: C) -> Self {
        Self {
            fetch,
            clock,
            keys: Arc::new(KeySet::new([])),
            revocations: None,
            under_way: Flights::new(),
            asked: AtomicU64::new(0),
            answered: AtomicU64::new(0),
        }
    }

    /// The same, and a key that is known to be revoked is never loaded again, whatever the issuer publishes.
    #[must_use]
    pub fn without_revoked(self, revocations: Arc<Revocations>) -> Self {
        Self { revocations: Some(revocations), ..self }
    }

    /// The keys as they were last fetched.
    pub fn keys(&self) -> &Arc<KeySet> {
        &self.keys
    }

    /// How long ago the keys were last known to be current; `None`: never.
    pub fn age(&self) -> Option<Duration> {
        let answered = self.answered.load(Ordering::Acquire);
        (answered != 0).then(|| self.clock.boot().since(BootInstant(answered)))
    }

    /// Fetches the keys now, once for all who ask at this moment.
    pub async fn fetch(&self) -> Result<(), NotFetched> {
        self.under_way.once(&(), self.fetch_once()).await
    }

    /// Fetches the keys before they are needed, for as long as it is polled: spawn it, with the `sleep` of your
    /// runtime. A failure is told to `failed` and tried again soon.
    pub async fn tend<S: Future>(&self, sleep: impl Fn(Duration) -> S, failed: impl Fn(&NotFetched)) {
        loop {
            let pause = match self.fetch().await {
                Ok(()) => FETCH_EVERY,
                Err(error) => {
                    failed(&error);
                    // Without any key nobody gets in: whoever starts before its issuer is ready soon after it.
                    if self.age().is_none() { FIRST_FETCH_EVERY } else { FETCH_AT_MOST_EVERY }
                }
            };
            sleep(pause).await;
        }
    }

    /// Brings the keys up to date because a token names one that is not known, unless that was done a moment ago.
    /// An error means that nobody can tell whether there is such a key.
    pub async fn renew(&self) -> Result<(), Outage> {
        self.under_way.once(&(), self.fetch_unless_lately()).await.map_err(|_| Outage)
    }

    async fn fetch_unless_lately(&self) -> Result<(), NotFetched> {
        let asked = self.asked.load(Ordering::Acquire);
        let lately = asked != 0 && self.clock.boot().since(BootInstant(asked)) < FETCH_AT_MOST_EVERY;
        match lately {
            false => self.fetch_once().await,
            true if self.answered.load(Ordering::Acquire) >= asked => Ok(()),
            true => Err(NotFetched::Outage),
        }
    }

    async fn fetch_once(&self) -> Result<(), NotFetched> {
        let before = self.clock.boot();
        self.asked.store(before.0, Ordering::Release);
        let json = self.fetch.fetch().await.map_err(|Outage| NotFetched::Outage)?;
        let mut keys = public_keys(&json)?;
        if let Some(revocations) = &self.revocations {
            keys.retain(|(kid, _)| !revocations.is_key_revoked(kid));
        }
        // An unchanged set is left alone: replacing it would forget every token seen before.
        if !self.holds(&keys) {
            self.keys.replace(keys);
        }
        self.answered.store(before.0, Ordering::Release);
        Ok(())
    }

    fn holds(&self, keys: &[(KeyId, VerifyingKey)]) -> bool {
        let same = |(kid, key): &(KeyId, VerifyingKey)| {
            let known = self.keys.by_kid(kid);
            known
                .is_some_and(|known| known.key.algorithm() == key.algorithm() && known.key.jwk() == key.jwk())
        };
        keys.len() == self.keys.all().len() && keys.iter().all(same)
    }
}

impl<F, C> std::fmt::Debug for KeySource<F, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeySource").field("keys", &self.keys).finish_non_exhaustive()
    }
}
