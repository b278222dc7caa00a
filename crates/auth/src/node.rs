//! This process among those that serve one database. A receipt may come early only where no other could have vouched to
//! a verifier that this one does not know of, and else no earlier than the longest bound of any of them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cloakroom_verify::clock::{BootInstant, Clock};

use crate::drift::Drift;
use crate::store::{Store, Stored};
use crate::token;

/// How often it is announced.
pub const EVERY: Duration = Duration::from_secs(5);
/// Nobody is forgotten for longer than this without a word; who cannot announce itself stops vouching before.
pub const REMEMBERED: Duration = Duration::from_secs(3600);

/// No process may have a longer bound. It counts where nobody knows that of those before.
pub const LONGEST_BOUND: Duration = Duration::from_secs(60);

/// See the module.
#[derive(Debug)]
pub struct Node {
    id: [u8; 16],
    born: BootInstant,
    bound: Duration,
    /// Nanoseconds; zero: never.
    announced: AtomicU64,
}

/// Who could have vouched for something that is still trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Company {
    /// How long that is trusted at most, whoever vouched for it.
    pub(crate) bound: Duration,
    /// Whether every verifier that may trust something now is known here: no other process could vouch for anything
    /// lately, and neither could one before this one.
    pub(crate) knows_all: bool,
}

impl Node {
    /// A process that began now, and whose answers are trusted for `bound` at most.
    pub(crate) fn new(born: BootInstant, bound: Duration) -> Self {
        Self { id: token::random::<16>(), born, bound, announced: AtomicU64::new(0) }
    }

    /// Whether it is announced, or was so lately that it is not forgotten yet: else it must vouch for nothing.
    pub(crate) fn is_announced(&self, clock: &impl Clock) -> bool {
        let last = self.announced.load(Ordering::SeqCst);
        last != 0 && clock.boot().since(BootInstant(last)) < REMEMBERED - Duration::from_secs(60)
    }

    /// Announces it, and compares the clocks by the answer.
    pub(crate) async fn announce(&self, store: &dyn Store, clock: &impl Clock) -> Stored<Drift> {
        let (wall, asked) = (clock.wall(), clock.boot());
        let theirs = store.announce(&self.id, self.bound, asked.since(self.born)).await?;
        let took = clock.boot().since(asked);
        self.announced.fetch_max(asked.0, Ordering::SeqCst);
        Ok(theirs.map_or(Drift::default(), |theirs| Drift::between(wall, took, theirs)))
    }

    /// Says that it vouches for nothing any more.
    pub(crate) async fn leave(&self, store: &dyn Store) -> Stored<()> {
        store.leave(&self.id).await
    }

    /// Those that serve beside this one, and those before it.
    pub(crate) async fn company(&self, store: &dyn Store, clock: &impl Clock) -> Stored<Company> {
        let up = clock.boot().since(self.born);
        let others = store.others(&self.id, up).await?;
        // One of a version that left no trace had this bound, too, as far as anybody can tell.
        let knows_all = others.is_none() && up > self.bound;
        Ok(Company { bound: others.map_or(self.bound, |others| others.max(self.bound)), knows_all })
    }
}
