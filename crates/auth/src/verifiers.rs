//! The verifiers that this process vouches to: until when each may trust what it knows, and how much that is.
//!
//! A verifier is registered before the head read of its first question, and a first question is answered by a read that
//! begins after that. So whoever looks after a revocation was committed finds every verifier that may not know of it:
//! one that comes later learns of it by its first answer. It is forgotten once its last answer can vouch for nothing.
//!
//! The clock is read under the lock, so that the order of the readings is that of what is done by them. Else somebody could
//! find that one has lapsed, and it be welcomed after that as one that has not, by a reading from before.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cloakroom_verify::clock::{BootInstant, Clock};
use cloakroom_verify::{Rv, ServiceKeyId};

/// Verifiers of one service key at most.
pub const PER_KEY: usize = 10_000;

/// See the module.
#[derive(Debug)]
pub struct Verifiers {
    /// How long an answer can be trusted at most.
    bound: Duration,
    all: Mutex<HashMap<ServiceKeyId, OfKey>>,
}

/// Those of one service key.
#[derive(Debug, Default)]
struct OfKey {
    named: HashMap<String, Registered>,
    /// When they were last looked through for one that has lapsed.
    looked: Option<BootInstant>,
}

/// One that runs.
#[derive(Debug, Clone, Copy)]
struct Registered {
    since: BootInstant,
    /// When its last question came.
    asked: BootInstant,
    acked: Option<Rv>,
}

/// What registering did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Welcome {
    /// It is new, or nothing that it knew can be trusted any more: only a read that begins now vouches to it.
    New,
    /// It was here.
    Known,
    /// The key has too many.
    TooMany,
}

/// The verifiers that a receipt waits for.
#[derive(Debug)]
pub struct Awaited {
    seq: Rv,
    from: BootInstant,
    waiting: Vec<(ServiceKeyId, String)>,
    /// How they stand.
    pub counts: Counts,
}

/// How many verifiers know of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// That were vouched to when it was committed.
    pub registered: usize,
    /// Of these: that have told that they know.
    pub acknowledged: usize,
    /// Of these: that may trust nothing any more until they have asked again.
    pub lapsed: usize,
}

impl Verifiers {
    /// None yet. What an answer tells is trusted for `bound` at most.
    pub fn new(bound: Duration) -> Self {
        Self { bound, all: Mutex::default() }
    }

    /// A question has come, from one that knows everything up to `acked`.
    pub fn register(&self, key: ServiceKeyId, name: &str, acked: Option<Rv>, clock: &impl Clock) -> Welcome {
        let mut all = self.lock();
        let now = clock.boot();
        let of_key = all.entry(key).or_default();
        if let Some(known) = of_key.named.get_mut(name)
            && !known.has_lapsed(now, self.bound)
        {
            // Not the greatest ever told: whatever a restarted one has forgotten is not known.
            *known = Registered { asked: now, acked, ..*known };
            return Welcome::Known;
        }
        if of_key.named.len() >= PER_KEY {
            of_key.forget_lapsed(now, self.bound);
        }
        if of_key.named.len() >= PER_KEY && !of_key.named.contains_key(name) {
            return Welcome::TooMany;
        }
        of_key.named.insert(name.to_owned(), Registered { since: now, asked: now, acked });
        Welcome::New
    }

    /// How long an answer can be trusted at most.
    pub const fn bound(&self) -> Duration {
        self.bound
    }

    /// How many there are.
    pub fn count(&self, clock: &impl Clock) -> usize {
        let mut all = self.lock();
        let now = clock.boot();
        all.retain(|_, of_key| {
            of_key.named.retain(|_, known| !known.has_lapsed(now, self.bound));
            !of_key.named.is_empty()
        });
        all.values().map(|of_key| of_key.named.len()).sum()
    }

    /// What all know at least, of those that may trust something; `None`: there are none.
    pub fn least(&self, clock: &impl Clock) -> Option<Option<Rv>> {
        let all = self.lock();
        let now = clock.boot();
        let live = all.values().flat_map(|of_key| of_key.named.values());
        let live = live.filter(|one| !one.has_lapsed(now, self.bound));
        live.map(|one| one.acked).min()
    }

    /// Begins to wait for all that may not know of `seq`, which was committed before this.
    pub fn await_all(&self, seq: Rv, clock: &impl Clock) -> Awaited {
        let all = self.lock();
        let now = clock.boot();
        let live = all
            .iter()
            .flat_map(|(key, of_key)| of_key.named.iter().map(move |(name, one)| (*key, name, one)));
        let live = live.filter(|(_, _, one)| !one.has_lapsed(now, self.bound));
        let waiting: Vec<_> = live.map(|(key, name, _)| (key, name.clone())).collect();
        let counts = Counts { registered: waiting.len(), ..Counts::default() };
        drop(all);
        let mut awaited = Awaited { seq, from: now, waiting, counts };
        self.look(&mut awaited, clock);
        awaited
    }

    /// Looks again; whether nobody is waited for any more.
    pub fn look(&self, awaited: &mut Awaited, clock: &impl Clock) -> bool {
        let all = self.lock();
        let now = clock.boot();
        let Awaited { seq, from, waiting, counts } = awaited;
        waiting.retain(|(key, name)| {
            let one = all.get(key).and_then(|of_key| of_key.named.get(name));
            // One that came again after it had lapsed was vouched to by a later read.
            let Some(one) = one.filter(|one| one.since <= *from && !one.has_lapsed(now, self.bound)) else {
                counts.lapsed += 1;
                return false;
            };
            let knows = one.acked.is_some_and(|acked| acked >= *seq);
            counts.acknowledged += usize::from(knows);
            !knows
        });
        waiting.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ServiceKeyId, OfKey>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OfKey {
    /// Makes room, and looks for it eight times a bound at most: one who names himself anew in each question must not have
    /// ten thousand others looked through each time, while everybody waits for the lock.
    fn forget_lapsed(&mut self, now: BootInstant, bound: Duration) {
        if self.looked.is_none_or(|looked| now.since(looked) >= bound / 8) {
            self.looked = Some(now);
            self.named.retain(|_, known| !known.has_lapsed(now, bound));
        }
    }
}

impl Registered {
    /// Its last answer vouches for what was known when it was asked, at the latest.
    fn has_lapsed(&self, now: BootInstant, bound: Duration) -> bool {
        now.since(self.asked) > bound
    }
}

#[cfg(test)]
mod tests;
