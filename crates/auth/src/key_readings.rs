//! Tokens of a key that was not read yet: never 401 before the keys are read again.
//!
//! An opaque token names one of 256 versions: which were met is remembered, and nobody waits (`settle`: 503 at once). An
//! access token may name anything: nothing is remembered, and who shows it waits for one whole reading (`anew`).
//!
//! A replica that rotates a key first may hand out a token before another one has looked into the directory. What a
//! token names decides only *that* the keys are read again: once for all who wait, however many made-up names there are.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cloakroom_verify::Timestamp;
use tokio::sync::{Notify, watch};

/// How long it is remembered that a version was met: one that nobody knew then may be the next key by now.
const REMEMBERED: Duration = Duration::from_secs(60);
/// How long a request waits for a reading.
const PATIENCE: Duration = Duration::from_millis(300);

/// Counts readings of the keys, and remembers which unknown versions were met before which of them.
#[derive(Debug)]
pub struct KeyReadings {
    begun: AtomicU64,
    /// The newest that has ended.
    done: watch::Sender<u64>,
    /// By version: when it was met, and the reading that settles it.
    met: Mutex<[Option<(Timestamp, u64)>; 256]>,
    wanted: Notify,
}

/// A reading under way. One that fails is dropped and settles nothing.
#[derive(Debug)]
#[must_use]
pub struct Reading(u64);

impl Default for KeyReadings {
    fn default() -> Self {
        Self {
            begun: AtomicU64::new(0),
            done: watch::Sender::new(0),
            met: Mutex::new([None; 256]),
            wanted: Notify::new(),
        }
    }
}

impl KeyReadings {
    /// Before the first byte is read.
    pub fn begin(&self) -> Reading {
        Reading(self.begun.fetch_add(1, Ordering::SeqCst) + 1)
    }

    /// After what was read is in use.
    pub fn finish(&self, reading: Reading) {
        self.done.send_modify(|done| *done = reading.0.max(*done));
    }

    /// Resolves when somebody has met a token of an unknown key.
    pub async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// Has the keys read, from the first byte to the last, after this is called. `false`: not in time.
    pub(crate) async fn anew(&self) -> bool {
        let settled_by = self.begun.load(Ordering::SeqCst) + 1;
        let mut done = self.done.subscribe();
        self.wanted.notify_one();
        let read = tokio::time::timeout(PATIENCE, done.wait_for(|done| *done >= settled_by)).await;
        matches!(read, Ok(Ok(_)))
    }

    /// Whether the keys were read, from the first byte to the last, since this unknown version was met. Who meets it
    /// again after a while meets it for the first time.
    pub(crate) fn settle(&self, version: u8, now: Timestamp) -> bool {
        let settled_by = {
            let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
            let met = &mut met[usize::from(version)];
            // A clock that went back has met nothing in its future.
            let lately = met.filter(|(at, _)| *at <= now && now.since(*at) < REMEMBERED);
            lately.unwrap_or_else(|| *met.insert((now, self.begun.load(Ordering::SeqCst) + 1))).1
        };
        let settled = *self.done.borrow() >= settled_by;
        if !settled {
            self.wanted.notify_one();
        }
        settled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn read(readings: &KeyReadings) {
        let whole = readings.begin();
        readings.finish(whole);
    }

    #[test]
    fn only_a_whole_reading_after_the_first_sight_settles_a_version() {
        let readings = KeyReadings::default();
        let under_way = readings.begin();
        assert!(!readings.settle(2, at(0)));
        readings.finish(under_way);
        assert!(!readings.settle(2, at(0)), "it may have passed the file by");
        drop(readings.begin());
        assert!(!readings.settle(2, at(0)), "it failed");
        read(&readings);
        assert!(readings.settle(2, at(0)));
        assert!(!readings.settle(3, at(0)), "each version by itself");
    }

    #[tokio::test]
    async fn only_a_whole_reading_that_begins_later_is_one_anew() {
        let readings = std::sync::Arc::new(KeyReadings::default());
        let under_way = readings.begin();
        let asked = std::sync::Arc::clone(&readings);
        let anew = tokio::spawn(async move { asked.anew().await });
        readings.wanted().await;
        readings.finish(under_way);
        tokio::task::yield_now().await;
        assert!(!anew.is_finished(), "it may have passed the file by");
        drop(readings.begin());
        read(&readings);
        assert!(anew.await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_a_reading_without_end() {
        let readings = KeyReadings::default();
        assert!(!readings.anew().await);
        readings.wanted().await;
    }

    #[test]
    fn a_version_that_was_met_long_ago_may_be_the_next_key_by_now() {
        let readings = KeyReadings::default();
        assert!(!readings.settle(2, at(0)));
        read(&readings);
        assert!(readings.settle(2, at(59)), "else a stranger could have the keys read without end");
        assert!(!readings.settle(2, at(60)));
        read(&readings);
        assert!(readings.settle(2, at(60)));
        assert!(!readings.settle(2, at(59)), "a clock that went back");
    }
}
