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
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
    /// Whether it had one that kept everybody else away.
    was_alone: AtomicBool,
    /// Rung when something was told to the feed and committed; one for all pools of a database.
    pub(super) told: Arc<Notify>,
    /// False once something was not written because the database takes no writes; likewise one for all pools.
    pub(super) takes_writes: Arc<AtomicBool>,
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
        })
    }

    /// Makes the first connection. While somebody has the database alone this waits for its end, so long at most.
    pub(super) async fn enter(self: &Arc<Self>, patience: Duration) -> Result<()> {
        let until = Instant::now() + patience;
        let mut told = self.address.alone;
        loop {
            match self.lend().await {
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
        let resting = loop {
            let next = self.idle().pop();
            match next {
                Some(connection) if connection.client.is_closed() => {}
                other => break other,
            }
        };
        let connection = match resting {
            Some(connection) => connection,
            // The lock went with the connection, and whoever came since has written what is not copied any more.
            None if self.was_alone.load(Ordering::Relaxed) => return Err(Fault::NotAlone),
            None => Connection::make(&self.address, self.tls.as_ref()).await?,
        };
        self.was_alone.store(self.address.alone, Ordering::Relaxed);
        Ok(Lent {
            connection: Some(connection),
            unrest: AtomicBool::new(false),
            permit: Some(permit),
            pool: Arc::clone(self),
        })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that goes back when it is dropped; one in the middle of a step is brought to rest first.
pub(super) struct Lent {
    connection: Option<Connection>,
    unrest: AtomicBool,
    permit: Option<OwnedSemaphorePermit>,
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
        let Some(connection) = self.connection.take().filter(|connection| !connection.client.is_closed())
        else {
            return;
        };
        if !self.unrest.load(Ordering::Relaxed) {
            self.pool.idle().push(connection);
            return;
        }
        let (pool, permit) = (Arc::clone(&self.pool), self.permit.take());
        // Without a runtime the connection is closed, and the server takes the step back.
        let Ok(runtime) = Handle::try_current() else { return };
        runtime.spawn(async move {
            let rolled_back = timeout(REST, connection.client.batch_execute("ROLLBACK")).await;
            if let Ok(Ok(())) = rolled_back {
                pool.idle().push(connection);
            }
            drop(permit);
        });
    }
}
