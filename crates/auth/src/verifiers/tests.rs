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
