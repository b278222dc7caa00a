//! Session lookups that wait at the same moment, answered by one query.
//!
//! Whoever makes tokens up has each of them looked up, since only the store can tell: together they take one connection
//! and not all of them. And each lookup is answered by a query that was sent after it began, as
//! `session.freshness = "always"` promises: it joins only a query that is not sent yet; while one is under way, those who
//! come wait for the next.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use cloakroom_verify::SessionId;
use tokio::sync::{mpsc, oneshot};

use crate::store::{Found, Store, StoreError, Stored};

/// Lookups that one query answers at most.
const TOGETHER: usize = 512;
/// Lookups that wait at most: beyond them the store is unavailable rather than slow without end.
const WAITING: usize = 16_384;
/// How long a lookup waits at most.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks one store, a query at a time.
#[derive(Debug, Clone)]
pub struct Lookups(mpsc::Sender<Lookup>);

struct Lookup {
    session: SessionId,
    answer: oneshot::Sender<Option<Found>>,
}

impl Lookups {
    /// Starts asking a store, on the runtime of the caller, until the last clone is dropped.
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
        Q: Fn(Vec<SessionId>) -> A + Send + 'static,
        A: Future<Output = Stored<Vec<Found>>> + Send + 'static,
    {
        let (ask, waiting) = mpsc::channel(WAITING);
        tokio::spawn(answer(query, waiting));
        Self(ask)
    }

    /// The row, its user and the head, as a query tells that is sent from now on.
    pub async fn find(&self, session: SessionId) -> Stored<Option<Found>> {
        let (answer, answered) = oneshot::channel();
        let asked = self.0.try_send(Lookup { session, answer });
        asked.map_err(|_| StoreError::new("too many lookups wait for the database"))?;
        match tokio::time::timeout(PATIENCE, answered).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(_)) => Err(StoreError::new("the lookup failed")),
            Err(_) => Err(StoreError::new("the database does not answer")),
        }
    }
}

async fn answer<A>(query: impl Fn(Vec<SessionId>) -> A, mut waiting: mpsc::Receiver<Lookup>)
where
    A: Future<Output = Stored<Vec<Found>>>,
{
    let mut together = Vec::with_capacity(TOGETHER);
    while waiting.recv_many(&mut together, TOGETHER).await > 0 {
        // Nobody waits for these any more, and nothing is asked for nobody.
        together.retain(|lookup| !lookup.answer.is_closed());
        if together.is_empty() {
            continue;
        }
        together.sort_unstable_by_key(|lookup| lookup.session);
        let mut sessions: Vec<_> = together.iter().map(|lookup| lookup.session).collect();
        sessions.dedup();
        match query(sessions).await {
            Ok(mut found) => {
                found.sort_unstable_by_key(|found| found.session.id);
                hand_out(found, together.drain(..));
            }
            Err(error) => {
                tracing::error!(%error, lookups = together.len(), "sessions could not be looked up");
                // Dropped: whoever waits is told that it failed.
                together.clear();
            }
        }
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
