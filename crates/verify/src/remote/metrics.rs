//! What a verifier has done and how it is, as plain numbers for whatever collects them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::link::Failed;
use crate::Rv;

/// A reading of a verifier.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// How long ago everything was last known; past the bound checks are refused. `None`: never.
    pub lease_age: Option<Duration>,
    /// How long knowledge is good for: the smaller of our bound and the servers'.
    pub bound: Duration,
    /// At most this long passed from the commit of the latest revocation until it was known here.
    pub revocation_lag: Duration,
    /// Checks that were accepted on older knowledge, by routes that are tolerant.
    pub stale_accepts: u64,
    /// Checks that found the lease lapsed and waited for one more question.
    pub fallbacks: u64,
    /// Snapshots that were taken in whole.
    pub snapshots: u64,
    /// Everything up to here is known. Its epoch changes with each life of the database.
    pub position: Option<Rv>,
    /// How many revocations are remembered.
    pub revocations: usize,
    /// How long ago the keys were known to be current; `None`: never.
    pub keys_age: Option<Duration>,
    /// One entry for each server, in the order in which they were named.
    pub servers: Vec<ServerMetrics>,
}

/// A reading of what one server did for it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerMetrics {
    /// Answers that renewed the lease.
    pub syncs: u64,
    /// Answers that vouched for nothing: of an older epoch, or of a copy that lags.
    pub worthless: u64,
    /// Questions without an answer that could be used.
    pub failures: u64,
    /// Streams that were opened.
    pub streams: u64,
    /// Events that were pushed.
    pub pushed: u64,
    /// Why the last thing that failed did.
    pub last_failure: Option<Failed>,
}

#[derive(Debug, Default)]
pub(super) struct ServerCounts {
    pub(super) syncs: Count,
    pub(super) worthless: Count,
    pub(super) streams: Count,
    pub(super) pushed: Count,
    failures: Count,
    last_failure: Mutex<Option<Failed>>,
}

#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl ServerCounts {
    pub(super) fn failed(&self, failed: Failed) {
        self.failures.add();
        self.noted(failed);
    }

    /// Something failed that is not counted.
    pub(super) fn noted(&self, failed: Failed) {
        *self.last_failure.lock() = Some(failed);
    }

    pub(super) fn read(&self) -> ServerMetrics {
        ServerMetrics {
            syncs: self.syncs.read(),
            worthless: self.worthless.read(),
            failures: self.failures.read(),
            streams: self.streams.read(),
            pushed: self.pushed.read(),
            last_failure: self.last_failure.lock().clone(),
        }
    }
}
