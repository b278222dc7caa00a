//! One writer with group commit, and readers beside it.
//!
//! Steps that arrive together share one transaction and one `fsync`, each inside a savepoint of its own: one that
//! fails takes back nothing but itself. Nobody is answered before the commit.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use cloakroom_auth::store::{StoreError, Stored};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use super::open::connect;
use crate::OpenError;

/// Steps that wait at most; beyond them the store is unavailable rather than slow without end.
const QUEUE: usize = 4096;
/// Steps that share a transaction at most.
const GROUP: usize = 128;
/// After a write failed, how often it is tried whether one would be taken: nobody may come to write any more, where
/// somebody in front sends requests to those only who say that they can.
const TRY_AGAIN: Duration = Duration::from_millis(500);
/// How long a caller waits at most.
const PATIENCE: Duration = Duration::from_secs(5);

type ReadStep = Box<dyn FnOnce(&Connection) + Send>;
/// Runs inside the open transaction and returns what to say once it is committed, or was not.
type WriteStep = Box<dyn FnOnce(&mut Transaction<'_>) -> Answer + Send>;
type Answer = Box<dyn FnOnce(Result<(), &rusqlite::Error>)>;

/// The threads of one database. Dropping it closes the queues and waits until what is in them is done: the
/// fields are dropped in this order.
#[derive(Debug)]
pub(super) struct Threads {
    writer: SyncSender<WriteStep>,
    readers: SyncSender<ReadStep>,
    takes_writes: Arc<AtomicBool>,
    _running: Running,
}

#[derive(Debug, Default)]
struct Running(Vec<JoinHandle<()>>);

impl Threads {
    pub(super) fn start(path: &Path, writer: Connection) -> Result<Self, OpenError> {
        let mut running = Running::default();
        let (write, steps) = sync_channel(QUEUE);
        let takes_writes = Arc::new(AtomicBool::new(true));
        let told = Arc::clone(&takes_writes);
        running.spawn("cloakroom-writer", move || run_writer(writer, &steps, &told))?;
        let (read, steps) = sync_channel(QUEUE);
        let steps = Arc::new(Mutex::new(steps));
        let readers = thread::available_parallelism().map_or(2, std::num::NonZero::get).clamp(2, 4);
        for _ in 0..readers {
            let (connection, steps) = (connect(path)?, Arc::clone(&steps));
            running.spawn("cloakroom-reader", move || run_reader(&connection, &steps))?;
        }
        Ok(Self { writer: write, readers: read, takes_writes, _running: running })
    }

    /// Whether the last write was taken.
    pub(super) fn take_writes(&self) -> bool {
        self.takes_writes.load(Ordering::Relaxed)
    }

    pub(super) async fn write<T: Send + 'static>(
        &self,
        step: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Stored<T> {
        let (answer, answered) = oneshot::channel();
        let lost_patience = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&lost_patience);
        let step: WriteStep = Box::new(move |transaction| {
            // Whoever lost patience was told that it was not done: so it is not done later. Whoever hung up was told
            // nothing, and a thief must not undo by it what is found out about him.
            let done = if told.load(Ordering::Relaxed) {
                Err(rusqlite::Error::InvalidQuery)
            } else {
                in_savepoint(transaction, step)
            };
            Box::new(move |committed| {
                let result = match (done, committed) {
                    (Err(error), _) => Err(StoreError::new(error)),
                    (Ok(_), Err(error)) => Err(StoreError::new(error.to_string())),
                    (Ok(value), Ok(())) => Ok(value),
                };
                // Nobody may be waiting any more.
                let _ = answer.send(result);
            })
        });
        enqueue(&self.writer, step)?;
        wait(answered, &lost_patience).await
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        step: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Stored<T> {
        let (answer, answered) = oneshot::channel();
        let step: ReadStep = Box::new(move |connection| {
            // Whoever gave up needs no answer: those behind him have waited long enough.
            if !answer.is_closed() {
                let _ = answer.send(guarded(|| step(connection)).map_err(StoreError::new));
            }
        });
        enqueue(&self.readers, step)?;
        wait(answered, &AtomicBool::new(false)).await
    }
}

impl Running {
    fn spawn(&mut self, name: &str, body: impl FnOnce() + Send + 'static) -> Result<(), OpenError> {
        let thread = thread::Builder::new().name(name.to_owned()).spawn(body);
        self.0.push(thread.map_err(|error| OpenError::Failed(error.to_string()))?);
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for thread in self.0.drain(..) {
            // One that panicked has nothing left to finish.
            let _ = thread.join();
        }
    }
}

fn enqueue<T>(queue: &SyncSender<T>, step: T) -> Stored<()> {
    queue.try_send(step).map_err(|error| match error {
        TrySendError::Full(_) => StoreError::new("too much is waiting for the database"),
        TrySendError::Disconnected(_) => StoreError::new("the database thread has ended"),
    })
}

async fn wait<T>(answered: oneshot::Receiver<Stored<T>>, lost_patience: &AtomicBool) -> Stored<T> {
    match tokio::time::timeout(PATIENCE, answered).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(StoreError::new("the database thread dropped the step")),
        Err(_) => {
            lost_patience.store(true, Ordering::Relaxed);
            Err(StoreError::new("the database does not answer"))
        }
    }
}

fn run_reader(connection: &Connection, steps: &Mutex<Receiver<ReadStep>>) {
    loop {
        let step = steps.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(step) = step else { return };
        step(connection);
    }
}

fn run_writer(mut connection: Connection, steps: &Receiver<WriteStep>, takes_writes: &AtomicBool) {
    loop {
        let next = if takes_writes.load(Ordering::Relaxed) {
            steps.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            steps.recv_timeout(TRY_AGAIN)
        };
        let first = match next {
            Ok(step) => step,
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {
                takes_writes.store(try_write(&mut connection).is_ok(), Ordering::Relaxed);
                continue;
            }
        };
        let group = std::iter::once(first).chain(steps.try_iter().take(GROUP - 1));
        let mut answers = Vec::new();
        let committed = run_group(&mut connection, group, &mut answers);
        if let Err(error) = &committed {
            tracing::error!(%error, "the database did not take a write");
        }
        // Before anybody hears of it: who was told that it failed finds that it is told everywhere.
        takes_writes.store(committed.is_ok(), Ordering::Relaxed);
        for answer in answers {
            answer(committed.as_ref().copied());
        }
    }
}

/// Writes something that changes nothing: there and back again, since SQLite does not write what is the same.
fn try_write(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(
        "UPDATE feed_head SET retention = retention + 1; UPDATE feed_head SET retention = retention - 1",
    )?;
    transaction.commit()
}

/// Steps whose turn does not come, because the transaction could not begin, are dropped, and their callers told: left
/// in the queue, each would wait for the lock anew, and be done long after its caller was told that it was not.
fn run_group(
    connection: &mut Connection,
    steps: impl Iterator<Item = WriteStep>,
    answers: &mut Vec<Answer>,
) -> rusqlite::Result<()> {
    let begun = connection.transaction_with_behavior(TransactionBehavior::Immediate);
    let mut transaction = match begun {
        Ok(transaction) => transaction,
        Err(error) => {
            // Out of the queue first: who is told may be back with a new step before the last is dropped.
            drop(steps.collect::<Vec<_>>());
            return Err(error);
        }
    };
    answers.extend(steps.map(|step| step(&mut transaction)));
    transaction.commit()
}

/// A panic is the end of its step, and not of the thread that all others wait for.
fn guarded<T>(step: impl FnOnce() -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    catch_unwind(AssertUnwindSafe(step))
        .unwrap_or_else(|_| Err(rusqlite::Error::ToSqlConversionFailure("a step panicked".into())))
}

fn in_savepoint<T>(
    transaction: &mut Transaction<'_>,
    step: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    // A full disk ends the whole transaction; a savepoint would then begin, and commit, one of its own.
    if transaction.is_autocommit() {
        return Err(rusqlite::Error::InvalidQuery);
    }
    transaction.execute_batch("SAVEPOINT step")?;
    let done = guarded(|| step(transaction));
    match &done {
        Ok(_) => transaction.execute_batch("RELEASE step")?,
        Err(_) => transaction.execute_batch("ROLLBACK TO step; RELEASE step")?,
    }
    done
}

#[cfg(test)]
mod tests;
