//! Refreshes that wait at the same moment share one transaction: one lock statement, one reading, one write, one commit.
//!
//! What was admitted is done, whoever still waits for it: a thief who hangs up must not take back what was found out
//! about him. So each batch runs in a task of its own, which begins the next one.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cloakroom_auth::refresh::Ask;
use cloakroom_auth::store::{Rotation, StoreError, Stored};
use cloakroom_verify::SessionId;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::yield_now;
use tokio::time::{Instant, timeout_at};

use super::fault::{Fault, Result};
use super::pool::Pool;
use super::rotate;
use super::step::{transaction, try_transaction};

/// Refreshes that wait at most; beyond them the store is unavailable rather than slow without end. Of one session there
/// are as many as its gate lets through.
const QUEUE: usize = 4096;
/// Refreshes that share a transaction at most.
const BATCH: usize = 256;
/// Transactions under way at most: one, and another where that one is [slow](SLOW), since its connection may be hung.
const BATCHES: usize = 2;
const SLOW: Duration = Duration::from_secs(2);

/// Hands refreshes to the tasks that write them.
pub(super) struct Refreshes {
    pool: Arc<Pool>,
    runtime: Handle,
    queue: Mutex<Queue>,
    /// Those that wait for the locks of others take some of the connections, and not all of them.
    alone: Semaphore,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    /// Batches under way, and when the last one began.
    running: usize,
    began: Option<Instant>,
}

struct Waiting {
    ask: Ask,
    /// When its batch has to begin: whoever asked is told in time, and never that it is not done while it still may be.
    begin_by: Instant,
    answer: oneshot::Sender<Stored<Rotation>>,
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
            Ok(Err(_)) => Err(StoreError::new("the task that writes refreshes has ended")),
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

impl Queue {
    /// Whether a batch is to begin, which it does then.
    fn may_begin(&mut self, now: Instant) -> bool {
        let is_slow = self.began.is_some_and(|began| now >= began + SLOW);
        let may = self.running == 0 || self.running < BATCHES && is_slow;
        if self.waiting.is_empty() || !may {
            return false;
        }
        self.running += 1;
        self.began = Some(now);
        true
    }

    fn admit(&mut self, ask: Ask, begin_by: Instant) -> Stored<oneshot::Receiver<Stored<Rotation>>> {
        if self.waiting.len() >= QUEUE {
            return Err(StoreError::new("too much is waiting for the database"));
        }
        let (answer, answered) = oneshot::channel();
        self.waiting.push_back(Waiting { ask, begin_by, answer });
        Ok(answered)
    }

    /// The next that can share a transaction, in their order: one of each session, so that the next one of it reads what
    /// this one wrote.
    fn take_batch(&mut self, now: Instant) -> Vec<Waiting> {
        let (mut batch, mut stay) = (Vec::new(), Vec::new());
        let mut sessions = HashSet::<SessionId>::new();
        while batch.len() < BATCH
            && let Some(next) = self.waiting.pop_front()
        {
            if next.begin_by <= now {
                // Done this late, it might be shown again meanwhile, and look stolen.
                let _ = next.answer.send(Err(StoreError::new(Fault::Late)));
                continue;
            }
            if sessions.insert(next.ask.session) { batch.push(next) } else { stay.push(next) }
        }
        for waiting in stay.into_iter().rev() {
            self.waiting.push_front(waiting);
        }
        batch
    }
}

#[cfg(test)]
mod tests {
    use cloakroom_verify::{OpaqueKind, Timestamp};

    use super::super::address::Address;
    use super::*;

    type Answered = Vec<oneshot::Receiver<Stored<Rotation>>>;

    /// Who they are by session and generation.
    fn waiting(asks: impl IntoIterator<Item = (u8, u32)>, begin_by: Instant) -> (Queue, Answered) {
        let mut queue = Queue::default();
        let answered =
            asks.into_iter().map(|(n, generation)| admit(&mut queue, n, generation, begin_by).unwrap());
        let answered = answered.collect();
        (queue, answered)
    }

    fn admit(
        queue: &mut Queue,
        n: u8,
        generation: u32,
        begin_by: Instant,
    ) -> Stored<oneshot::Receiver<Stored<Rotation>>> {
        let ask = Ask {
            session: SessionId::from_bytes([n; 16]),
            kind: OpaqueKind::Refresh,
            generation,
            attempt: None,
            proof: None,
            now: Timestamp::from_seconds(1),
            grace: Duration::ZERO,
            lives: 0,
        };
        queue.admit(ask, begin_by)
    }

    fn next(queue: &mut Queue, now: Instant) -> Vec<(u8, u32)> {
        let batch = queue.take_batch(now);
        batch.iter().map(|waiting| (waiting.ask.session.as_bytes()[0], waiting.ask.generation)).collect()
    }

    #[test]
    fn those_of_one_session_go_one_after_the_other() {
        let now = Instant::now();
        let (mut queue, _answered) =
            waiting([(1, 0), (2, 0), (1, 1), (1, 2), (3, 0)], now + Duration::from_secs(1));
        assert_eq!(next(&mut queue, now), [(1, 0), (2, 0), (3, 0)]);
        assert_eq!(next(&mut queue, now), [(1, 1)]);
        assert_eq!(next(&mut queue, now), [(1, 2)]);
        assert_eq!(next(&mut queue, now), []);
    }

    #[test]
    fn it_is_done_for_who_hung_up_and_not_after_its_time() {
        let (now, soon) = (Instant::now(), Duration::from_secs(1));
        let (mut queue, answered) = waiting([(1, 0)], now + soon);
        drop(answered);
        let _answered = admit(&mut queue, 2, 0, now + 2 * soon).unwrap();
        assert_eq!(next(&mut queue, now + soon), [(2, 0)]);
        let (mut queue, answered) = waiting([(1, 0)], now + soon);
        drop(answered);
        assert_eq!(next(&mut queue, now), [(1, 0)]);
    }

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

    #[test]
    fn another_batch_begins_only_beside_a_slow_one() {
        let now = Instant::now();
        let (mut queue, _answered) = waiting([(1, 0)], now + SLOW);
        assert!(queue.may_begin(now) && !queue.may_begin(now), "one after the other");
        assert!(queue.may_begin(now + SLOW), "the first may be hung");
        assert!(!queue.may_begin(now + 3 * SLOW), "no third");
        queue.running = 0;
        assert!(queue.may_begin(now + SLOW));
        queue.running = 0;
        queue.waiting.clear();
        assert!(!queue.may_begin(now), "for nobody");
    }

    #[test]
    fn a_batch_and_what_waits_for_it_are_bounded() {
        let now = Instant::now();
        let begin_by = now + Duration::from_secs(1);
        let sessions = || (0..=u8::MAX).map(|n| (n, 0));
        let (mut queue, mut answered) = waiting(sessions().cycle().take(QUEUE), begin_by);
        assert!(admit(&mut queue, 1, 0, begin_by).is_err());
        assert_eq!(next(&mut queue, now).len(), BATCH);
        answered.push(admit(&mut queue, 1, 0, begin_by).unwrap());
    }
}
