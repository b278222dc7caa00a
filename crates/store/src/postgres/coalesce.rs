//! Revocations that stand alone, and arrive while another batch of them is being written, share the next transaction:
//! one move of the head, one commit. What is handed over is data; nobody waits here while holding a transaction.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use cloakroom_auth::session::EndReason;
use cloakroom_auth::store::{Changed, Ended, EndedAll, StoreError, Stored};
use cloakroom_verify::{Event, Revocation, SessionId, Timestamp, UserId};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::batch;
use super::pool::Pool;

/// Wishes that wait at most; beyond them the store is unavailable rather than slow without end.
const QUEUE: usize = 4096;
/// Wishes that share a transaction at most.
const BATCH: usize = 500;

/// A revocation that stands alone.
#[derive(Debug, Clone)]
pub(super) enum Wish {
    /// End a session (of `owner`, if given).
    End { session: SessionId, owner: Option<UserId>, reason: EndReason, now: Timestamp },
    /// End every login of a user but one.
    EndAll { user: UserId, keep: Option<SessionId>, reason: EndReason, now: Timestamp },
    /// Disable an account.
    Disable { user: UserId, now: Timestamp },
    /// Append an event that changes no row.
    Append { revocation: Revocation, keep_at_least: Option<Timestamp>, now: Timestamp },
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Answer {
    Ended(Ended),
    EndedAll(Option<EndedAll>),
    Changed(Option<Changed>),
    Event(Event),
}

impl Answer {
    /// Wish and answer are matched by the batch; here the types cannot tell.
    pub(super) fn of_another_wish(self) -> StoreError {
        StoreError::new(format!("a revocation got the answer of another: {self:?}"))
    }
}

/// Hands wishes to the one task that writes them.
pub(super) struct Coalescer {
    wishes: mpsc::Sender<Waiting>,
    patience: Duration,
}

struct Waiting {
    wish: Wish,
    answer: oneshot::Sender<Stored<Answer>>,
}

impl Coalescer {
    /// Starts the task, which ends when this is dropped and everything is answered.
    pub(super) fn start(pool: Arc<Pool>) -> Self {
        // Until the batch before it is done, and its own.
        let patience = 2 * pool.address.patience();
        let (wishes, waiting) = mpsc::channel(QUEUE);
        tokio::spawn(run(pool, waiting));
        Self { wishes, patience }
    }

    /// Has it done. What its caller gave up before its turn is not done later.
    pub(super) async fn ask(&self, wish: Wish) -> Stored<Answer> {
        let (answer, answered) = oneshot::channel();
        self.wishes
            .try_send(Waiting { wish, answer })
            .map_err(|_| StoreError::new("too much is waiting for the database"))?;
        match timeout(self.patience, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(StoreError::new("the task that writes revocations has ended")),
            Err(_) => Err(StoreError::new("the database does not answer")),
        }
    }
}

async fn run(pool: Arc<Pool>, mut waiting: mpsc::Receiver<Waiting>) {
    let mut queue = VecDeque::new();
    loop {
        if queue.is_empty() {
            match waiting.recv().await {
                Some(first) => queue.push_back(first),
                None => return,
            }
        }
        while queue.len() < QUEUE
            && let Ok(next) = waiting.try_recv()
        {
            queue.push_back(next);
        }
        let batch = take_batch(&mut queue);
        if !batch.is_empty() {
            write(&pool, batch).await;
        }
    }
}

/// The next wishes that can share a transaction, in their order; the others stay.
fn take_batch(queue: &mut VecDeque<Waiting>) -> Vec<Waiting> {
    let (mut batch, mut stay, mut targets) = (Vec::new(), VecDeque::new(), HashSet::new());
    for waiting in queue.drain(..).filter(|waiting| !waiting.answer.is_closed()) {
        let alone = waiting.wish.is_about_everything();
        let fits = stay.is_empty() || !alone;
        let shares = batch.first().is_none_or(|first: &Waiting| !alone && !first.wish.is_about_everything());
        if batch.len() < BATCH && fits && shares && targets.insert(waiting.wish.target()) {
            batch.push(waiting);
        } else {
            stay.push_back(waiting);
        }
    }
    *queue = stay;
    batch
}

async fn write(pool: &Arc<Pool>, batch: Vec<Waiting>) {
    let (wishes, answers): (Vec<_>, Vec<_>) =
        batch.into_iter().map(|waiting| (waiting.wish, waiting.answer)).unzip();
    match batch::write(pool, &wishes).await {
        Ok(done) => {
            for (done, answer) in done.into_iter().zip(answers) {
                // Nobody may be waiting any more.
                let _ = answer.send(Ok(done));
            }
        }
        // One of them does not go; the others must not suffer. Where the database itself is gone, none would go.
        Err(fault) if wishes.len() > 1 && fault.is_about_data() => {
            for (wish, answer) in wishes.iter().zip(answers) {
                let done = batch::write(pool, std::slice::from_ref(wish)).await;
                let done = done.map_err(StoreError::new).and_then(|mut done| {
                    done.pop().ok_or_else(|| StoreError::new("a revocation without an answer"))
                });
                let _ = answer.send(done);
            }
        }
        Err(fault) => {
            for answer in answers {
                let _ = answer.send(Err(StoreError::new(fault.to_string())));
            }
        }
    }
}

/// What a wish changes: two with one target go one after the other.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Target {
    Session(SessionId),
    User(UserId),
    Event(&'static str, Vec<u8>),
}

impl Wish {
    fn target(&self) -> Target {
        match self {
            Self::End { session, .. } => Target::Session(*session),
            Self::EndAll { user, .. } | Self::Disable { user, .. } => Target::User(*user),
            Self::Append { revocation, .. } => {
                let (kind, key) = crate::words::kind_and_key(revocation);
                Target::Event(kind, key)
            }
        }
    }

    /// Whether it decides about every row, so that no row may be judged beside it.
    fn is_about_everything(&self) -> bool {
        match self {
            Self::Append { revocation, .. } => *revocation == Revocation::EverythingBefore,
            Self::End { .. } | Self::EndAll { .. } | Self::Disable { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Answered = Vec<oneshot::Receiver<Stored<Answer>>>;

    fn waiting(wishes: impl IntoIterator<Item = Wish>) -> (VecDeque<Waiting>, Answered) {
        let wait = |wish| {
            let (answer, answered) = oneshot::channel();
            (Waiting { wish, answer }, answered)
        };
        wishes.into_iter().map(wait).unzip()
    }

    fn end(n: u8) -> Wish {
        let now = Timestamp::from_seconds(1);
        Wish::End { session: SessionId::from_bytes([n; 16]), owner: None, reason: EndReason::Logout, now }
    }

    fn everything() -> Wish {
        let now = Timestamp::from_seconds(1);
        Wish::Append { revocation: Revocation::EverythingBefore, keep_at_least: None, now }
    }

    #[test]
    fn what_changes_the_same_row_waits_for_the_next_batch() {
        let (mut queue, _answered) = waiting([end(1), end(2), end(1), end(3)]);
        let sizes: Vec<_> = std::iter::from_fn(|| Some(take_batch(&mut queue).len())).take(3).collect();
        assert_eq!(sizes, [3, 1, 0]);
    }

    #[test]
    fn what_was_given_up_is_not_done_later() {
        let (mut queue, mut answered) = waiting([end(1), end(2), end(3)]);
        drop(answered.remove(1));
        let batch = take_batch(&mut queue);
        let ends: Vec<_> = batch.iter().map(|waiting| waiting.wish.target()).collect();
        assert_eq!(ends, [end(1).target(), end(3).target()]);
    }

    #[test]
    fn nothing_is_judged_beside_the_end_of_everything() {
        let (mut queue, _answered) = waiting([end(1), everything(), end(2), everything()]);
        let sizes: Vec<_> = std::iter::from_fn(|| Some(take_batch(&mut queue).len())).take(4).collect();
        assert_eq!(sizes, [2, 1, 1, 0]);
    }
}
