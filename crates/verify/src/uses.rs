//! Idle timeouts without a write per request: real uses are remembered here and flushed in batches.
//!
//! At most four writes per session per idle window: a use is due a quarter of the idle timeout after the last write, and
//! at once where none was that lately. A use just before the end of an idle window is so told to the other servers, to
//! which the session would soon be idle. What a crash loses makes a session end earlier, never later
//! (docs/decisions/0005-idle-touches.md).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::{SessionId, Timestamp};

/// Uses that the store does not know of yet.
///
/// With `session.freshness = "always"` each check records one, on every thread at once: each of several shards has a lock
/// of its own.
#[derive(Debug, Default)]
pub struct Uses {
    shards: [Mutex<Pending>; SHARDS],
}

type Pending = HashMap<SessionId, Use>;

const SHARDS: usize = 16;

#[derive(Debug, Clone, Copy)]
struct Use {
    at: Timestamp,
    /// The first use since the last write, where it ended a long rest: without it the last may find the session idle, as
    /// far as the store knows.
    first: Option<Timestamp>,
    /// When this process wrote last. Not the use that it wrote: that may be older, and the next write would come early.
    written: Timestamp,
    idle_timeout: Duration,
    unwritten: bool,
}

/// Past this many sessions of a shard all of it is flushed at once, so that memory stays bounded.
const AT_MOST: usize = 100_000 / SHARDS;

impl Uses {
    /// Remembers a real use.
    pub fn record(&self, session: SessionId, at: Timestamp, idle_timeout: Duration) {
        let mut pending = self.shard_of(&session);
        let entry = pending.entry(session).or_insert(Use {
            at,
            first: Some(at),
            written: at.before(idle_timeout / 4),
            idle_timeout,
            unwritten: true,
        });
        if !entry.unwritten && at > entry.at {
            entry.unwritten = true;
            entry.first = (at >= entry.at.after(idle_timeout / 2)).then_some(at);
        }
        entry.at = entry.at.max(at);
        entry.idle_timeout = idle_timeout;
    }

    /// The last use of a session that this process saw lately.
    pub fn last(&self, session: SessionId) -> Option<Timestamp> {
        self.shard_of(&session).get(&session).map(|used| used.at)
    }

    /// The uses that are due now. Whoever takes them writes them, or [`put_back`](Self::put_back)s them.
    pub fn take_due(&self, now: Timestamp) -> Vec<(SessionId, Timestamp)> {
        self.shards.iter().flat_map(|shard| take_due(&mut lock(shard), now)).collect()
    }

    /// All uses, due or not: for a shutdown.
    pub fn take_all(&self) -> Vec<(SessionId, Timestamp)> {
        let all = self.shards.iter().flat_map(|shard| std::mem::take(&mut *lock(shard)));
        let unwritten = all.filter(|(_, used)| used.unwritten);
        unwritten.flat_map(|(session, mut used)| used.mark_written(session, used.at)).collect()
    }

    /// The pending uses of one session, which must be written before it is called idle.
    pub fn take(&self, session: SessionId) -> Vec<(SessionId, Timestamp)> {
        let mut pending = self.shard_of(&session);
        let used = pending.get_mut(&session).filter(|used| used.unwritten);
        used.map(|used| used.mark_written(session, used.at).collect()).unwrap_or_default()
    }

    /// Remembers uses again that could not be written.
    pub fn put_back(&self, uses: &[(SessionId, Timestamp)]) {
        for (session, at) in uses {
            if let Some(used) = self.shard_of(session).get_mut(session) {
                used.first = Some(used.first.map_or(*at, |first| first.min(*at)));
                used.at = used.at.max(*at);
                used.unwritten = true;
            }
        }
    }

    /// By the last byte, which is random.
    fn shard_of(&self, session: &SessionId) -> MutexGuard<'_, Pending> {
        lock(&self.shards[usize::from(session.as_bytes()[15]) % SHARDS])
    }
}

fn lock(shard: &Mutex<Pending>) -> MutexGuard<'_, Pending> {
    // Every change leaves the map whole, so a panic elsewhere does not spoil it.
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

fn take_due(pending: &mut Pending, now: Timestamp) -> Vec<(SessionId, Timestamp)> {
    let everything = pending.len() > AT_MOST;
    let due = pending
        .iter_mut()
        .filter(|(_, used)| used.unwritten && (everything || now >= used.due()))
        .flat_map(|(session, used)| used.mark_written(*session, now))
        .collect();
    // An entry that is written and cannot hold back a later write any more says nothing.
    pending
        .retain(|_, used| used.unwritten || (!everything && now < used.written.after(used.idle_timeout / 4)));
    due
}

impl Use {
    fn due(&self) -> Timestamp {
        self.written.after(self.idle_timeout / 4)
    }

    fn mark_written(
        &mut self,
        session: SessionId,
        now: Timestamp,
    ) -> impl Iterator<Item = (SessionId, Timestamp)> + use<> {
        self.unwritten = false;
        self.written = now;
        let first = self.first.take().filter(|first| *first < self.at);
        first.into_iter().chain([self.at]).map(move |at| (session, at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const ID: SessionId = SessionId::from_bytes([1; 16]);

    fn minute(minutes: i64) -> Timestamp {
        Timestamp::from_seconds(minutes * 60)
    }

    #[test]
    fn a_busy_session_is_written_at_most_four_times_per_idle_window() {
        let uses = Uses::default();
        let mut writes = Vec::new();
        for second in 0..3600 {
            let now = Timestamp::from_seconds(second);
            uses.record(ID, now, HOUR);
            writes.extend(uses.take_due(now));
        }
        assert!(writes.len() <= 4, "{writes:?}");
        assert!(writes.len() >= 3, "uses must reach the store while the session is busy: {writes:?}");
    }

    /// Every other second, as where two servers take turns; and right after each write, which makes what is pending old
    /// by the time it is due.
    #[test]
    fn however_a_session_is_used_its_writes_are_a_quarter_of_the_idle_timeout_apart() {
        let patterns: [fn(i64) -> bool; 3] =
            [|second| second % 2 == 0, |second| second % 7 == 0, |second| (0..=31).contains(&(second % 901))];
        for (n, is_used) in patterns.into_iter().enumerate() {
            let (uses, mut writes) = (Uses::default(), Vec::new());
            for second in 0..4 * 3600 {
                let now = Timestamp::from_seconds(second);
                if is_used(second) {
                    uses.record(ID, now, HOUR);
                }
                writes.extend(uses.take_due(now).iter().map(|_| second));
            }
            assert!(writes.len() >= 12, "pattern {n}: {writes:?}");
            assert!(writes.windows(2).all(|pair| pair[1] - pair[0] >= 900), "pattern {n}: {writes:?}");
        }
    }

    #[test]
    fn a_use_is_written_at_once_after_a_quiet_quarter_and_a_quarter_after_the_last_write_else() {
        let uses = Uses::default();
        uses.record(ID, minute(100), HOUR);
        assert_eq!(uses.take_due(minute(100)), [(ID, minute(100))]);
        uses.record(ID, minute(101), HOUR);
        assert_eq!(uses.take_due(minute(114)), []);
        assert_eq!(uses.take_due(minute(115)), [(ID, minute(101))]);
        assert_eq!(uses.take_due(minute(200)), [], "only real uses are ever reported, each once");
        uses.record(ID, minute(200), HOUR);
        assert_eq!(uses.take_due(minute(200)), [(ID, minute(200))]);
    }

    #[test]
    fn what_could_not_be_written_stays_due() {
        let uses = Uses::default();
        uses.record(ID, minute(100), HOUR);
        let taken = uses.take_due(minute(103));
        uses.put_back(&taken);
        assert_eq!(uses.take(ID), [(ID, minute(100))]);
        assert_eq!(uses.take(ID), []);
        uses.record(ID, minute(104), HOUR);
        assert_eq!(uses.take_all(), [(ID, minute(104))]);
    }

    #[test]
    fn a_use_that_ended_a_rest_is_told_with_the_one_after_it() {
        let uses = Uses::default();
        // Used at 0, as the store knows; then just in time, and again at once.
        uses.record(ID, minute(59), HOUR);
        uses.record(ID, minute(61), HOUR);
        assert_eq!(uses.take(ID), [(ID, minute(59)), (ID, minute(61))]);
        uses.record(ID, minute(120), HOUR);
        uses.record(ID, minute(122), HOUR);
        assert_eq!(uses.take_due(minute(122)), [(ID, minute(120)), (ID, minute(122))]);
    }
}
