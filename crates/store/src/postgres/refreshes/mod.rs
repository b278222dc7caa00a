//! Refreshes that wait at the same moment share one transaction: one lock statement, one reading, one write, one commit.
//!
//! What was admitted is done, whoever still waits for it: a thief who hangs up must not take back what was found out
//! about him. So each batch runs in a task of its own, which begins the next one.
//!
//! * `queue`: those who wait, and whose turn it is

mod queue;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cloakroom_auth::refresh::Ask;
use cloakroom_auth::store::{Rotation, StoreError, Stored};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::yield_now;
use tokio::time::{Instant, timeout_at};

use queue::{Queue, Waiting};

use super::fault::{Fault, Result};
use super::pool::Pool;
use super::rotate;
use super::step::{transaction, try_transaction};

/// Hands refreshes to the tasks that write them.
pub(super) struct Refreshes {
    pool: Arc<Pool>,
    runtime: Handle,
    queue: Mutex<Queue>,
    /// Those that wait for the locks of others take some of the connections, and not all of them.
    alone: Semaphore,
}

impl Refreshes {
    /// Its batches belong to the runtime of the caller.
    pub(super) fn new(pool: Arc<Pool>) -> Arc<Self> {
        let alone = Semaphore::new((pool.address.pool_size / 4).max(1));
        Arc::new(Self { pool, runtime: Handle::current(), queue: Mutex::default(), alone })
    }

    /// Has it answered.
    pub(super) async fn ask(self: &Arc<Self>, ask: Ask) -> Stored<Rotation> {
        let begin_by = Instant::now() + self.pool.address.patience();
        let answered = self.queue().admit(ask, begin_by)?;
        self.begin();
        match timeout_at(self.end_of(begin_by), answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(StoreError::new("not begun, or broken off: see what failed before")),
            Err(_) => Err(StoreError::new(Fault::Late)),
        }
    }

    /// When what began at the last moment is done, whether in its batch or alone.
    fn end_of(&self, begin_by: Instant) -> Instant {
        begin_by + self.pool.address.patience()
    }

    /// Begins a batch, if somebody waits and it is not all begun.
    fn begin(self: &Arc<Self>) {
        if !self.queue().may_begin(Instant::now()) {
            return;
        }
        let turn = Turn { of: Arc::clone(self), finished: false };
        self.runtime.spawn(async move {
            // Whoever is about to ask goes with it.
            yield_now().await;
            let batch = turn.of.queue().take_batch(Instant::now());
            if !batch.is_empty() {
                turn.of.write(batch).await;
            }
            turn.finish();
        });
    }

    async fn write(self: &Arc<Self>, batch: Vec<Waiting>) {
        match self.together(&batch).await {
            // One of them does not go; the others must not suffer.
            Err(fault) if batch.len() > 1 && fault.is_about_data() => self.one_by_one(batch).await,
            done => self.hand_out(batch, done),
        }
    }

    /// Where the database itself is gone, none of them goes; and none is begun late (see `take_batch`).
    async fn one_by_one(self: &Arc<Self>, batch: Vec<Waiting>) {
        for one in batch {
            if one.begin_by <= Instant::now() {
                continue;
            }
            let done = self.together(std::slice::from_ref(&one)).await;
            let is_gone = done.as_ref().is_err_and(|fault| !fault.is_about_data());
            self.hand_out(vec![one], done);
            if is_gone {
                // Dropped, and so told.
                return;
            }
        }
    }

    async fn together(&self, batch: &[Waiting]) -> Result<Vec<Option<Rotation>>> {
        let asks: Vec<&Ask> = batch.iter().map(|waiting| &waiting.ask).collect();
        try_transaction!(self.pool, transaction => rotate::together(transaction, &asks).await)
    }

    /// Nobody may be waiting any more for what is sent.
    fn hand_out(self: &Arc<Self>, batch: Vec<Waiting>, done: Result<Vec<Option<Rotation>>>) {
        let answers = match done {
            Ok(answers) => answers,
            Err(fault) => {
                for Waiting { answer, .. } in batch {
                    let _ = answer.send(Err(StoreError::new(fault.to_string())));
                }
                return;
            }
        };
        for (Waiting { ask, begin_by, answer }, done) in batch.into_iter().zip(answers) {
            if let Some(rotation) = done {
                let _ = answer.send(Ok(rotation));
                continue;
            }
            let (this, end) = (Arc::clone(self), self.end_of(begin_by));
            tokio::spawn(async move {
                let done = timeout_at(end, async {
                    let _permit = this.alone.acquire().await.map_err(StoreError::new)?;
                    transaction!(this.pool, transaction => rotate::alone(transaction, &ask).await)
                });
                let _ = answer.send(done.await.unwrap_or_else(|_| Err(StoreError::new(Fault::Late))));
            });
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Every change leaves the queue whole.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of the batches that may be under way. However it ends, the next can begin, even after a panic; but where its task
/// was dropped the runtime is gone, and so is the next one's.
struct Turn {
    of: Arc<Refreshes>,
    finished: bool,
}

impl Turn {
    fn finish(mut self) {
        self.finished = true;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.of.queue().running -= 1;
        if self.finished || std::thread::panicking() {
            self.of.begin();
        } else {
            // Those who wait are told.
            let left = std::mem::take(&mut self.of.queue().waiting);
            drop(left);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::address::Address;
    use super::queue::tests::{admit, waiting};
    use super::*;

    /// Tried alone, each is tried after all before it, and each of them may have taken its time.
    #[tokio::test]
    async fn of_those_that_are_tried_alone_nobody_is_begun_after_his_time() {
        let nobody_there = Address::parse("postgres://u:secret@127.0.0.1:1/x").unwrap();
        let refreshes = Refreshes::new(Arc::new(Pool::new(nobody_there).unwrap()));
        let now = Instant::now();
        let (mut queue, mut late) = waiting([(1, 0)], now);
        let mut tried = admit(&mut queue, 2, 0, now + Duration::from_secs(60)).unwrap();
        refreshes.one_by_one(queue.waiting.into()).await;
        assert!(late[0].try_recv().is_err(), "he is told by the end of his batch");
        assert!(tried.try_recv().unwrap().is_err(), "he is told by the database that is not there");
    }
}
