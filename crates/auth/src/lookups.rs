//! Session lookups that wait at the same moment, answered by one query.
//!
//! Whoever makes tokens up has each of them looked up, since only the store can tell: together they take one connection
//! and not all of them. And each lookup is answered by a query that was sent after it began, as
//! `session.freshness = "always"` promises: it joins only a query that is not sent yet; while one is under way, those who
//! come wait for the next.
//!
//! Nobody waits longer than two seconds, but whoever is told so takes no query with him: it ends when the store ends it, and
//! until then no other is sent, so that a slow store sees one query and not many that were given up.
//!
//! Each query is a task of its own, begun by whoever comes first and then by the query before it: alone, a lookup costs
//! little more than a query. No query is a part of the future of one who asks, which may be dropped, or never be polled
//! again, while others wait for it.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cloakroom_verify::SessionId;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use crate::check_row::CheckRow;
use crate::store::{Found, StoreError, Stored};

/// Lookups that one query answers at most.
const TOGETHER: usize = 512;
/// Lookups that wait at most: beyond them the store is unavailable rather than slow without end.
const WAITING: usize = 16_384;
/// How long a lookup waits at most, but for one [`LOOK`].
const PATIENCE: Duration = Duration::from_secs(2);
/// How often whoever has the turn looks who has waited too long: one timer a query, and none for each who waits.
const LOOK: Duration = Duration::from_millis(50);

/// Asks one store for rows, a query at a time.
pub struct Lookups<R>(Arc<Shared<R>>);

/// What a query finds of a session.
pub trait Row: Clone + Send + 'static {
    /// Which one it is of.
    fn session(&self) -> SessionId;
}

impl Row for Found {
    fn session(&self) -> SessionId {
        self.session.id
    }
}

impl Row for CheckRow {
    fn session(&self) -> SessionId {
        self.session
    }
}

struct Shared<R> {
    query: Box<Query<R>>,
    runtime: Handle,
    queue: Mutex<Queue<R>>,
}

type Query<R> = dyn Fn(Vec<SessionId>) -> Answer<R> + Send + Sync;
type Answer<R> = Pin<Box<dyn Future<Output = Stored<Vec<R>>> + Send>>;

struct Queue<R> {
    /// Whether somebody has the [`Turn`].
    under_way: bool,
    waiting: VecDeque<Lookup<R>>,
}

struct Lookup<R> {
    session: SessionId,
    /// When it is given up.
    until: Instant,
    answer: oneshot::Sender<Option<R>>,
}

impl<R: Row> Lookups<R> {
    /// Asks by this query, which finds several sessions at once, on the runtime of the caller.
    pub fn start<Q, A>(query: Q) -> Self
    where
        Q: Fn(Vec<SessionId>) -> A + Send + Sync + 'static,
        A: Future<Output = Stored<Vec<R>>> + Send + 'static,
    {
        let query = Box::new(move |sessions| Box::pin(query(sessions)) as Answer<R>);
        let queue = Mutex::new(Queue { under_way: false, waiting: VecDeque::new() });
        Self(Arc::new(Shared { query, runtime: Handle::current(), queue }))
    }

    /// The row, its user and the head, as a query tells that is sent from now on.
    pub async fn find(&self, session: SessionId) -> Stored<Option<R>> {
        let answered = self.0.enter(session)?;
        // Whoever has the turn looks at the time, for all.
        answered.await.map_err(|_| StoreError::new("the lookup failed, or took too long"))
    }
}

impl<R> Clone for Lookups<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<R> std::fmt::Debug for Lookups<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lookups").finish_non_exhaustive()
    }
}

impl<R: Row> Shared<R> {
    fn enter(self: &Arc<Self>, session: SessionId) -> Stored<oneshot::Receiver<Option<R>>> {
        let (answer, answered) = oneshot::channel();
        let mut queue = self.queue();
        if queue.waiting.len() >= WAITING {
            return Err(StoreError::new("too many lookups wait for the database"));
        }
        queue.waiting.push_back(Lookup { session, until: Instant::now() + PATIENCE, answer });
        let is_first = !std::mem::replace(&mut queue.under_way, true);
        drop(queue);
        if is_first {
            self.pass_on();
        }
        Ok(answered)
    }

    /// Sends what waits now, if anything does.
    fn pass_on(self: &Arc<Self>) {
        let lookups = self.queue().next();
        if !lookups.is_empty() {
            self.runtime.spawn(Turn(Arc::clone(self)).together(lookups));
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue<R>> {
        // Every change leaves the queue whole.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to send a query. However it is dropped, those who wait get it, if there are any.
struct Turn<R: Row>(Arc<Shared<R>>);

impl<R: Row> Turn<R> {
    async fn together(self, mut lookups: Vec<Lookup<R>>) {
        lookups.sort_unstable_by_key(|lookup| lookup.session);
        let mut sessions: Vec<_> = lookups.iter().map(|lookup| lookup.session).collect();
        sessions.dedup();
        let mut query = pin!((self.0.query)(sessions));
        let found = loop {
            if let Ok(found) = timeout(LOOK, query.as_mut()).await {
                break found;
            }
            let now = Instant::now();
            lookups.retain(|lookup| lookup.until > now);
            self.0.queue().give_up(now);
        };
        match found {
            Ok(mut found) => {
                found.sort_unstable_by_key(R::session);
                hand_out(found, lookups.into_iter());
            }
            // Those who wait are dropped, and so told that it failed.
            Err(error) => {
                tracing::error!(%error, lookups = lookups.len(), "sessions could not be looked up");
            }
        }
    }
}

impl<R: Row> Drop for Turn<R> {
    fn drop(&mut self) {
        self.0.pass_on();
    }
}

impl<R> Queue<R> {
    /// Those who have waited too long are dropped, and so told.
    fn give_up(&mut self, now: Instant) {
        while self.waiting.front().is_some_and(|lookup| lookup.until <= now) {
            self.waiting.pop_front();
        }
    }

    /// The next who share a query; of those who wait no more none is. Where nobody is left, nobody has the turn.
    fn next(&mut self) -> Vec<Lookup<R>> {
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
fn hand_out<R: Row>(found: Vec<R>, lookups: impl Iterator<Item = Lookup<R>>) {
    let (mut found, mut lookups) = (found.into_iter().peekable(), lookups.peekable());
    while let Some(Lookup { session, answer, until: _ }) = lookups.next() {
        while found.next_if(|found| found.session() < session).is_some() {}
        let is_shared = lookups.peek().is_some_and(|next| next.session == session);
        let row = if is_shared {
            found.peek().filter(|found| found.session() == session).cloned()
        } else {
            found.next_if(|found| found.session() == session)
        };
        // Nobody may be waiting any more.
        let _ = answer.send(row);
    }
}
