//! Wishes that wait for their turn. Those about one row go one after the other, so a flood of them must not fill the
//! batches of everybody: those that say the same are done once, and of the others only a few may wait.

use std::collections::{HashMap, HashSet, VecDeque};

use cloakroom_auth::store::{StoreError, Stored};
use tokio::sync::oneshot;

use super::wishes::{Answer, Target, Wish};

/// Wishes that wait at most; beyond them the store is unavailable rather than slow without end.
const QUEUE: usize = 4096;
/// Different wishes with one target that wait at most.
const PER_TARGET: usize = 8;
/// Wishes that share a transaction at most.
const BATCH: usize = 500;

/// What waits for its turn.
#[derive(Default)]
pub(super) struct Queue {
    /// Whose turn it is, once for each wish.
    turns: VecDeque<Target>,
    waiting: HashMap<Target, VecDeque<Waiting>>,
    pub(super) closed: bool,
}

/// A wish, and all who have it: as many as there are requests, and no bigger than they are.
pub(super) struct Waiting {
    pub(super) wish: Wish,
    pub(super) answers: Answers,
}

/// Those who are to be answered.
pub(super) type Answers = Vec<oneshot::Sender<Stored<Answer>>>;

impl Queue {
    pub(super) fn admit(&mut self, wish: Wish) -> Stored<oneshot::Receiver<Stored<Answer>>> {
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
    pub(super) fn take_batch(&mut self) -> Vec<Waiting> {
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

#[cfg(test)]
mod tests {
    use cloakroom_auth::session::EndReason;
    use cloakroom_verify::{Revocation, SessionId, Timestamp, UserId};

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

    /// One transaction has no place for an event of the same kind and key twice.
    #[test]
    fn an_end_and_the_same_event_alone_wait_for_each_other() {
        let now = Timestamp::from_seconds(1);
        let append = |revocation| Wish::Append { revocation, keep_at_least: None, now };
        let session = append(Revocation::SessionRevoked(SessionId::from_bytes([1; 16])));
        let user = append(Revocation::UserBefore(UserId::from_bytes([1; 16])));
        let (mut queue, _answered) = waiting([end(1), session, end_but(2), user, end(3)]);
        assert_eq!(sizes(&mut queue), [3, 2]);
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
}
