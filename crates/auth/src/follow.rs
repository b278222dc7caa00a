//! How this server knows what to refuse, and what it tells the verifiers that ask it: it follows its own database's
//! feed, as any verifier would.
//!
//! One round: the boot clock is read, then head and events in one statement, then the events are applied, and only
//! then is the lease credited with the time from *before* the read. Any other order would vouch for events that
//! were not yet known (docs/revocation.md).
//!
//! A verifier that asks is answered by a round that began after its question, or a little before, with that as its age:
//! those who ask together share one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use cloakroom_verify::clock::{BootInstant, Clock};
use cloakroom_verify::feed::watermark::Worth;
use cloakroom_verify::lease::Lease;
use cloakroom_verify::{Event, Rv};

use crate::auth::Auth;
use crate::drift::Drift;
use crate::node::Node;
use crate::recent::Recent;
use crate::store::{StoreError, Stored};
use crate::verifiers::Verifiers;

/// How often the feed is read, so that what another process commits bites in milliseconds.
pub const EVERY: Duration = Duration::from_millis(25);
/// How long a waiting request lets an extra round take.
const ON_DEMAND: Duration = Duration::from_millis(300);
/// A round answers the questions of so long after it: a hundred rounds a second are enough for any number of verifiers.
const SHARED_FOR: Duration = Duration::from_millis(10);

/// Keeps what this server knows up to date, and what it may tell others.
pub struct Follower<C> {
    pub(crate) auth: Arc<Auth>,
    lease: Arc<Lease>,
    pub(crate) clock: C,
    /// The verifiers that this server vouches to.
    pub verifiers: Verifiers,
    pub(crate) node: Node,
    recent: Mutex<Recent>,
    begun: AtomicU64,
    last: Mutex<Option<Round>>,
    /// Those who ask wait for each other's round rather than each for one of its own.
    turn: tokio::sync::Mutex<()>,
    on_demand: tokio::sync::Mutex<()>,
    ear: OnceLock<Ear>,
}

/// Is told what is new, in order, and at most once.
pub type Ear = Box<dyn Fn(&[Event]) + Send + Sync>;

/// A round that has ended.
#[derive(Debug, Clone, Copy)]
struct Round {
    number: u64,
    began: BootInstant,
    /// Whether everything that was committed before it is known now.
    vouches: bool,
}

/// When a question came.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// By the clock that ages are told by.
    pub at: BootInstant,
    begun: u64,
}

/// What a verifier is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Everything that was committed before the question, less its age, is at or below this.
    pub head: Rv,
    /// The least `rv` that survives.
    pub floor: Rv,
    /// What it lacks; `None`: more than is told at once.
    pub events: Option<Vec<Event>>,
}

impl<C: Clock> Follower<C> {
    /// Follows the feed of what `auth` rests on.
    pub fn new(auth: Arc<Auth>, lease: Arc<Lease>, clock: C) -> Self {
        Self {
            verifiers: Verifiers::new(lease.bound()),
            node: Node::new(clock.boot(), lease.bound()),
            auth,
            lease,
            clock,
            recent: Mutex::default(),
            begun: AtomicU64::new(0),
            last: Mutex::new(None),
            turn: tokio::sync::Mutex::new(()),
            on_demand: tokio::sync::Mutex::new(()),
            ear: OnceLock::new(),
        }
    }

    /// Has this one told what is new from now on. There is one at most.
    pub fn listen(&self, ear: Ear) {
        let _ = self.ear.set(ear);
    }

    /// One round. An error leaves the lease as it is: it runs out by itself.
    pub async fn sync(&self) -> Stored<()> {
        self.round().await.map(drop)
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

    /// A question has come just now.
    pub fn arrive(&self) -> Arrival {
        Arrival { begun: self.begun.load(Ordering::SeqCst), at: self.clock.boot() }
    }

    /// Whether what is read from now on, by reads that commit nothing, may be answered with. Where heads are fenced a
    /// primary that another has followed goes on reading what it has: so one must have committed since this was called.
    pub async fn vouch_for_reads(&self) -> Stored<()> {
        if self.auth.store.is_fenced() {
            self.vouch(self.arrive(), true).await?;
        }
        Ok(())
    }

    /// How old the knowledge is that a question is answered by: zero, if its round began after it. With `anew` no other
    /// counts. An error, if there is none in time: what is known from before is no answer.
    pub async fn vouch(&self, arrival: Arrival, anew: bool) -> Stored<Duration> {
        let late = || StoreError::new("the feed could not be read in time");
        tokio::time::timeout(ON_DEMAND, self.vouched(arrival, anew)).await.map_err(|_| late())?
    }

    async fn vouched(&self, arrival: Arrival, anew: bool) -> Stored<Duration> {
        let _turn = self.turn.lock().await;
        let last = *lock(&self.last);
        if let Some(last) = last {
            let age = arrival.at.since(last.began);
            match last.number > arrival.begun {
                true if last.vouches => return Ok(Duration::ZERO),
                true => return Err(StoreError::new("the feed could not be read")),
                // At least something: it began before, whatever a coarse clock says.
                false if last.vouches && !anew && age <= SHARED_FOR => {
                    return Ok(age.max(Duration::from_nanos(1)));
                }
                false => tokio::time::sleep(SHARED_FOR.saturating_sub(age)).await,
            }
        }
        let round = self.round().await?;
        if round.vouches { Ok(Duration::ZERO) } else { Err(StoreError::new("the head lies behind")) }
    }

    /// What one lacks who knows everything up to `since`: up to the newest head that is known, which is at or past that
    /// of every round that has ended.
    pub fn tell(&self, since: Option<Rv>, most: usize) -> Stored<Told> {
        let recent = lock(&self.recent);
        let head = recent.position().ok_or_else(|| StoreError::new("the feed was never read"))?;
        Ok(Told { head, floor: recent.floor(), events: recent.after(since, most) })
    }

    /// The same for one who goes on listening: `begin` is called while nothing new is told, so that nothing is told
    /// twice or missed. `None`: not everything since then is remembered.
    pub fn tell_from<T>(
        &self,
        since: Option<Rv>,
        most: usize,
        begin: impl FnOnce() -> T,
    ) -> (T, Option<Vec<Event>>) {
        let recent = lock(&self.recent);
        let events = since.and_then(|since| recent.after(Some(since), most));
        (begin(), events)
    }

    /// Whether this server may answer by what it knows.
    pub fn is_fresh(&self) -> bool {
        self.lease.is_fresh(&self.clock)
    }

    /// How many rounds have begun.
    pub fn rounds(&self) -> u64 {
        self.begun.load(Ordering::Relaxed)
    }

    /// Says again that this process is there, so that it is not forgotten, and compares its clock with the store's.
    /// Apart from the rounds: a store that takes no writes must not keep a server from knowing what is revoked.
    pub async fn announce(&self) -> Stored<()> {
        self.auth.drift.set(self.node.announce(&*self.auth.store, &self.clock).await?);
        Ok(())
    }

    /// How far the clock of this machine was from the store's when they were compared last.
    pub fn drift(&self) -> Drift {
        self.auth.drift.get()
    }

    async fn round(&self) -> Stored<Round> {
        // Before the first read: whoever looks for the processes that vouch for something must find this one.
        if !self.node.is_announced(&self.clock) {
            self.announce().await?;
        }
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let began = self.clock.boot();
        let asked = lock(&self.recent).position();
        let read = self.auth.store.read_since(asked).await;
        let vouches = match &read {
            Ok(sync) => {
                sync.events.iter().for_each(|event| self.auth.apply(event));
                let mut recent = lock(&self.recent);
                let (worth, news) = recent.read(asked, sync, self.drift().earlier(self.clock.wall()));
                if let Some(ear) = self.ear.get().filter(|_| !news.is_empty()) {
                    ear(&news);
                }
                worth == Worth::Credit
            }
            Err(_) => false,
        };
        if vouches {
            self.lease.credit(began);
        }
        let round = Round { number, began, vouches };
        let mut last = lock(&self.last);
        if last.is_none_or(|last| last.number < number) {
            *last = Some(round);
        }
        drop(last);
        read.map(|_| round)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change leaves what is in it whole, so a panic elsewhere does not spoil it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<C> std::fmt::Debug for Follower<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follower").finish_non_exhaustive()
    }
}
