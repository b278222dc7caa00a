//! Taking in a snapshot: all that is live, added to what is known. Nothing is forgotten for it, so a database that
//! lost its last commits un-revokes nothing here.

use std::time::Duration;

use super::follower::Follower;
use super::link::{Failed, Link, Snapshot};
use super::runtime::{Runtime, within};
use crate::Rv;
use crate::clock::Clock;
use crate::feed::wire::NotUnderstood;

/// How long the next part is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// More than this is no list of revocations, and memory is not for it.
const MOST_ENTRIES: u64 = 50_000_000;

impl<L: Link, R: Runtime, C: Clock> Follower<L, R, C> {
    /// Takes in a snapshot, unless everything up to `head` has become known meanwhile. One at a time.
    pub(super) async fn fill(&self, server: usize, head: Rv) -> Result<(), Failed> {
        let _one_at_a_time = self.filling.lock().await;
        if self.knowledge.position() >= Some(head) {
            return Ok(());
        }
        let mut snapshot = within(&self.runtime, PATIENCE, self.servers[server].link.snapshot()).await?;
        let mut missing = snapshot.head().entries;
        if missing > MOST_ENTRIES {
            return Err(Failed::TooLarge);
        }
        while let Some(event) = within(&self.runtime, PATIENCE, snapshot.next()).await? {
            missing = missing.checked_sub(1).ok_or(NotUnderstood("more events than it said"))?;
            self.knowledge.filling(&event);
        }
        // One that was cut looks like a shorter one.
        if missing != 0 {
            return Err(NotUnderstood("fewer events than it said").into());
        }
        self.knowledge.filled(snapshot.head().head(), snapshot.head().floor);
        self.snapshots.add();
        Ok(())
    }
}
