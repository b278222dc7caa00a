//! Session lookups that wait at the same moment, answered by one query.
//!
//! Whoever makes tokens up has each of them looked up, since only the store can tell: together they take one connection
//! and not all of them. And each lookup is answered by a query that was sent after it began, as
//! `session.freshness = "always"` promises: it joins only a query that is not sent yet; while one is under way, those who
//! come wait for the next.
//!
//! Whoever comes while no query is under way sends his own, himself: alone, a lookup costs what a query costs. For those
//! who came meanwhile, a task of theirs sends the next.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cloakroom_verify::SessionId;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::store::{Found, Store, StoreError, Stored};

/// Lookups that one query answers at most.
const TOGETHER: usize = 512;
/// Lookups that wait at most: beyond them the store is unavailable rather than slow without end.
const WAITING: usize = 16_384;
/// How long a lookup waits at most.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks one store, a query at a time.
#[derive(Clone)]
pub struct Lookups(Arc<Shared>);

struct Shared {
    query: Box<Query>,
    runtime: Handle,
    queue: Mutex<Queue>,
}

type Query = dyn Fn(Vec<SessionId>) -> Answer + Send + Sync;
type Answer = Pin<Box<dyn Future<Output = Stored<Vec<Found>>> + Send>>;

#[derive(Default)]
struct Queue {
    /// Whether somebody has the [`Turn`].
    under_way: bool,
    waiting: Vec<Lookup>,
}

struct Lookup {
    session: SessionId,
    answer: oneshot::Sender<Option<Found>>,
}

impl Lookups {
    /// Asks this store, on the runtime of the caller.
    pub fn start(store: Arc<dyn Store>) -> Self {
        Self::asking(move |sessions: Vec<SessionId>| {
            let store = Arc::clone(&store);
            async move {
                match sessions.as_slice() {
                    [alone] => Ok(store.find(*alone).await?.into_iter().collect()),
                    several => store.find_many(several).await,
                }
            }
        })
    }

    /// The same by any query that finds several sessions at once.
    pub fn asking<Q, A>(query: Q) -> Self
    where
        Q: Fn(Vec<SessionId>) -> A + Send + Sync + 'static,
        A: Future<Output = Stored<Vec<Found>>> + Send + 'static,
    {
        let query = Box::new(move |sessions| Box::pin(query(sessions)) as Answer);
        Self(Arc::new(Shared { query, runtime: Handle::current(), queue: Mutex::default() }))
    }

    /// The row, its user and the head, as a query tells that is sent from now on.
    pub async fn find(&self, session: SessionId) -> Stored<Option<Found>> {
        let found = match self.0.enter(session)? {
            Place::First(turn) => timeout(PATIENCE, turn.alone(session)).await,
            Place::Waits(answered) => timeout(PATIENCE, answered)
                .await
                .map(|answer| answer.map_err(|_| StoreError::new("the lookup failed"))),
        };
        found.unwrap_or_else(|_| Err(StoreError::new("the database does not answer")))
    }
}

impl std::fmt::Debug for Lookups {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lookups").finish_non_exhaustive()
    }
}

enum Place {
    First(Turn),
    Waits(oneshot::Receiver<Option<Found>>),
}

impl Shared {
    fn enter(self: &Arc<Self>, session: SessionId) -> Stored<Place> {
        let mut queue = self.queue();
        if !queue.under_way {
            queue.under_way = true;
            return Ok(Place::First(Turn(Arc::clone(self))));
        }
        if queue.waiting.len() >= WAITING {
            return Err(StoreError::new("too many lookups wait for the database"));
        }
        let (answer, answered) = oneshot::channel();
        queue.waiting.push(Lookup { session, answer });
        Ok(Place::Waits(answered))
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Every change leaves the queue whole.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to send a query. Whoever drops it passes it on to those who wait, even one who gave up in the middle.
struct Turn(Arc<Shared>);

impl Turn {
    async fn alone(self, session: SessionId) -> Stored<Option<Found>> {
        Ok((self.0.query)(vec![session]).await?.pop())
    }

    async fn together(self, mut lookups: Vec<Lookup>) {
        lookups.sort_unstable_by_key(|lookup| lookup.session);
        let mut sessions: Vec<_> = lookups.iter().map(|lookup| lookup.session).collect();
        sessions.dedup();
        match (self.0.query)(sessions).await {
            Ok(mut found) => {
                found.sort_unstable_by_key(|found| found.session.id);
                hand_out(found, lookups.into_iter());
            }
            // Those who wait are dropped, and so told that it failed.
            Err(error) => {
                tracing::error!(%error, lookups = lookups.len(), "sessions could not be looked up");
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let lookups = self.0.queue().pass_on();
        if !lookups.is_empty() {
            self.0.runtime.spawn(Self(Arc::clone(&self.0)).together(lookups));
        }
    }
}

impl Queue {
    /// The next who share a query; of those who wait no more none is. Where nobody is left, nobody has the turn.
    fn pass_on(&mut self) -> Vec<Lookup> {
        let mut next = Vec::new();
        while next.is_empty() && !self.waiting.is_empty() {
            let some = self.waiting.len().min(TOGETHER);
            next.extend(self.waiting.drain(..some).filter(|lookup| !lookup.answer.is_closed()));
        }
        self.under_way = !next.is_empty();
        next
    }
}

/// Both are in the order of the ids. A row is copied only where several ask for it: nearly always one does.
fn hand_out(found: Vec<Found>, lookups: impl Iterator<Item = Lookup>) {
    let (mut found, mut lookups) = (found.into_iter().peekable(), lookups.peekable());
    while let Some(Lookup { session, answer }) = lookups.next() {
        while found.next_if(|found| found.session.id < session).is_some() {}
        let is_shared = lookups.peek().is_some_and(|next| next.session == session);
        let row = if is_shared {
            found.peek().filter(|found| found.session.id == session).cloned()
        } else {
            found.next_if(|found| found.session.id == session)
        };
        // Nobody may be waiting any more.
        let _ = answer.send(row);
    }
}
