//! Revocations that stand alone, and arrive while another batch of them is being written, share the next transaction:
//! one move of the head, one commit. What is handed over is data; nobody waits here while holding a transaction.
//!
//! Wishes about one row go one after the other, so a flood of them must not fill the batches of everybody: those that
//! say the same are done once, and of the others only a few may wait.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cloakroom_auth::session::EndReason;
use cloakroom_auth::store::{Changed, Ended, EndedAll, StoreError, Stored};
use cloakroom_verify::{Event, Revocation, SessionId, Timestamp, UserId};
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

use super::batch;
use super::pool::Pool;

/// Wishes that wait at most; beyond them the store is unavailable rather than slow without end.
const QUEUE: usize = 4096;
/// Different wishes with one target that wait at most.
const PER_TARGET: usize = 8;
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

    /// What the same wish gets right after this one: nothing is left to be done.
    fn again(&self) -> Self {
        match self {
            Self::Ended(Ended::Now(_) | Ended::Already) => Self::Ended(Ended::Already),
            Self::Ended(Ended::Unknown) => Self::Ended(Ended::Unknown),
            Self::EndedAll(ended) => Self::EndedAll(
                ended.as_ref().map(|EndedAll { event, .. }| EndedAll { sessions: 0, event: event.clone() }),
            ),
            Self::Changed(changed) => Self::Changed(
                changed.as_ref().map(|Changed { user, .. }| Changed { user: user.clone(), event: None }),
            ),
            Self::Event(event) => Self::Event(event.clone()),
        }
    }
}

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

/// What waits for its turn.
#[derive(Default)]
struct Queue {
    /// Whose turn it is, once for each wish.
    turns: VecDeque<Target>,
    waiting: HashMap<Target, VecDeque<Waiting>>,
    closed: bool,
}

/// A wish, and all who have it: as many as there are requests, and no bigger than they are.
struct Waiting {
    wish: Wish,
    answers: Vec<oneshot::Sender<Stored<Answer>>>,
}

impl Coalescer {
    /// Starts the task, which ends when this is dropped and everything is answered.
    pub(super) fn start(pool: Arc<Pool>) -> Self {
        // Until the batch before it is done, and its own.
        let patience = 2 * pool.address.patience();
        let shared = Arc::<Shared>::default();
        tokio::spawn(run(pool, Arc::clone(&shared)));
        Self { shared, patience }
    }

    /// Has it done. What its caller gave up before its turn is not done later.
    pub(super) async fn ask(&self, wish: Wish) -> Stored<Answer> {
        let answered = self.shared.lock().admit(wish)?;
        self.shared.changed.notify_one();
        match timeout(self.patience, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(StoreError::new("the task that writes revocations has ended")),
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

async fn run(pool: Arc<Pool>, shared: Arc<Shared>) {
    loop {
        let (batch, closed) = {
            let mut queue = shared.lock();
            (queue.take_batch(), queue.closed)
        };
        if !batch.is_empty() {
            write(&pool, batch).await;
        } else if closed {
            return;
        } else {
            shared.changed.notified().await;
        }
    }
}

impl Queue {
    fn admit(&mut self, wish: Wish) -> Stored<oneshot::Receiver<Stored<Answer>>> {
        let (answer, answered) = oneshot::channel();
        let target = wish.target();
        let same = self.waiting.get_mut(&target).map_or(&mut [][..], |waiting| waiting.make_contiguous());
        if let Some(same) = same.iter_mut().find(|waiting| waiting.wish.says_the_same_as(&wish)) {
            // Its turn has not come: whatever its row is by then, both ask for the same of it.
            same.answers.push(answer);
            return Ok(answered);
        }
        if same.len() >= PER_TARGET || self.turns.len() >= QUEUE {
            return Err(StoreError::new("too much is waiting for the database"));
        }
        self.turns.push_back(target.clone());
        self.waiting.entry(target).or_default().push_back(Waiting { wish, answers: vec![answer] });
        Ok(answered)
    }

    /// The next wishes that can share a transaction, in their order; the others stay.
    fn take_batch(&mut self) -> Vec<Waiting> {
        let (mut batch, mut stay, mut taken) = (Vec::<Waiting>::new(), VecDeque::new(), HashSet::new());
        for target in std::mem::take(&mut self.turns) {
            let alone = target == Target::Everything;
            let fits = stay.is_empty() || !alone;
            let shares =
                batch.first().is_none_or(|first| !alone && first.wish.target() != Target::Everything);
            if batch.len() >= BATCH || !fits || !shares || taken.contains(&target) {
                stay.push_back(target);
                continue;
            }
            let Some(mut next) = self.take_next(&target) else { continue };
            next.answers.retain(|answer| !answer.is_closed());
            // Nobody waits for it any more.
            if !next.answers.is_empty() {
                taken.insert(target);
                batch.push(next);
            }
        }
        self.turns = stay;
        batch
    }

    fn take_next(&mut self, target: &Target) -> Option<Waiting> {
        let waiting = self.waiting.get_mut(target)?;
        let next = waiting.pop_front();
        if waiting.is_empty() {
            self.waiting.remove(target);
        }
        next
    }
}

async fn write(pool: &Arc<Pool>, batch: Vec<Waiting>) {
    let (wishes, answers): (Vec<_>, Vec<_>) =
        batch.into_iter().map(|waiting| (waiting.wish, waiting.answers)).unzip();
    match batch::write(pool, &wishes).await {
        Ok(done) => done.into_iter().zip(answers).for_each(|(done, answers)| hand_out(Ok(done), answers)),
        // One of them does not go; the others must not suffer. Where the database itself is gone, none would go.
        Err(fault) if wishes.len() > 1 && fault.is_about_data() => {
            for (wish, answers) in wishes.iter().zip(answers) {
                let done = batch::write(pool, std::slice::from_ref(wish)).await;
                let done = done.map_err(|fault| fault.to_string());
                hand_out(done.and_then(|mut done| done.pop().ok_or_else(without_answer)), answers);
            }
        }
        Err(fault) => answers.into_iter().for_each(|answers| hand_out(Err(fault.to_string()), answers)),
    }
}

fn without_answer() -> String {
    String::from("a revocation without an answer")
}

/// The first who asked gets what was done, the others what is left to be done.
fn hand_out(done: Result<Answer, String>, answers: Vec<oneshot::Sender<Stored<Answer>>>) {
    let again = done.as_ref().map(Answer::again).map_err(Clone::clone);
    let mut done = Some(done);
    for answer in answers {
        let given = done.take().unwrap_or_else(|| again.as_ref().map(Answer::again).map_err(Clone::clone));
        // Nobody may be waiting any more.
        let _ = answer.send(given.map_err(StoreError::new));
    }
}

/// What a wish changes: two with one target go one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Target {
    Session(SessionId),
    User(UserId),
    Event(&'static str, Vec<u8>),
    /// Every row, so that none may be judged beside it.
    Everything,
}

impl Wish {
    fn target(&self) -> Target {
        match self {
            Self::End { session, .. } => Target::Session(*session),
            Self::EndAll { user, .. } | Self::Disable { user, .. } => Target::User(*user),
            Self::Append { revocation: Revocation::EverythingBefore, .. } => Target::Everything,
            Self::Append { revocation, .. } => {
                let (kind, key) = crate::words::kind_and_key(revocation);
                Target::Event(kind, key)
            }
        }
    }

    /// Whether it asks for the same, whenever it was asked.
    fn says_the_same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::End { session, owner, reason, now: _ },
                Self::End { session: of, owner: by, reason: why, now: _ },
            ) => (session, owner, reason) == (of, by, why),
            (
                Self::EndAll { user, keep, reason, now: _ },
                Self::EndAll { user: of, keep: but, reason: why, now: _ },
            ) => (user, keep, reason) == (of, but, why),
            (Self::Disable { user, now: _ }, Self::Disable { user: of, now: _ }) => user == of,
            (
                Self::Append { revocation, keep_at_least, now: _ },
                Self::Append { revocation: of, keep_at_least: until, now: _ },
            ) => (revocation, keep_at_least) == (of, until),
            (
                Self::End { .. } | Self::EndAll { .. } | Self::Disable { .. } | Self::Append { .. },
                Self::End { .. } | Self::EndAll { .. } | Self::Disable { .. } | Self::Append { .. },
            ) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Answered = Vec<oneshot::Receiver<Stored<Answer>>>;

    fn waiting(wishes: impl IntoIterator<Item = Wish>) -> (Queue, Answered) {
        let mut queue = Queue::default();
        let answered = wishes.into_iter().map(|wish| queue.admit(wish).unwrap()).collect();
        (queue, answered)
    }

    fn end(n: u8) -> Wish {
        end_because(n, EndReason::Logout)
    }

    fn end_because(n: u8, reason: EndReason) -> Wish {
        let now = Timestamp::from_seconds(1);
        Wish::End { session: SessionId::from_bytes([n; 16]), owner: None, reason, now }
    }

    fn end_but(n: u8) -> Wish {
        let (user, keep) = (UserId::from_bytes([1; 16]), Some(SessionId::from_bytes([n; 16])));
        Wish::EndAll { user, keep, reason: EndReason::EndedByUser, now: Timestamp::from_seconds(1) }
    }

    fn everything() -> Wish {
        let now = Timestamp::from_seconds(1);
        Wish::Append { revocation: Revocation::EverythingBefore, keep_at_least: None, now }
    }

    fn sizes(queue: &mut Queue) -> Vec<usize> {
        let mut sizes = Vec::new();
        while !queue.turns.is_empty() {
            sizes.push(queue.take_batch().len());
        }
        assert!(queue.waiting.is_empty(), "nothing is kept of what was done");
        sizes
    }

    #[test]
    fn what_changes_the_same_row_waits_for_the_next_batch() {
        let (mut queue, _answered) =
            waiting([end(1), end(2), end_because(1, EndReason::EndedByAdmin), end(3)]);
        assert_eq!(sizes(&mut queue), [3, 1]);
    }

    #[test]
    fn what_was_given_up_is_not_done_later() {
        let (mut queue, mut answered) = waiting([end(1), end(2), end(3)]);
        drop(answered.remove(1));
        let batch = queue.take_batch();
        let ends: Vec<_> = batch.iter().map(|waiting| waiting.wish.target()).collect();
        assert_eq!(ends, [end(1).target(), end(3).target()]);
        let (mut queue, mut answered) = waiting([end(1), end(1)]);
        drop(answered.remove(0));
        assert_eq!(queue.take_batch()[0].answers.len(), 1, "another one still waits for it");
    }

    #[test]
    fn nothing_is_judged_beside_the_end_of_everything() {
        let (mut queue, _answered) = waiting([end(1), everything(), end(2)]);
        assert_eq!(sizes(&mut queue), [2, 1]);
    }

    #[test]
    fn a_flood_about_one_row_keeps_nobody_else_out() {
        let (mut queue, mut answered) = waiting((0..8).map(end_but));
        assert!(queue.admit(end_but(8)).is_err(), "eight different ones wait already");
        // More of the same than may wait at all.
        answered.extend((0..2 * QUEUE).map(|_| queue.admit(end(1)).unwrap()));
        answered.push(queue.admit(end_but(0)).unwrap());
        answered.push(queue.admit(end(2)).unwrap());
        assert_eq!(sizes(&mut queue), [3, 1, 1, 1, 1, 1, 1, 1]);
    }

    #[test]
    fn of_those_who_wish_the_same_one_has_done_it_and_the_others_find_it_done() {
        let (mut queue, answered) = waiting([end(1), end(1), end(1)]);
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
