//! How far this machine's clock is from the database's. Servers of one database judge what has expired by their own
//! clocks: one that is far off would accept too long, refuse too early, and not know it.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use cloakroom_verify::Timestamp;

/// A server that is further off than this is not ready.
pub const FARTHEST: Duration = Duration::from_secs(5);

/// See the module. Only what is certain: an answer that was long on its way says little.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Drift {
    /// Milliseconds that this clock is ahead at least; negative: behind.
    ahead: i64,
}

impl Drift {
    /// Of a clock that said `ours`, and within the time that an answer `took` after that the other one said `theirs`.
    pub fn between(ours: Timestamp, took: Duration, theirs: Timestamp) -> Self {
        let least = ours.as_millis().saturating_sub(theirs.as_millis());
        let most = ours.after(took).as_millis().saturating_sub(theirs.as_millis());
        Self { ahead: least.max(0) + most.min(0) }
    }

    /// Whether it is too far.
    pub fn is_too_far(self) -> bool {
        self.distance() > FARTHEST
    }

    /// How far this clock is ahead at least; negative: behind.
    pub fn ahead_seconds(self) -> f64 {
        self.distance().as_secs_f64().copysign(if self.ahead < 0 { -1.0 } else { 1.0 })
    }

    /// What both clocks have passed when this one says `now`.
    #[must_use]
    pub fn earlier(self, now: Timestamp) -> Timestamp {
        if self.ahead > 0 { now.before(self.distance()) } else { now }
    }

    const fn distance(self) -> Duration {
        Duration::from_millis(self.ahead.unsigned_abs())
    }
}

/// The drift as the clocks were compared last; none before that.
#[derive(Debug, Default)]
pub struct LastDrift(AtomicI64);

impl LastDrift {
    /// What it was.
    pub fn get(&self) -> Drift {
        Drift { ahead: self.0.load(Ordering::Relaxed) }
    }

    /// They were compared again.
    pub fn set(&self, drift: Drift) {
        self.0.store(drift.ahead, Ordering::Relaxed);
    }
}

/// "the clock is 7.4 s ahead of the database's".
impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = if self.ahead < 0 { "behind" } else { "ahead of" };
        write!(f, "the clock is {:.1} s {direction} the database's", self.distance().as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drift(ours: i64, took: u64, theirs: i64) -> Drift {
        let at = Timestamp::from_millis;
        Drift::between(at(ours), Duration::from_millis(took), at(theirs))
    }

    #[test]
    fn only_what_the_way_of_the_answer_cannot_explain_counts() {
        assert_eq!(drift(1000, 10, 1004), Drift::default());
        assert_eq!(drift(1000, 10, 1010), Drift::default());
        assert_eq!(drift(1000, 10, 1011).ahead, -1);
        assert_eq!(drift(1000, 10, 999).ahead, 1);
        assert_eq!(drift(0, 7000, 7000), Drift::default(), "it may have been asked at its end");
    }

    #[test]
    fn five_seconds_are_the_farthest() {
        assert!(!drift(5000, 0, 0).is_too_far());
        assert!(drift(5001, 0, 0).is_too_far());
        assert!(!drift(0, 100, 5100).is_too_far());
        assert!(drift(0, 100, 5101).is_too_far());
        assert_eq!(drift(7400, 90, 0).to_string(), "the clock is 7.4 s ahead of the database's");
        assert_eq!(drift(0, 90, 7490).to_string(), "the clock is 7.4 s behind the database's");
    }

    #[test]
    fn the_earlier_of_two_clocks_is_never_ahead_of_either() {
        let now = Timestamp::from_millis(9000);
        assert_eq!(drift(9000, 10, 2000).earlier(now), Timestamp::from_millis(2000));
        assert_eq!(drift(9000, 10, 20_000).earlier(now), now);
    }
}
