//! When a revocation is effective: no check that starts then accepts what it kills (docs/revocation.md).

use std::time::Duration;

use cloakroom_verify::Rv;
use cloakroom_verify::clock::{BootInstant, Clock};

use crate::follow::Follower;
use crate::store::Stored;
use crate::verifiers::Counts;

/// How often it is looked whether everybody knows.
const LOOK: Duration = Duration::from_millis(10);

impl<C: Clock> Follower<C> {
    /// How the verifiers of this server stand to an event, without waiting.
    pub fn standing(&self, seq: Rv) -> Counts {
        self.verifiers.await_all(seq, &self.clock).counts
    }

    /// Waits until the event is effective everywhere. `committed` was read after its commit was acknowledged: after the
    /// bound it is by the promise, the longest of all who may have vouched for anything; and before if every verifier is
    /// known here and each knows of it or may trust nothing. An error: nobody can tell how long that bound is.
    pub async fn effective(&self, seq: Rv, committed: BootInstant) -> Stored<Counts> {
        let mut awaited = self.verifiers.await_all(seq, &self.clock);
        // Asked after the commit: a process that begins later reads the event before it vouches for anything.
        let company = self.node.company(&*self.auth.store, &self.clock).await?;
        loop {
            let everybody = self.verifiers.look(&mut awaited, &self.clock);
            let elapsed = self.clock.boot().since(committed) > company.bound;
            if (everybody && company.knows_all) || elapsed {
                return Ok(awaited.counts);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Says that this process vouches for nothing any more: its last answer was given.
    pub async fn leave(&self) -> Stored<()> {
        self.node.leave(&*self.auth.store).await
    }
}
