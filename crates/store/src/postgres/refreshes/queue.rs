//! Refreshes that wait for their turn: one of each session in a batch.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use cloakroom_auth::refresh::Ask;
use cloakroom_auth::store::{Rotation, StoreError, Stored};
use cloakroom_verify::SessionId;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::super::fault::Fault;

/// Refreshes that wait at most; beyond them the store is unavailable rather than slow without end. Of one session there
/// are as many as its gate lets through.
const QUEUE: usize = 4096;
/// Refreshes that share a transaction at most.
const BATCH: usize = 256;
/// Transactions under way at most: one, and another where that one is [slow](SLOW), since its connection may be hung.
const BATCHES: usize = 2;
const SLOW: Duration = Duration::from_secs(2);

/// What waits, and what is under way.
#[derive(Default)]
pub(super) struct Queue {
    pub(super) waiting: VecDeque<Waiting>,
    /// Batches under way, and when the last one began.
    pub(super) running: usize,
    began: Option<Instant>,
}

/// A refresh that waits.
pub(super) struct Waiting {
    pub(super) ask: Ask,
    /// When its batch has to begin: whoever asked is told in time, and never that it is not done while it still may be.
    pub(super) begin_by: Instant,
    pub(super) answer: oneshot::Sender<Stored<Rotation>>,
}

impl Queue {
    /// Whether a batch is to begin, which it does then.
    pub(super) fn may_begin(&mut self, now: Instant) -> bool {
        let is_slow = self.began.is_some_and(|began| now >= began + SLOW);
        let may = self.running == 0 || self.running < BATCHES && is_slow;
        if self.waiting.is_empty() || !may {
            return false;
        }
        self.running += 1;
        self.began = Some(now);
        true
    }

    pub(super) fn admit(
        &mut self,
        ask: Ask,
        begin_by: Instant,
    ) -> Stored<oneshot::Receiver<Stored<Rotation>>> {
        if self.waiting.len() >= QUEUE {
            return Err(StoreError::new("too much is waiting for the database"));
        }
        let (answer, answered) = oneshot::channel();
        self.waiting.push_back(Waiting { ask, begin_by, answer });
        Ok(answered)
    }

    /// The next that can share a transaction, in their order: one of each session, so that the next one of it reads what
    /// this one wrote.
    pub(super) fn take_batch(&mut self, now: Instant) -> Vec<Waiting> {
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
pub(super) mod tests {
    use cloakroom_verify::{OpaqueKind, Timestamp};

    use super::*;

    pub(in crate::postgres::refreshes) type Answered = Vec<oneshot::Receiver<Stored<Rotation>>>;

    /// Who they are by session and generation.
    pub(in crate::postgres::refreshes) fn waiting(
        asks: impl IntoIterator<Item = (u8, u32)>,
        begin_by: Instant,
    ) -> (Queue, Answered) {
        let mut queue = Queue::default();
        let answered =
            asks.into_iter().map(|(n, generation)| admit(&mut queue, n, generation, begin_by).unwrap());
        let answered = answered.collect();
        (queue, answered)
    }

    pub(in crate::postgres::refreshes) fn admit(
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
