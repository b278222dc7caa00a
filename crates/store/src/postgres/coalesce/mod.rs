//! Revocations that stand alone, and arrive while another batch of them is being written, share the next transaction:
//! one move of the head, one commit. What is handed over is data; nobody waits here while holding a transaction.
//!
//! * `wishes`: what is handed over; `queue`: in which order it is done

mod queue;
mod wishes;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cloakroom_auth::store::{StoreError, Stored};
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

use queue::{Answers, Queue, Waiting};
pub(super) use wishes::{Answer, Wish};

use super::batch;
use super::pool::Pool;

/// Hands wishes to the one task that writes them.
pub(super) struct Coalescer {
    shared: Arc<Shared>,
    patience: Duration,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Notify,
}

impl Coalescer {
    /// Starts the task, which ends when this is dropped and everything is answered.
    pub(super) fn start(pool: Arc<Pool>) -> Self {
        // Until the batch before it is done, and its own.
        let patience = 2 * pool.address.patience();
        let shared = Arc::<Shared>::default();
        tokio::spawn(run(Arc::clone(&shared), move |batch| {
            let pool = Arc::clone(&pool);
            async move { write(&pool, batch).await }
        }));
        Self { shared, patience }
    }

    /// Has it done. What its caller gave up before its turn is not done later.
    pub(super) async fn ask(&self, wish: Wish) -> Stored<Answer> {
        let answered = self.shared.lock().admit(wish)?;
        self.shared.changed.notify_one();
        match timeout(self.patience, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(StoreError::new("not begun, or broken off: see what failed before")),
            Err(_) => Err(StoreError::new("the database does not answer")),
        }
    }
}

impl Drop for Coalescer {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Every change leaves the queue whole.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn run<W: Future<Output = ()> + Send + 'static>(
    shared: Arc<Shared>,
    write: impl Fn(Vec<Waiting>) -> W,
) {
    loop {
        let (batch, closed) = {
            let mut queue = shared.lock();
            (queue.take_batch(), queue.closed)
        };
        if !batch.is_empty() {
            // A task of its own: a panic is the end of this batch, and of no other.
            let _ = tokio::spawn(write(batch)).await;
        } else if closed {
            return;
        } else {
            shared.changed.notified().await;
        }
    }
}

async fn write(pool: &Arc<Pool>, batch: Vec<Waiting>) {
    let (wishes, answers): (Vec<_>, Vec<_>) =
        batch.into_iter().map(|waiting| (waiting.wish, waiting.answers)).unzip();
    match batch::write(pool, &wishes).await {
        Ok(done) => done.into_iter().zip(answers).for_each(|(done, answers)| hand_out(Ok(done), answers)),
        // One of them does not go; the others must not suffer.
        Err(fault) if wishes.len() > 1 && fault.is_about_data() => {
            one_by_one(pool, wishes.into_iter().zip(answers)).await;
        }
        Err(fault) => answers.into_iter().for_each(|answers| hand_out(Err(fault.to_string()), answers)),
    }
}

/// Where the database itself is gone, none of them goes; and nothing is done late that nobody waits for any more.
async fn one_by_one(pool: &Arc<Pool>, batch: impl Iterator<Item = (Wish, Answers)>) {
    for (wish, answers) in batch {
        if answers.iter().all(oneshot::Sender::is_closed) {
            continue;
        }
        let done = batch::write(pool, &[wish]).await;
        let is_gone = done.as_ref().is_err_and(|fault| !fault.is_about_data());
        let done = done.map_err(|fault| fault.to_string());
        hand_out(done.and_then(|mut done| done.pop().ok_or_else(without_answer)), answers);
        if is_gone {
            // Dropped, and so told.
            return;
        }
    }
}

fn without_answer() -> String {
    String::from("a revocation without an answer")
}

/// The first who asked gets what was done, the others what is left to be done.
fn hand_out(done: Result<Answer, String>, answers: Answers) {
    let again = done.as_ref().map(Answer::again).map_err(Clone::clone);
    let mut done = Some(done);
    for answer in answers {
        let given = done.take().unwrap_or_else(|| again.as_ref().map(Answer::again).map_err(Clone::clone));
        // Nobody may be waiting any more.
        let _ = answer.send(given.map_err(StoreError::new));
    }
}

#[cfg(test)]
mod tests {
    use cloakroom_auth::session::EndReason;
    use cloakroom_auth::store::Ended;
    use cloakroom_verify::{Event, Revocation, SessionId, Timestamp};

    use super::super::address::Address;
    use super::*;

    #[tokio::test]
    async fn a_batch_that_panics_is_told_so_and_the_next_is_written() {
        let shared = Arc::<Shared>::default();
        let (session, now) = (SessionId::from_bytes([1; 16]), Timestamp::from_seconds(1));
        let wish = |reason| Wish::End { session, owner: None, reason, now };
        let [first, second] = [EndReason::Logout, EndReason::EndedByAdmin]
            .map(|reason| shared.lock().admit(wish(reason)).unwrap());
        shared.lock().closed = true;
        run(shared, |batch| async move {
            for Waiting { wish, answers } in batch {
                assert!(!matches!(wish, Wish::End { reason: EndReason::Logout, .. }), "as the test wants it");
                hand_out(Ok(Answer::Ended(Ended::Unknown)), answers);
            }
        })
        .await;
        assert!(first.await.is_err());
        assert!(matches!(second.await.unwrap().unwrap(), Answer::Ended(Ended::Unknown)));
    }

    /// Each would cost its own bound, and everybody behind the batch waits for the end of it.
    #[tokio::test]
    async fn of_those_that_are_tried_alone_none_is_begun_for_nobody_or_where_the_database_is_gone() {
        let nobody_there = Address::parse("postgres://u:secret@127.0.0.1:1/x").unwrap();
        let pool = Arc::new(Pool::new(nobody_there).unwrap());
        let mut queue = Queue::default();
        let end = |n| {
            let (session, now) = (SessionId::from_bytes([n; 16]), Timestamp::from_seconds(1));
            Wish::End { session, owner: None, reason: EndReason::Logout, now }
        };
        let mut answered: Vec<_> = (0..3).map(|n| queue.admit(end(n)).unwrap()).collect();
        let batch = queue.take_batch();
        answered.remove(0);
        one_by_one(&pool, batch.into_iter().map(|waiting| (waiting.wish, waiting.answers))).await;
        assert!(answered[0].try_recv().unwrap().is_err(), "he is told by the database that is not there");
        assert!(answered[1].try_recv().is_err(), "he is told by the end of the batch");
    }

    #[test]
    fn of_those_who_wish_the_same_one_has_done_it_and_the_others_find_it_done() {
        let mut queue = Queue::default();
        let (session, now) = (SessionId::from_bytes([1; 16]), Timestamp::from_seconds(1));
        let end = Wish::End { session, owner: None, reason: EndReason::Logout, now };
        let answered: Vec<_> = (0..3).map(|_| queue.admit(end.clone()).unwrap()).collect();
        let rv = cloakroom_verify::Rv::new(1, 1);
        let revocation = Revocation::SessionRevoked(SessionId::from_bytes([1; 16]));
        let event = Event { rv, revocation, keep_until: Timestamp::from_seconds(1) };
        for Waiting { answers, .. } in queue.take_batch() {
            hand_out(Ok(Answer::Ended(Ended::Now(event.clone()))), answers);
        }
        let told = answered.into_iter().map(|mut answer| answer.try_recv().unwrap().unwrap());
        let told: Vec<_> = told
            .map(|answer| match answer {
                Answer::Ended(Ended::Now(told)) => Some(told),
                Answer::Ended(Ended::Already) => None,
                other @ (Answer::Ended(Ended::Unknown)
                | Answer::EndedAll(_)
                | Answer::Changed(_)
                | Answer::Event(_)) => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(told, [Some(event), None, None]);
    }
}
