//! How long local knowledge may be trusted.
//!
//! The promise (docs/revocation.md): a check that reads its clock later than `bound` after a revocation was committed does not
//! accept what it kills. It holds only because of one order, kept in [`Lease::judge_on`].

use std::time::Duration;

use crate::authenticate::RouteClass;
use crate::clock::{BootInstant, Clock};
use crate::revocations::Verdict;
use crate::sync::atomic::{AtomicU64, Ordering};

/// Everything that was committed before this moment of the boot clock is known here.
#[derive(Debug)]
pub struct Lease {
    /// Nanoseconds; zero: nothing was ever known.
    known_until: AtomicU64,
    /// Nanoseconds.
    bound: AtomicU64,
}

/// What a check may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// Accept.
    Live,
    /// Refuse.
    Killed,
    /// Ask the authority again.
    Refill,
    /// Accept: we have not heard for too long to know better, but the route said that it may be so long.
    Tolerated,
    /// Nothing kills it as far as we know, but we have not heard for too long.
    Stale,
}

impl Lease {
    /// A lease that is good for `bound` after each credit.
    pub fn new(bound: Duration) -> Self {
        Self { known_until: AtomicU64::new(0), bound: AtomicU64::new(nanos(bound)) }
    }

    /// How long it is good for after each credit.
    pub fn bound(&self) -> Duration {
        Duration::from_nanos(self.bound.load(Ordering::Acquire))
    }

    /// Makes it good for so long from now on, what was credited before included: an authority has the last word.
    /// Said before the credit that came with it.
    pub fn bind(&self, bound: Duration) {
        self.bound.store(nanos(bound), Ordering::Release);
    }

    /// Credits a completed round with the time from *before* it asked. Never moves back.
    pub fn credit(&self, before: BootInstant) {
        self.known_until.fetch_max(before.0, Ordering::AcqRel);
    }

    /// Everything that was committed before this moment is known; `None`: nothing was ever known. Whoever passes on what
    /// he knows reads this first, and then what he knows.
    pub fn known_until(&self) -> Option<BootInstant> {
        let known_until = self.known_until.load(Ordering::Acquire);
        (known_until != 0).then_some(BootInstant(known_until))
    }

    /// How old the knowledge is; `None`: nothing was ever known.
    pub fn age(&self, clock: &impl Clock) -> Option<Duration> {
        let known_until = self.known_until.load(Ordering::Acquire);
        (known_until != 0).then(|| clock.boot().since(BootInstant(known_until)))
    }

    /// Whether a check would be judged now.
    pub fn is_fresh(&self, clock: &impl Clock) -> bool {
        self.age(clock).is_some_and(|age| age <= self.usable())
    }

    /// When it runs out unless it is renewed; `None`: nothing was ever known.
    pub fn runs_out(&self) -> Option<BootInstant> {
        let known_until = self.known_until.load(Ordering::Acquire);
        (known_until != 0).then(|| BootInstant(known_until.saturating_add(nanos(self.usable()))))
    }

    /// The check of a route that said nothing.
    pub fn judge(&self, clock: &impl Clock, table: impl FnOnce() -> Verdict) -> Judgement {
        self.judge_on(RouteClass::Bounded, clock, table)
    }

    /// The one check, in the one order: freshness is read first, then the table, then the clock. Read the table
    /// first, and an event could arrive, the lease be renewed by it, and the stale verdict pass as fresh; read the
    /// clock first, and a pause after it would not count.
    pub fn judge_on(
        &self,
        class: RouteClass,
        clock: &impl Clock,
        table: impl FnOnce() -> Verdict,
    ) -> Judgement {
        let known_until = self.known_until.load(Ordering::Acquire);
        match table() {
            Verdict::Killed => return Judgement::Killed,
            Verdict::Refill => return Judgement::Refill,
            Verdict::Live => {}
        }
        let age = clock.boot().since(BootInstant(known_until));
        if known_until == 0 {
            return Judgement::Stale;
        }
        match class {
            RouteClass::Bounded | RouteClass::Tolerant(_) if age <= self.usable() => Judgement::Live,
            RouteClass::Tolerant(limit) if age <= limit => Judgement::Tolerated,
            RouteClass::Bounded | RouteClass::Tolerant(_) => Judgement::Stale,
        }
    }

    /// The clock may run 500 ppm slow; a thousandth covers that twice.
    fn usable(&self) -> Duration {
        let bound = self.bound();
        bound - bound / 1000
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;
    use crate::clock::ManualClock;

    const BOUND: Duration = Duration::from_secs(2);

    #[test]
    fn a_lease_is_good_for_a_thousandth_less_than_its_bound() {
        let clock = ManualClock::at(Timestamp::from_seconds(0));
        let lease = Lease::new(BOUND);
        assert_eq!(lease.judge(&clock, || Verdict::Live), Judgement::Stale, "never synced");
        lease.credit(clock.boot());
        clock.advance(Duration::from_millis(1998));
        assert_eq!(lease.judge(&clock, || Verdict::Live), Judgement::Live);
        clock.advance(Duration::from_millis(1));
        assert_eq!(lease.judge(&clock, || Verdict::Live), Judgement::Stale);
    }

    #[test]
    fn what_is_known_to_be_dead_stays_dead_without_a_lease() {
        let clock = ManualClock::at(Timestamp::from_seconds(0));
        assert_eq!(Lease::new(BOUND).judge(&clock, || Verdict::Killed), Judgement::Killed);
    }

    #[test]
    fn a_renewal_between_the_reads_does_not_vouch_for_the_older_table() {
        let clock = ManualClock::at(Timestamp::from_seconds(0));
        let lease = Lease::new(BOUND);
        lease.credit(clock.boot());
        let verdict = lease.judge(&clock, || {
            // While the table is read: time passes, and a sync completes that knows of a new revocation.
            clock.advance(BOUND * 2);
            lease.credit(clock.boot());
            Verdict::Live
        });
        assert_eq!(verdict, Judgement::Stale);
    }

    #[test]
    fn a_pause_before_the_clock_is_read_counts() {
        let clock = ManualClock::at(Timestamp::from_seconds(0));
        let lease = Lease::new(BOUND);
        lease.credit(clock.boot());
        let verdict = lease.judge(&clock, || {
            clock.advance(BOUND);
            Verdict::Live
        });
        assert_eq!(verdict, Judgement::Stale);
    }

    #[test]
    fn a_tolerant_route_waits_longer_and_still_refuses_what_is_dead() {
        let clock = ManualClock::at(Timestamp::from_seconds(0));
        let (lease, class) = (Lease::new(BOUND), RouteClass::Tolerant(Duration::from_secs(30)));
        assert_eq!(lease.judge_on(class, &clock, || Verdict::Live), Judgement::Stale, "never synced");
        lease.credit(clock.boot());
        assert_eq!(lease.judge_on(class, &clock, || Verdict::Live), Judgement::Live);
        clock.advance(Duration::from_secs(30));
        assert_eq!(lease.judge_on(class, &clock, || Verdict::Live), Judgement::Tolerated);
        assert_eq!(lease.judge_on(class, &clock, || Verdict::Killed), Judgement::Killed);
        assert_eq!(lease.judge_on(class, &clock, || Verdict::Refill), Judgement::Refill);
        assert_eq!(lease.judge(&clock, || Verdict::Live), Judgement::Stale);
        clock.advance(Duration::from_millis(1));
        assert_eq!(lease.judge_on(class, &clock, || Verdict::Live), Judgement::Stale);
    }

    #[test]
    fn a_shorter_bound_counts_at_once() {
        let clock = ManualClock::at(Timestamp::from_seconds(0));
        let lease = Lease::new(BOUND);
        lease.credit(clock.boot());
        clock.advance(BOUND / 2);
        assert!(lease.is_fresh(&clock));
        lease.bind(BOUND / 4);
        assert_eq!(lease.judge(&clock, || Verdict::Live), Judgement::Stale);
    }

    #[test]
    fn a_late_credit_of_an_old_round_changes_nothing() {
        let clock = ManualClock::at(Timestamp::from_seconds(0));
        let (lease, old) = (Lease::new(BOUND), clock.boot());
        clock.advance(BOUND);
        lease.credit(clock.boot());
        lease.credit(old);
        assert!(lease.is_fresh(&clock));
    }
}
