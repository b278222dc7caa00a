//! How this server knows what to refuse: it follows its own database's feed, as any verifier would.
//!
//! One round: the boot clock is read, then head and events in one statement, then the events are applied, and only
//! then is the lease credited with the time from *before* the read. Any other order would vouch for events that
//! were not yet known (feed.md section 4).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cloakroom_verify::Rv;
use cloakroom_verify::clock::Clock;
use cloakroom_verify::lease::Lease;
use cloakroom_verify::revocations::Revocations;

use crate::store::{Store, Stored};

/// How often the feed is read, so that what another process commits bites in milliseconds.
pub const EVERY: Duration = Duration::from_millis(25);
/// How long a waiting request lets an extra round take.
const ON_DEMAND: Duration = Duration::from_millis(300);

/// Keeps a table of revocations and its lease up to date.
pub struct Follower<C> {
    store: Arc<dyn Store>,
    revocations: Arc<Revocations>,
    lease: Arc<Lease>,
    clock: C,
    /// Everything up to here is applied.
    watermark: Mutex<Option<Rv>>,
    on_demand: tokio::sync::Mutex<()>,
}

impl<C: Clock> Follower<C> {
    /// Follows the feed of `store`.
    pub fn new(store: Arc<dyn Store>, revocations: Arc<Revocations>, lease: Arc<Lease>, clock: C) -> Self {
        Self {
            store,
            revocations,
            lease,
            clock,
            watermark: Mutex::new(None),
            on_demand: tokio::sync::Mutex::new(()),
        }
    }

    /// One round. An error leaves the lease as it is: it runs out by itself.
    pub async fn sync(&self) -> Stored<()> {
        let before = self.clock.boot();
        let since = *self.lock();
        let sync = self.store.read_since(since).await?;
        if since.is_some_and(|since| sync.head < since) {
            // A head behind what we have seen is another database's past: it vouches for nothing.
            return Ok(());
        }
        sync.events.iter().for_each(|event| self.revocations.apply(event));
        {
            let mut watermark = self.lock();
            *watermark = (*watermark).max(Some(sync.head));
        }
        self.lease.credit(before);
        Ok(())
    }

    /// One round for everybody who waits with a lapsed lease.
    pub async fn sync_on_demand(&self) {
        let round = async {
            let _one_at_a_time = self.on_demand.lock().await;
            if !self.lease.is_fresh(&self.clock) {
                // What failed shows in the lease.
                let _ = self.sync().await;
            }
        };
        let _ = tokio::time::timeout(ON_DEMAND, round).await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Rv>> {
        self.watermark.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C> std::fmt::Debug for Follower<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follower").finish_non_exhaustive()
    }
}
