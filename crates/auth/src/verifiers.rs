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
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use cloakroom_verify::Timestamp;

    use super::*;

    const BOUND: Duration = Duration::from_secs(2);
    const KEY: ServiceKeyId = ServiceKeyId::from_bytes([1; 16]);

    /// A clock that stands still.
    #[derive(Clone)]
    struct At(BootInstant);

    impl Clock for At {
        fn wall(&self) -> Timestamp {
            Timestamp::from_seconds(1_800_000_000)
        }

        fn boot(&self) -> BootInstant {
            self.0
        }
    }

    fn at(millis: u64) -> At {
        At(BootInstant(1_000_000_000 + millis * 1_000_000))
    }

    fn rv(seq: u32) -> Option<Rv> {
        Some(Rv::new(5, seq))
    }

    #[test]
    fn a_verifier_that_lapsed_is_as_good_as_new() {
        let verifiers = Verifiers::new(BOUND);
        assert_eq!(verifiers.register(KEY, "a", None, &at(0)), Welcome::New);
        assert_eq!(verifiers.register(KEY, "a", rv(1), &at(2000)), Welcome::Known);
        assert_eq!(verifiers.count(&at(4000)), 1);
        assert_eq!(verifiers.register(KEY, "a", rv(1), &at(4001)), Welcome::New);
        assert_eq!(verifiers.count(&at(6002)), 0);
    }

    #[test]
    fn a_receipt_waits_for_each_until_it_knows_or_has_lapsed() {
        let verifiers = Verifiers::new(BOUND);
        for name in ["knows", "learns", "sleeps"] {
            verifiers.register(KEY, name, rv(if name == "knows" { 9 } else { 3 }), &at(0));
        }
        let mut awaited = verifiers.await_all(Rv::new(5, 9), &at(10));
        assert_eq!(awaited.counts, Counts { registered: 3, acknowledged: 1, lapsed: 0 });
        verifiers.register(KEY, "learns", rv(8), &at(20));
        verifiers.register(KEY, "late", None, &at(20));
        assert!(!verifiers.look(&mut awaited, &at(20)), "8 is not 9");
        verifiers.register(KEY, "learns", rv(9), &at(250));
        assert!(!verifiers.look(&mut awaited, &at(2000)), "one may still trust what it knew");
        assert!(verifiers.look(&mut awaited, &at(2001)));
        assert_eq!(awaited.counts, Counts { registered: 3, acknowledged: 2, lapsed: 1 });
    }

    /// Where nothing keeps a receipt from it, lets it look right after the time was read, two milliseconds later.
    #[derive(Clone)]
    struct Overtaken(Arc<Verifiers>, Arc<Mutex<Awaited>>, Arc<AtomicBool>);

    impl Clock for Overtaken {
        fn wall(&self) -> Timestamp {
            at(0).wall()
        }

        fn boot(&self) -> BootInstant {
            let free = self.0.all.try_lock().is_ok();
            if free && self.0.look(&mut self.1.lock().unwrap(), &at(2001)) {
                self.2.store(true, Ordering::Relaxed);
            }
            at(1999).boot()
        }
    }

    #[test]
    fn one_that_a_receipt_found_lapsed_is_not_welcomed_as_one_that_was_here() {
        let verifiers = Arc::new(Verifiers::new(BOUND));
        verifiers.register(KEY, "a", rv(3), &at(0));
        let awaited = Arc::new(Mutex::new(verifiers.await_all(Rv::new(5, 9), &at(1))));
        let promised = Arc::new(AtomicBool::new(false));
        let clock = Overtaken(Arc::clone(&verifiers), awaited, Arc::clone(&promised));
        let welcome = verifiers.register(KEY, "a", rv(3), &clock);
        // Who was here may share a round that began before: it does not know of what the receipt told.
        assert_ne!((promised.load(Ordering::Relaxed), welcome), (true, Welcome::Known));
    }

    #[test]
    fn the_least_is_that_of_all_who_may_trust_something() {
        let verifiers = Verifiers::new(BOUND);
        assert_eq!(verifiers.least(&at(0)), None);
        verifiers.register(KEY, "behind", rv(3), &at(0));
        verifiers.register(ServiceKeyId::from_bytes([2; 16]), "ahead", rv(9), &at(10));
        assert_eq!(verifiers.least(&at(2000)), Some(rv(3)));
        assert_eq!(verifiers.least(&at(2001)), Some(rv(9)), "the other has lapsed");
        verifiers.register(KEY, "knows nothing", None, &at(2001));
        assert_eq!(verifiers.least(&at(2001)), Some(None));
    }

    #[test]
    fn what_a_restarted_verifier_forgot_is_not_known() {
        let verifiers = Verifiers::new(BOUND);
        verifiers.register(KEY, "a", rv(9), &at(0));
        verifiers.register(KEY, "a", None, &at(1));
        assert!(!verifiers.look(&mut verifiers.await_all(Rv::new(5, 9), &at(2)), &at(2)));
    }

    #[test]
    fn a_key_has_so_many_at_most() {
        let verifiers = Verifiers::new(BOUND);
        for n in 0..PER_KEY {
            assert_eq!(verifiers.register(KEY, &n.to_string(), None, &at(0)), Welcome::New);
        }
        assert_eq!(verifiers.register(KEY, "one more", None, &at(0)), Welcome::TooMany);
        assert_eq!(verifiers.register(KEY, "0", None, &at(0)), Welcome::Known);
        let other = ServiceKeyId::from_bytes([2; 16]);
        assert_eq!(verifiers.register(other, "0", None, &at(0)), Welcome::New);
        assert_eq!(verifiers.register(KEY, "one more", None, &at(2001)), Welcome::New, "the others are gone");
    }

    #[test]
    fn a_key_that_is_full_is_looked_through_eight_times_a_bound_at_most() {
        let verifiers = Verifiers::new(BOUND);
        for n in 0..PER_KEY {
            verifiers.register(KEY, &n.to_string(), None, &at(0));
        }
        assert_eq!(verifiers.register(KEY, "stranger", None, &at(1900)), Welcome::TooMany);
        assert_eq!(
            verifiers.register(KEY, "stranger", None, &at(2149)),
            Welcome::TooMany,
            "not looked again yet"
        );
        assert_eq!(
            verifiers.register(KEY, "0", None, &at(2149)),
            Welcome::New,
            "it lapsed, and has its place still"
        );
        assert_eq!(verifiers.register(KEY, "stranger", None, &at(2150)), Welcome::New);
        assert_eq!(verifiers.count(&at(2150)), 2);
    }
}
