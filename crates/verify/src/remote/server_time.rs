//! The server's clock, as far as it can be known here: `exp` and all other moments that a server named are judged by
//! it, so that a wrong clock on this machine neither stretches nor shortens anything.
//!
//! An answer tells the server's time somewhere between the question and its arrival. Subtracting the moment of the
//! *question* gives an offset that is too large by the way of the question, and never too small; so time as it is
//! reckoned here runs ahead of the server's by that way at most, and a token ends early rather than late. The
//! smallest of the last eight offsets is the one whose question was quickest.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::Mutex;

use crate::Timestamp;
use crate::clock::{BootInstant, Clock};

const REMEMBERED: usize = 8;
const NANOS_PER_MILLI: i64 = 1_000_000;

/// What was heard of the server's clock.
#[derive(Debug)]
pub(super) struct ServerTime {
    offsets: Mutex<VecDeque<i64>>,
    /// Nanoseconds from the boot clock to the server's; [`UNKNOWN`] before the first answer.
    offset: AtomicI64,
}

const UNKNOWN: i64 = i64::MIN;

impl Default for ServerTime {
    fn default() -> Self {
        Self { offsets: Mutex::default(), offset: AtomicI64::new(UNKNOWN) }
    }
}

impl ServerTime {
    /// Takes in the time that an answer tells to a question that was sent at `sent`.
    pub(super) fn heard(&self, server_time: Timestamp, sent: BootInstant) {
        let Some(server) = server_time.as_millis().checked_mul(NANOS_PER_MILLI) else { return };
        let offset = server.saturating_sub(i64::try_from(sent.0).unwrap_or(i64::MAX));
        let mut offsets = self.offsets.lock();
        if offsets.len() == REMEMBERED {
            offsets.pop_front();
        }
        offsets.push_back(offset);
        let smallest = offsets.iter().copied().min().unwrap_or(offset);
        self.offset.store(smallest, Ordering::Release);
    }

    /// The server's time; `None`: it was never heard.
    pub(super) fn at(&self, now: BootInstant) -> Option<Timestamp> {
        let offset = self.offset.load(Ordering::Acquire);
        let nanos = i64::try_from(now.0).unwrap_or(i64::MAX).saturating_add(offset);
        (offset != UNKNOWN).then(|| Timestamp::from_millis(nanos.div_euclid(NANOS_PER_MILLI)))
    }
}

/// A clock of this machine whose wall time is the server's, once that is known.
#[derive(Debug, Clone)]
pub(super) struct ServerClock<C> {
    local: C,
    time: Arc<ServerTime>,
}

impl<C: Clock> ServerClock<C> {
    pub(super) fn new(local: C, time: Arc<ServerTime>) -> Self {
        Self { local, time }
    }
}

impl<C: Clock> Clock for ServerClock<C> {
    fn wall(&self) -> Timestamp {
        self.time.at(self.local.boot()).unwrap_or_else(|| self.local.wall())
    }

    fn boot(&self) -> BootInstant {
        self.local.boot()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::ManualClock;

    const TRUTH: Timestamp = Timestamp::from_seconds(1_800_000_000);

    #[test]
    fn the_quickest_of_the_last_eight_answers_counts_and_never_lags_behind() {
        let local = ManualClock::at(Timestamp::from_seconds(5));
        let clock = ServerClock::new(local.clone(), Arc::default());
        assert_eq!(clock.wall(), Timestamp::from_seconds(5), "nothing was heard: this machine's own");
        let begin = local.boot();
        let truth = || TRUTH.after(local.boot().since(begin));
        for way in [400, 30, 200, 90, 500, 300, 600, 70, 250] {
            let sent = local.boot();
            local.advance(Duration::from_millis(way));
            clock.time.heard(truth(), sent);
            // The answer's own way does not matter.
            local.advance(Duration::from_millis(1000));
        }
        assert_eq!(clock.wall(), truth().after(Duration::from_millis(30)));
        local.set_wall(Timestamp::from_seconds(0));
        assert_eq!(
            clock.wall(),
            truth().after(Duration::from_millis(30)),
            "whoever sets this clock changes nothing"
        );
        let sent = local.boot();
        clock.time.heard(truth().after(Duration::from_millis(80)), sent);
        assert_eq!(clock.wall(), truth().after(Duration::from_millis(70)), "the quickest has been forgotten");
    }
}
