//! Credentials that nobody knows, by where they come from.
//!
//! Only the authority can tell that it does not know a credential, so each made-up one costs it a question. A source may
//! show many at once, since many clients may be behind one address, and then some each second. Beyond that nothing is
//! looked up for it, which is no answer about the credential: 503 or 429, never 401. What turns out to be good costs
//! nothing, and what is remembered here is never charged at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use quick_cache::sync::Cache;

use crate::address::AddressGroup;
use crate::clock::BootInstant;

/// How many a source may show at once. After a logout of everybody all clients behind one address may come together.
pub const AT_ONCE: u64 = 1_000;
/// After that, one in this time.
pub const EVERY: Duration = Duration::from_millis(10);
/// Sources that are remembered.
const SOURCES: usize = 16_384;

/// See the module.
#[derive(Debug)]
pub struct Strangers(Cache<AddressGroup, Arc<Budget>>);

/// When it will be whole again, in nanoseconds of the boot clock (the generic cell rate algorithm).
#[derive(Debug, Default)]
struct Budget(AtomicU64);

/// A lookup that is charged to its source. Dropped, it stays charged: who hangs up must not look up for nothing.
#[derive(Debug)]
#[must_use]
pub struct Charged(Option<Arc<Budget>>);

impl Default for Strangers {
    fn default() -> Self {
        Self(Cache::new(SOURCES))
    }
}

impl Strangers {
    /// Charges a lookup to its source, before it is done: those under way together do not outrun the limit. `None`: the
    /// source has shown too many that nobody knows. Nothing is charged where the source is not known.
    pub fn charge(&self, source: Option<AddressGroup>, now: BootInstant) -> Option<Charged> {
        let Some(source) = source else { return Some(Charged(None)) };
        let Ok(budget) =
            self.0.get_or_insert_with(&source, || Ok::<_, std::convert::Infallible>(Arc::default()));
        budget.take(now).then_some(Charged(Some(budget)))
    }
}

impl Charged {
    /// It was no stranger, or nobody found out: nothing is charged.
    pub fn refund(self) {
        if let Some(budget) = self.0 {
            budget.0.fetch_sub(nanos(1), Ordering::Relaxed);
        }
    }
}

impl Budget {
    fn take(&self, now: BootInstant) -> bool {
        let taken = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |whole_at| {
            let charged = whole_at.max(now.0).saturating_add(nanos(1));
            (charged <= now.0.saturating_add(nanos(AT_ONCE))).then_some(charged)
        });
        taken.is_ok()
    }
}

fn nanos(lookups: u64) -> u64 {
    u64::try_from(EVERY.as_nanos()).unwrap_or(u64::MAX).saturating_mul(lookups)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Option<AddressGroup> {
        Some(AddressGroup::of(text.parse().unwrap()))
    }

    fn at(millis: u64) -> BootInstant {
        BootInstant(3_600_000_000_000 + millis * 1_000_000)
    }

    #[test]
    fn a_source_runs_out_and_its_budget_comes_back_with_time() {
        let strangers = Strangers::default();
        let show = |text: &str, millis: u64| strangers.charge(source(text), at(millis)).is_some();
        assert_eq!((0..2 * AT_ONCE).filter(|_| show("192.0.2.1", 0)).count() as u64, AT_ONCE);
        assert!(show("192.0.2.2", 0), "another source has its own");
        assert_eq!((0..10).filter(|_| show("192.0.2.1", 30)).count(), 3);
        assert_eq!((0..2 * AT_ONCE).filter(|_| show("192.0.2.1", 3_600_000)).count() as u64, AT_ONCE);
    }

    #[test]
    fn what_is_known_costs_nothing_and_neither_does_who_has_no_address() {
        let strangers = Strangers::default();
        for _ in 0..2 * AT_ONCE {
            strangers.charge(source("192.0.2.1"), at(0)).unwrap().refund();
            drop(strangers.charge(None, at(0)).unwrap());
        }
        assert_eq!(
            (0..2 * AT_ONCE).filter(|_| strangers.charge(source("192.0.2.1"), at(0)).is_some()).count()
                as u64,
            AT_ONCE
        );
    }

    #[test]
    fn lookups_under_way_together_do_not_outrun_the_limit() {
        let strangers = Strangers::default();
        let show = || (0..AT_ONCE).filter(|_| strangers.charge(source("192.0.2.1"), at(0)).is_some()).count();
        let shown: usize = std::thread::scope(|scope| {
            let shows: Vec<_> = (0..8).map(|_| scope.spawn(show)).collect();
            shows.into_iter().map(|show| show.join().unwrap()).sum()
        });
        assert_eq!(shown as u64, AT_ONCE);
    }
}
