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
pub struct Strangers {
    budgets: Cache<AddressGroup, Arc<Budget>>,
    /// What a lookup counts for.
    price: u64,
}

/// When it will be whole again, in nanoseconds of the boot clock (the generic cell rate algorithm).
#[derive(Debug, Default)]
struct Budget(AtomicU64);

/// A lookup that is charged to its source. Dropped, it stays charged: who hangs up must not look up for nothing.
#[derive(Debug)]
#[must_use]
pub struct Charged(Option<(Arc<Budget>, u64)>);

impl Default for Strangers {
    fn default() -> Self {
        Self { budgets: Cache::new(SOURCES), price: 1 }
    }
}

impl Strangers {
    /// Half the limit, for one who passes questions on and is one source there: none of its own sources can spend all
    /// that it has. Several together can.
    pub fn at_half() -> Self {
        Self { price: 2, ..Self::default() }
    }

    /// Charges a lookup to its source, before it is done: those under way together do not outrun the limit. `None`: the
    /// source has shown too many that nobody knows. Nothing is charged where the source is not known.
    pub fn charge(&self, source: Option<AddressGroup>, now: BootInstant) -> Option<Charged> {
        let Some(source) = source else { return Some(Charged(None)) };
        let Ok(budget) =
            self.budgets.get_or_insert_with(&source, || Ok::<_, std::convert::Infallible>(Arc::default()));
        budget.take(self.price, now).then_some(Charged(Some((budget, self.price))))
    }
}

impl Charged {
    /// It was no stranger, or nobody found out: nothing is charged.
    pub fn refund(self) {
        if let Some((budget, price)) = self.0 {
            budget.0.fetch_sub(nanos(price), Ordering::Relaxed);
        }
    }
}

impl Budget {
    fn take(&self, price: u64, now: BootInstant) -> bool {
        let taken = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |whole_at| {
            let charged = whole_at.max(now.0).saturating_add(nanos(price));
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
    fn one_source_cannot_spend_all_that_who_passes_it_on_may_show() {
        let (relay, server) = (Strangers::at_half(), Strangers::default());
        let mut passed_on = 0;
        for millis in 0..60_000 {
            if relay.charge(source("192.0.2.1"), at(millis)).is_some() {
                passed_on += 1;
                // The first was the slowest.
                let arrives = at(if passed_on == 1 { 900 } else { millis.max(900) });
                assert!(server.charge(source("192.0.2.99"), arrives).is_some(), "{passed_on}");
            }
        }
        assert!(passed_on > AT_ONCE / 2);
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
