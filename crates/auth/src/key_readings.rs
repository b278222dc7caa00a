//! Tokens of a key that was not read yet: 503 while the keys are read again, then refused (refresh.md section 2).
//!
//! A replica that rotates the token key first may hand out a token before another one has looked into the directory.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

/// Counts readings of the keys, and remembers which unknown versions were met before which of them.
#[derive(Debug)]
pub struct KeyReadings {
    begun: AtomicU64,
    done: AtomicU64,
    /// By version: the reading that settles it. Zero: never met.
    settled_by: Mutex<[u64; 256]>,
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
            done: AtomicU64::new(0),
            settled_by: Mutex::new([0; 256]),
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
        self.done.fetch_max(reading.0, Ordering::SeqCst);
    }

    /// Resolves when somebody has met a token of an unknown key.
    pub async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// Whether the keys were read, from the first byte to the last, since this unknown version was first met.
    pub(crate) fn settle(&self, version: u8) -> bool {
        let settled_by = {
            let mut all = self.settled_by.lock().unwrap_or_else(PoisonError::into_inner);
            let settled_by = &mut all[usize::from(version)];
            if *settled_by == 0 {
                *settled_by = self.begun.load(Ordering::SeqCst) + 1;
            }
            *settled_by
        };
        let settled = self.done.load(Ordering::SeqCst) >= settled_by;
        if !settled {
            self.wanted.notify_one();
        }
        settled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_reading_after_the_first_sight_settles_a_version() {
        let readings = KeyReadings::default();
        let under_way = readings.begin();
        assert!(!readings.settle(2));
        readings.finish(under_way);
        assert!(!readings.settle(2), "it may have passed the file by");
        drop(readings.begin());
        assert!(!readings.settle(2), "it failed");
        let whole = readings.begin();
        readings.finish(whole);
        assert!(readings.settle(2));
        assert!(!readings.settle(3), "each version by itself");
    }
}
