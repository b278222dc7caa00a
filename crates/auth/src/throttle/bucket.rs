//! Budgets that refill: the generic cell rate algorithm, in bounded memory.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::str::FromStr;
use std::time::Duration;

use cloakroom_verify::Timestamp;

use super::TooMany;

/// So many at once, refilled evenly over so long: `10/15m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    count: u32,
    per: Duration,
}

/// The text is no quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a quota is a count and a time, such as 10/15m (s, m, h, d)")]
pub struct InvalidQuota;

const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)];

impl FromStr for Quota {
    type Err = InvalidQuota;

    fn from_str(text: &str) -> Result<Self, InvalidQuota> {
        let (count, per) = text.split_once('/').ok_or(InvalidQuota)?;
        let unit = per.chars().last().ok_or(InvalidQuota)?;
        let (_, seconds) = UNITS.iter().find(|(letter, _)| *letter == unit).ok_or(InvalidQuota)?;
        let number: u64 = per[..per.len() - unit.len_utf8()].parse().map_err(|_| InvalidQuota)?;
        let count: u32 = count.parse().map_err(|_| InvalidQuota)?;
        let seconds = number.checked_mul(*seconds).ok_or(InvalidQuota)?;
        if count == 0 || seconds == 0 || seconds > 366 * 86_400 {
            return Err(InvalidQuota);
        }
        Ok(Self { count, per: Duration::from_secs(seconds) })
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.per.as_secs();
        let (letter, unit) =
            UNITS.iter().find(|(_, unit)| seconds.is_multiple_of(*unit)).unwrap_or(&('s', 1));
        write!(f, "{}/{}{letter}", self.count, seconds / unit)
    }
}

impl Quota {
    fn interval_millis(self) -> i64 {
        i64::try_from(self.per.as_millis()).unwrap_or(i64::MAX).div_euclid(i64::from(self.count)).max(1)
    }
}

/// A budget for each key.
#[derive(Debug)]
pub(super) struct Buckets<K> {
    quota: Quota,
    at_most: usize,
    /// When each budget will be full again, in milliseconds. One that is full already says nothing.
    full_at: HashMap<K, i64>,
}

impl<K: Copy + Eq + Hash> Buckets<K> {
    pub(super) fn new(quota: Quota, at_most: usize) -> Self {
        Self { quota, at_most, full_at: HashMap::new() }
    }

    pub(super) fn charge(&mut self, key: K, now: Timestamp) -> Result<(), TooMany> {
        let (now, interval) = (now.as_millis(), self.quota.interval_millis());
        let full_at = self.full_at.get(&key).copied().unwrap_or(now).max(now);
        let empty_at = now.saturating_add(interval.saturating_mul(i64::from(self.quota.count)));
        let charged = full_at.saturating_add(interval);
        if charged > empty_at {
            let wait = u64::try_from(charged - empty_at).unwrap_or(0);
            return Err(TooMany { retry_after: Duration::from_millis(wait) });
        }
        if self.full_at.len() >= self.at_most && !self.full_at.contains_key(&key) {
            self.make_room(now);
        }
        self.full_at.insert(key, charged);
        Ok(())
    }

    pub(super) fn refund(&mut self, key: K) {
        if let Some(full_at) = self.full_at.get_mut(&key) {
            *full_at = full_at.saturating_sub(self.quota.interval_millis());
        }
    }

    /// Drops what says nothing any more; if that is not enough, the budgets that are nearest to full. Whoever wants to
    /// push out a spent budget must spend as many others, and each costs its address.
    fn make_room(&mut self, now: i64) {
        self.full_at.retain(|_, full_at| *full_at > now);
        if self.full_at.len() < self.at_most {
            return;
        }
        let mut ends: Vec<i64> = self.full_at.values().copied().collect();
        let sixteenth = ends.len() / 16;
        let (_, cut, _) = ends.select_nth_unstable(sixteenth);
        let cut = *cut;
        self.full_at.retain(|_, full_at| *full_at > cut);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_quota_reads_and_writes_its_text() {
        for text in ["10/15m", "100/1h", "1/1s", "5/2d"] {
            assert_eq!(text.parse::<Quota>().unwrap().to_string(), text);
        }
        for bad in ["", "10", "0/15m", "10/0m", "10/15", "10/15x", "-1/15m", "10/m", "10/é"] {
            assert_eq!(bad.parse::<Quota>(), Err(InvalidQuota), "{bad}");
        }
    }

    #[test]
    fn memory_is_bounded_and_the_most_spent_budgets_stay() {
        let mut buckets = Buckets::new("3/1h".parse().unwrap(), 64);
        let now = Timestamp::from_seconds(0);
        while buckets.charge(0, now).is_ok() {}
        for key in 1..10_000 {
            let _ = buckets.charge(key, now);
            assert!(buckets.full_at.len() <= 64);
        }
        assert!(buckets.charge(0, now).is_err());
    }

    proptest! {
        #[test]
        fn never_more_than_the_count_and_what_time_gave_back(steps in prop::collection::vec(0_i64..5_000, 1..200)) {
            let mut buckets = Buckets::new("5/10s".parse().unwrap(), 8);
            let (mut now, mut admitted) = (0, 0_i64);
            for step in steps {
                now += step;
                admitted += i64::from(buckets.charge((), Timestamp::from_millis(now)).is_ok());
                prop_assert!(admitted <= 5 + now / 2_000);
            }
        }
    }
}
