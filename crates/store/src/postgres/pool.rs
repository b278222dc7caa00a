//! Connections, lent one step at a time: at most so many, and nobody waits for one without end.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};

use super::address::Address;
use super::connect::Connection;
use super::fault::{Fault, Result};
use super::tls::{self, Tls};
use crate::OpenError;

/// How long a connection has to come to rest after a step that was given up.
const REST: Duration = Duration::from_secs(2);

/// How long a server or a command waits for a copy to end before it gives up.
pub(super) const PATIENT: Duration = Duration::from_secs(10);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(50);

/// The connections of one database.
pub(super) struct Pool {
    pub(super) address: Address,
    pub(super) tls: Option<Tls>,
    idle: Mutex<Vec<Resting>>,
    permits: Arc<Semaphore>,
    /// Whether it had one that kept everybody else away.
    was_alone: AtomicBool,
    /// Rung when something was told to the feed and committed; one for all pools of a database.
    pub(super) told: Arc<Notify>,
    /// False once something was not written because the database takes no writes; likewise one for all pools.
    pub(super) takes_writes: Arc<AtomicBool>,
    /// A connection that has answered nothing since is not lent any more; likewise one for all pools.
    trusted_since: Arc<Mutex<Instant>>,
}

/// A connection that nobody uses.
struct Resting {
    connection: Connection,
    /// The last time that it is known to have lived.
    answered: Instant,
}

impl Pool {
    /// Connects to nothing yet.
    pub(super) fn new(address: Address) -> std::result::Result<Self, OpenError> {
        let tls = tls::connector(&address.trust)?;
        let permits = Arc::new(Semaphore::new(address.pool_size));
        Ok(Self {
            address,
            tls,
            idle: Mutex::default(),
            permits,
            was_alone: AtomicBool::new(false),
            told: Arc::default(),
            takes_writes: Arc::new(AtomicBool::new(true)),
            trusted_since: Arc::new(Mutex::new(Instant::now())),
        })
    }

    /// So many more connections, which learn from these and these from them.
    pub(super) fn beside(&self, pool_size: usize) -> std::result::Result<Self, OpenError> {
        Ok(Self {
            told: Arc::clone(&self.told),
            takes_writes: Arc::clone(&self.takes_writes),
            trusted_since: Arc::clone(&self.trusted_since),
            ..Self::new(Address { pool_size, ..self.address.clone() })?
        })
    }

    /// Makes the first connection. While somebody has the database alone this waits for its end, so long at most.
    pub(super) async fn enter(self: &Arc<Self>, patience: Duration) -> Result<()> {
        let until = Instant::now() + patience;
        let mut told = self.address.alone;
        loop {
            // Who takes the connection and says nothing would be waited for without end.
            match self.in_time(self.lend()).await {
                Err(Fault::Held) if Instant::now() < until => {
                    if !std::mem::replace(&mut told, true) {
                        tracing::warn!(
                            database = self.address.name,
                            seconds = patience.as_secs(),
                            "the database is being copied or restored: waiting for the end of it"
                        );
                    }
                    sleep(LOOK).await;
                }
                done => return done.map(drop),
            }
        }
    }

    /// A connection that lives, as far as is known here: one that rests, else a new one.
    pub(super) async fn lend(self: &Arc<Self>) -> Result<Lent> {
        let permit = timeout(self.address.pool_timeout, Arc::clone(&self.permits).acquire_owned()).await;
        let Ok(Ok(permit)) = permit else { return Err(Fault::Exhausted) };
        let resting = std::iter::from_fn(|| self.idle().pop()).find(|resting| self.trusts(resting));
        let connection = match resting {
            Some(Resting { connection, .. }) => connection,
            // The lock went with the connection, and whoever came since has written what is not copied any more.
            None if self.was_alone.load(Ordering::Relaxed) => return Err(Fault::NotAlone),
            None => Connection::make(&self.address, self.tls.as_ref()).await?,
        };
        self.was_alone.store(self.address.alone, Ordering::Relaxed);
        Ok(Lent {
            connection: Some(connection),
            unrest: AtomicBool::new(false),
            permit: Some(permit),
            since: Instant::now(),
            pool: Arc::clone(self),
        })
    }

    /// A connection has been silent since then, or broke. Where its host is gone without a word, those that rest are dead
    /// as well, and each would cost somebody the whole bound of a step to find that out. Where it was only slow, a few
    /// are made anew that nobody had needed for as long.
    pub(super) fn doubt(&self, since: Instant) {
        let mut trusted_since = self.trusted_since();
        *trusted_since = since.max(*trusted_since);
    }

    fn trusts(&self, resting: &Resting) -> bool {
        !resting.connection.client.is_closed() && resting.answered >= *self.trusted_since()
    }

    fn trusted_since(&self) -> MutexGuard<'_, Instant> {
        self.trusted_since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rests(&self, connection: Connection) {
        self.idle().push(Resting { connection, answered: Instant::now() });
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Resting>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that goes back when it is dropped; one in the middle of a step is brought to rest first.
pub(super) struct Lent {
    connection: Option<Connection>,
    unrest: AtomicBool,
    permit: Option<OwnedSemaphorePermit>,
    /// When it was lent.
    since: Instant,
    pool: Arc<Pool>,
}

impl Lent {
    /// Runs a step that leaves nothing behind when it is done. Given up in the middle, or failed, it does.
    pub(super) async fn work<T>(&self, step: impl Future<Output = Result<T>>) -> Result<T> {
        self.unrest.store(true, Ordering::Relaxed);
        let value = step.await?;
        self.unrest.store(false, Ordering::Relaxed);
        Ok(value)
    }

    /// Has the other servers told to look.
    pub(super) fn ring(&self) {
        self.pool.told.notify_one();
    }
}

impl Deref for Lent {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection.as_ref().expect("it is taken only when this is dropped")
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        if connection.client.is_closed() {
            self.pool.doubt(self.since);
            return;
        }
        if !self.unrest.load(Ordering::Relaxed) {
            self.pool.rests(connection);
            return;
        }
        let (pool, permit, since) = (Arc::clone(&self.pool), self.permit.take(), self.since);
        // Without a runtime the connection is closed, and the server takes the step back.
        let Ok(runtime) = Handle::try_current() else { return };
        runtime.spawn(async move {
            match timeout(REST, connection.client.batch_execute("ROLLBACK")).await {
                Ok(Ok(())) => pool.rests(connection),
                Ok(Err(_)) | Err(_) => pool.doubt(since),
            }
            drop(permit);
        });
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// As a pooler does whose database is away: the driver bounds the connection alone, and not the greeting.
    #[tokio::test]
    async fn whoever_takes_the_connection_and_says_nothing_is_not_waited_for_without_end() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = silent.local_addr().unwrap().port();
        let url = format!("postgres://u:secret@127.0.0.1:{port}/x?pool_timeout=100&statement_timeout=100");
        let pool = Arc::new(Pool::new(Address::parse(&url).unwrap()).unwrap());
        let entered = timeout(Duration::from_secs(20), pool.enter(PATIENT)).await;
        assert!(matches!(entered.expect("it is waited for"), Err(Fault::Late)));
    }
}
