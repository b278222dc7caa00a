//! How a step is run: bounded in time, as a whole or not at all, and again where another step was in its way.

use std::ops::{ControlFlow, Deref};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cloakroom_auth::token;
use futures_util::future::try_join;
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::Row;

use super::connect::{Connection, Values};
use super::fault::{Fault, Result};
use super::lineage;
use super::pool::{Lent, Pool};

/// How often a step is run at most when others are in its way.
const ATTEMPTS: u32 = 6;
/// What the wait before the second attempt is at most; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(8);

const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
/// The end of a step.
pub(super) const COMMIT: &str = "COMMIT";

/// A transaction, READ COMMITTED whatever the server's default is.
pub(super) struct Transaction<'l> {
    lent: &'l Lent,
    committed: AtomicBool,
    tells: AtomicBool,
}

impl Deref for Transaction<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.lent
    }
}

impl<'l> Transaction<'l> {
    /// Not begun yet.
    pub(super) fn of(lent: &'l Lent) -> Self {
        Self { lent, committed: AtomicBool::new(false), tells: AtomicBool::new(false) }
    }

    /// Begins, runs the step, whose first statement is sent right behind BEGIN, and commits unless it did so itself.
    pub(super) async fn run<T>(&self, step: impl Future<Output = Result<T>>) -> Result<T> {
        let begin = async { Ok(self.client.batch_execute(BEGIN).await?) };
        let ((), value) = try_join(begin, step).await?;
        if !self.committed.load(Ordering::Relaxed) {
            self.client.batch_execute(COMMIT).await?;
        }
        if self.tells.load(Ordering::Relaxed) {
            self.lent.ring();
        }
        Ok(value)
    }

    /// Something is told to the feed: once it is committed, the other servers are to look.
    pub(super) fn tells(&self) {
        self.tells.store(true, Ordering::Relaxed);
    }

    /// Takes back what was done and begins again, without the locks.
    pub(super) async fn start_over(&self) -> Result<()> {
        Ok(self.client.batch_execute(&format!("ROLLBACK; {BEGIN}")).await?)
    }

    /// Sends these and COMMIT without waiting in between. Nothing may follow.
    pub(super) async fn commit_with(&self, steps: &[(&'static str, Values<'_>)]) -> Result<Vec<Vec<Row>>> {
        let mut all = steps.to_vec();
        all.push((COMMIT, &[]));
        let rows = self.pipeline_all(&all).await?;
        self.committed.store(true, Ordering::Relaxed);
        Ok(rows)
    }
}

/// Runs a step of one statement, on a connection without an open transaction: `single!(pool, connection => step)`.
macro_rules! single {
    ($pool:expr, $connection:ident => $step:expr) => {
        $crate::postgres::step::again_and_again!($pool, {
            let lent = $pool.lend().await?;
            let $connection = &lent;
            lent.work(async { $step }).await
        })
        .map_err(cloakroom_auth::store::StoreError::new)
    };
}

/// Runs a step in a transaction: all of it is done when this says so, and nothing of it when the database did not take
/// it. A connection that is lost while COMMIT is under way leaves open which. `transaction!(pool, transaction => step)`.
macro_rules! transaction {
    ($pool:expr, $transaction:ident => $step:expr) => {
        $crate::postgres::step::try_transaction!($pool, $transaction => $step)
            .map_err(cloakroom_auth::store::StoreError::new)
    };
}

/// The same, with the reason of a failure.
macro_rules! try_transaction {
    ($pool:expr, $transaction:ident => $step:expr) => {
        $crate::postgres::step::again_and_again!($pool, {
            let lent = $pool.lend().await?;
            let transaction = $crate::postgres::step::Transaction::of(&lent);
            let $transaction = &transaction;
            lent.work(transaction.run(async { $step })).await
        })
    };
}

/// A macro, since of a future that a closure returns for every lifetime nobody can say that it is `Send`.
macro_rules! again_and_again {
    ($pool:expr, $once:block) => {
        $pool
            .in_time(async {
                let mut attempt = 0;
                loop {
                    attempt += 1;
                    let done = async { $once }.await;
                    if let std::ops::ControlFlow::Break(done) = $pool.after(attempt, done).await {
                        break done;
                    }
                }
            })
            .await
    };
}
pub(super) use {again_and_again, single, transaction, try_transaction};

impl Pool {
    /// What comes after an attempt: another one, where somebody else was in its way.
    pub(super) async fn after<T>(self: &Arc<Self>, attempt: u32, done: Result<T>) -> ControlFlow<Result<T>> {
        if done.as_ref().is_err_and(Fault::takes_no_writes) {
            self.takes_writes.store(false, Ordering::Relaxed);
        }
        match done {
            Err(Fault::AnotherLineage) if attempt < ATTEMPTS => match lineage::begin_epoch(self).await {
                Ok(()) => ControlFlow::Continue(()),
                Err(fault) => ControlFlow::Break(Err(fault)),
            },
            Err(fault) if fault.is_collision() && attempt < ATTEMPTS => {
                sleep(jitter(attempt)).await;
                ControlFlow::Continue(())
            }
            done => ControlFlow::Break(done),
        }
    }

    /// Nobody waits for a step without end, whatever the network does.
    pub(super) async fn in_time<T>(&self, step: impl Future<Output = Result<T>>) -> Result<T> {
        let began = Instant::now();
        timeout(self.address.patience(), step).await.unwrap_or_else(|_| {
            self.doubt(began);
            Err(Fault::Late)
        })
    }
}

/// Two that met shall not meet again.
fn jitter(attempt: u32) -> Duration {
    let [random] = token::random::<1>();
    FIRST_WAIT * (1 << attempt) * u32::from(random) / 512
}
