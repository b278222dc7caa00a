//! This process among those that serve one database. A receipt may come early only where no other could have vouched to
//! a verifier that this one does not know of.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cloakroom_verify::clock::{BootInstant, Clock};

use crate::store::{Store, Stored};
use crate::token;

/// How often it is announced.
const EVERY: Duration = Duration::from_secs(5);
/// Nobody is forgotten for longer than this without a word; who cannot announce itself stops vouching before.
pub const REMEMBERED: Duration = Duration::from_secs(3600);

/// See the module.
#[derive(Debug)]
pub struct Node {
    id: [u8; 16],
    born: BootInstant,
    bound: Duration,
    /// Nanoseconds; zero: never.
    announced: AtomicU64,
}

impl Node {
    /// A process that began now, and whose answers are trusted for `bound` at most.
    pub(crate) fn new(born: BootInstant, bound: Duration) -> Self {
        Self { id: token::random::<16>(), born, bound, announced: AtomicU64::new(0) }
    }

    /// Announces it if that is due. One that could announce itself lately goes on without.
    pub(crate) async fn announce(&self, store: &dyn Store, clock: &impl Clock) -> Stored<()> {
        let (now, last) = (clock.boot(), self.announced.load(Ordering::SeqCst));
        if last != 0 && now.since(BootInstant(last)) < EVERY {
            return Ok(());
        }
        match store.announce(&self.id, self.bound).await {
            Ok(()) => {
                self.announced.fetch_max(now.0, Ordering::SeqCst);
                Ok(())
            }
            Err(_) if last != 0 && now.since(BootInstant(last)) < REMEMBERED - Duration::from_secs(60) => {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Says that it vouches for nothing any more.
    pub(crate) async fn leave(&self, store: &dyn Store) -> Stored<()> {
        store.leave(&self.id).await
    }

    /// Whether every verifier that may trust something now is known here: no other process could vouch for anything
    /// lately, and neither could one before this one.
    pub(crate) async fn knows_all(&self, store: &dyn Store, clock: &impl Clock) -> Stored<bool> {
        Ok(clock.boot().since(self.born) > self.bound && store.is_alone(&self.id).await?)
    }
}
