//! Everything that is live in the feed, read in one statement for all who can do with the same, and given out in pieces.
//!
//! What was read stays in memory as long as somebody takes it, so there are few seats. No reader can hold one for long:
//! the pieces are handed to each by a task of its own that gives up when he is too slow. And a service key has one seat:
//! whoever has one key cannot keep the others from theirs.

mod body;

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use cloakroom_auth::feed::Sync;
use cloakroom_auth::store::{StoreError, Stored};
use cloakroom_verify::clock::{BootInstant, Clock};
use cloakroom_verify::feed::wire::snapshot::SnapshotHead;
use cloakroom_verify::{Event, Rv, ServiceKeyId, Timestamp};
use tokio::sync::{Mutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

pub use body::Pace;

use crate::problem::{Code, Problem};

/// How long one is given out to those who come later, whatever has happened since.
const SHARED_FOR: Duration = Duration::from_secs(1);
/// How many are in memory at most: each stays as long as its slowest reader.
const AT_ONCE: usize = 3;
/// How long somebody waits for the one that is being read.
const PATIENCE: Duration = Duration::from_secs(6);

/// See the module.
#[derive(Debug)]
pub struct Snapshots {
    given: Arc<Mutex<Given>>,
    seats: Arc<Semaphore>,
    pace: Pace,
}

/// What is in memory because somebody still reads it.
#[derive(Debug, Default)]
struct Given {
    latest: Weak<Snapshot>,
    /// The one that a key was given last.
    to: HashMap<ServiceKeyId, Weak<Snapshot>>,
}

/// What was read.
#[derive(Debug)]
pub struct Read {
    /// All of it.
    pub sync: Sync,
    /// When.
    pub server_time: Timestamp,
    /// How long events are kept.
    pub retain: Duration,
}

/// Who asks, and what for.
#[derive(Debug)]
pub struct Wanted<F> {
    /// In whose name.
    pub key: ServiceKeyId,
    /// What it must reach.
    pub known: Rv,
    /// Whether a sync tells what happened since: then an older one is as good.
    pub goes_on_from: F,
}

/// One, in memory as long as somebody reads it.
#[derive(Debug)]
pub struct Snapshot {
    began: BootInstant,
    position: Rv,
    head: String,
    events: Vec<Event>,
    pace: Pace,
    _seat: OwnedSemaphorePermit,
}

/// Why there is none.
#[derive(Debug)]
pub enum Refused {
    /// As many as may be are being taken.
    Full,
    /// An older one is being taken with the same key.
    KeyIsBusy,
    /// The feed could not be read.
    Failed(StoreError),
}

impl Default for Snapshots {
    fn default() -> Self {
        Self::paced(Pace::default())
    }
}

impl Snapshots {
    /// None yet, for readers who are no slower than this.
    pub fn paced(pace: Pace) -> Self {
        Self { given: Arc::default(), seats: Arc::new(Semaphore::new(AT_ONCE)), pace }
    }

    /// One that is in memory and good enough, or a new one.
    pub async fn take<F: Fn(Rv) -> bool>(
        &self,
        clock: &impl Clock,
        wanted: &Wanted<F>,
        read: impl Future<Output = Stored<Read>> + Send + 'static,
    ) -> Result<Arc<Snapshot>, Refused> {
        let late = || Refused::Failed(StoreError::new("the feed is being read for too many at once"));
        timeout(PATIENCE, self.taken(clock, wanted, read)).await.map_err(|_| late())?
    }

    async fn taken<F: Fn(Rv) -> bool>(
        &self,
        clock: &impl Clock,
        wanted: &Wanted<F>,
        read: impl Future<Output = Stored<Read>> + Send + 'static,
    ) -> Result<Arc<Snapshot>, Refused> {
        let mut given = Arc::clone(&self.given).lock_owned().await;
        let began = clock.boot();
        let own = given.to.get(&wanted.key).and_then(Weak::upgrade);
        let is_good =
            |one: &Arc<Snapshot>| began.since(one.began) <= SHARED_FOR || (wanted.goes_on_from)(one.position);
        if let Some(own) = own {
            return if is_good(&own) { Ok(own) } else { Err(Refused::KeyIsBusy) };
        }
        if let Some(latest) = given.latest.upgrade().filter(is_good) {
            given.give(wanted.key, &latest);
            return Ok(latest);
        }
        let seat = Arc::clone(&self.seats).try_acquire_owned().map_err(|_| Refused::Full)?;
        let reading = Reading { given, seat, began, key: wanted.key, known: wanted.known, pace: self.pace };
        // In a task of its own: who hangs up does not leave behind a statement that nobody waits for, on a connection that
        // is not free before it has come to rest, while the next one begins another.
        let read = tokio::spawn(reading.finish(read));
        read.await.map_err(|broken| Refused::Failed(StoreError::new(broken)))?
    }
}

/// One is being read; all others wait for it.
struct Reading {
    given: OwnedMutexGuard<Given>,
    seat: OwnedSemaphorePermit,
    began: BootInstant,
    key: ServiceKeyId,
    known: Rv,
    pace: Pace,
}

impl Reading {
    async fn finish(mut self, read: impl Future<Output = Stored<Read>>) -> Result<Arc<Snapshot>, Refused> {
        let Read { sync, server_time, retain } = read.await.map_err(Refused::Failed)?;
        if sync.head < self.known {
            return Err(Refused::Failed(StoreError::new("the head lies behind")));
        }
        let entries = sync.events.len() as u64;
        let head = SnapshotHead::new(sync.head, sync.floor, entries, server_time, retain.as_secs());
        let snapshot = Arc::new(Snapshot {
            began: self.began,
            position: sync.head,
            head: head.to_line(),
            events: sync.events,
            pace: self.pace,
            _seat: self.seat,
        });
        self.given.latest = Arc::downgrade(&snapshot);
        self.given.give(self.key, &snapshot);
        // For those who wait, should the one who asked be gone: whoever hangs up again and again has it read no more
        // often than anybody.
        let kept = Arc::clone(&snapshot);
        tokio::spawn(async move {
            sleep(SHARED_FOR).await;
            drop(kept);
        });
        Ok(snapshot)
    }
}

impl Given {
    fn give(&mut self, key: ServiceKeyId, snapshot: &Arc<Snapshot>) {
        self.to.retain(|_, given| given.strong_count() > 0);
        self.to.insert(key, Arc::downgrade(snapshot));
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let again = |why: &str| Self::new(Code::Unavailable).detail(why).retry_after(PATIENCE);
        match refused {
            Refused::Full => again("As many snapshots as may be are being read: come again soon."),
            Refused::KeyIsBusy => again("An older snapshot is being read with this key: come again soon."),
            Refused::Failed(error) => cloakroom_auth::Error::Store(error).into(),
        }
    }
}

#[cfg(test)]
mod tests;
