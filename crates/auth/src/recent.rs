//! The events of the last while, for verifiers that ask what they missed: no database is read for them.
//!
//! It covers a position when every live event after it is here. So what has expired may go without a loss, and of the
//! others the oldest go first. Who asks from before what is covered has missed more than an answer brings.

use std::collections::VecDeque;

use cloakroom_verify::feed::watermark::{Watermark, Worth};
use cloakroom_verify::{Event, Rv, Timestamp};

use crate::feed::Sync;

/// Events that are remembered at most: more than an answer to a verifier brings.
const AT_MOST: usize = 8_192;

/// What is known of the feed, up to a head.
#[derive(Debug)]
pub struct Recent {
    watermark: Watermark,
    floor: Rv,
    /// In the order of their numbers.
    events: VecDeque<Event>,
    /// Every live event after this is here.
    covered: Rv,
}

impl Default for Recent {
    fn default() -> Self {
        let (covered, floor) = (Rv::ZERO, Rv::ZERO);
        Self { watermark: Watermark::default(), floor, events: VecDeque::new(), covered }
    }
}

impl Recent {
    /// Up to where everything is known; `None`: nothing was ever read.
    pub const fn position(&self) -> Option<Rv> {
        self.watermark.position()
    }

    /// The least `rv` that survives `everything_before`.
    pub const fn floor(&self) -> Rv {
        self.floor
    }

    /// Takes in what was read from `asked`, once it is applied. Tells what it is worth and what nobody here knew before,
    /// in order: nothing where nothing at all was known.
    pub fn read(&mut self, asked: Option<Rv>, sync: &Sync, now: Timestamp) -> (Worth, Vec<Event>) {
        let before = self.position();
        let worth = self.watermark.answered(asked, sync.head, true);
        if worth != Worth::Credit {
            return (worth, Vec::new());
        }
        self.floor = self.floor.max(sync.floor);
        let another_epoch = before.is_none_or(|before| before.epoch() != sync.head.epoch());
        if another_epoch && self.position() == Some(sync.head) {
            // Every live event at all was read.
            self.events.clear();
            self.covered = Rv::ZERO;
        }
        let newest = self.events.back().map_or(self.covered, |event| event.rv);
        self.events.extend(sync.events.iter().filter(|event| event.rv > newest).cloned());
        self.forget(now);
        let news = |event: &&Event| before.is_some_and(|before| event.rv > before);
        (worth, sync.events.iter().filter(news).cloned().collect())
    }

    /// Takes in that everything up to `head` is known, by one who does not tell which events those were: nobody who lacks
    /// one of them can be told it from here.
    pub fn filled(&mut self, head: Rv, floor: Rv) {
        self.floor = self.floor.max(floor);
        if self.position() < Some(head) {
            self.watermark.filled(head);
            self.events.clear();
            self.covered = head;
        }
    }

    /// Every live event after `since`, or every live event at all where that is of another epoch; `None` where they are
    /// not all here, or more than `most`.
    pub fn after(&self, since: Option<Rv>, most: usize) -> Option<Vec<Event>> {
        let epoch = self.position()?.epoch();
        let since = since.filter(|since| since.epoch() == epoch).unwrap_or(Rv::ZERO);
        if since < self.covered {
            return None;
        }
        let first = self.events.partition_point(|event| event.rv <= since);
        (self.events.len() - first <= most).then(|| self.events.range(first..).cloned().collect())
    }

    fn forget(&mut self, now: Timestamp) {
        if self.events.len() <= AT_MOST {
            return;
        }
        self.events.retain(|event| event.keep_until >= now);
        while self.events.len() > AT_MOST
            && let Some(oldest) = self.events.pop_front()
        {
            self.covered = oldest.rv;
        }
    }
}

#[cfg(test)]
mod tests {
    use cloakroom_verify::{Revocation, SessionId};

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1000);

    fn event(epoch: u32, seq: u32) -> Event {
        let revocation = Revocation::SessionRevoked(SessionId::from_bytes([seq as u8; 16]));
        Event { rv: Rv::new(epoch, seq), revocation, keep_until: Timestamp::from_seconds(2000) }
    }

    fn sync(epoch: u32, numbers: std::ops::RangeInclusive<u32>) -> Sync {
        let head = Rv::new(epoch, *numbers.end());
        Sync { head, floor: Rv::ZERO, events: numbers.map(|seq| event(epoch, seq)).collect() }
    }

    fn numbers(events: Option<Vec<Event>>) -> Option<Vec<u32>> {
        Some(events?.iter().map(|event| event.rv.seq()).collect())
    }

    #[test]
    fn who_knows_something_is_told_the_rest_and_another_epoch_everything() {
        let mut recent = Recent::default();
        assert_eq!(recent.after(None, 10), None, "nothing was ever read");
        let (worth, news) = recent.read(None, &sync(7, 1..=3), NOW);
        assert_eq!((worth, news), (Worth::Credit, Vec::new()), "nobody can have missed these");
        let (_, news) = recent.read(Some(Rv::new(7, 3)), &sync(7, 4..=5), NOW);
        assert_eq!(numbers(Some(news)), Some(vec![4, 5]));
        assert_eq!(numbers(recent.after(Some(Rv::new(7, 3)), 10)), Some(vec![4, 5]));
        assert_eq!(numbers(recent.after(Some(Rv::new(7, 5)), 10)), Some(vec![]));
        for nobody in [None, Some(Rv::new(6, 4)), Some(Rv::new(8, 0))] {
            assert_eq!(numbers(recent.after(nobody, 10)), Some(vec![1, 2, 3, 4, 5]), "{nobody:?}");
        }
        assert_eq!(recent.after(None, 4), None, "more than an answer brings");
    }

    #[test]
    fn the_same_events_again_are_told_once() {
        let mut recent = Recent::default();
        let _ = recent.read(None, &sync(7, 1..=1), NOW);
        let _ = recent.read(Some(Rv::new(7, 1)), &sync(7, 2..=3), NOW);
        let (worth, news) = recent.read(Some(Rv::new(7, 1)), &sync(7, 2..=3), NOW);
        assert_eq!((worth, news), (Worth::Credit, Vec::new()));
        assert_eq!(numbers(recent.after(None, 10)), Some(vec![1, 2, 3]));
    }

    #[test]
    fn a_head_behind_what_is_known_vouches_for_nothing() {
        let mut recent = Recent::default();
        let _ = recent.read(None, &sync(7, 1..=3), NOW);
        let (worth, _) = recent.read(Some(Rv::new(7, 3)), &sync(7, 1..=2), NOW);
        assert_eq!(worth, Worth::Nothing);
        assert_eq!(recent.position(), Some(Rv::new(7, 3)));
    }

    #[test]
    fn a_new_epoch_takes_the_place_of_the_old_one() {
        let mut recent = Recent::default();
        let _ = recent.read(None, &sync(7, 1..=5), NOW);
        let (worth, news) = recent.read(Some(Rv::new(7, 5)), &sync(8, 1..=2), NOW);
        assert_eq!((worth, numbers(Some(news))), (Worth::Credit, Some(vec![1, 2])));
        assert_eq!(
            numbers(recent.after(Some(Rv::new(7, 5)), 10)),
            Some(vec![1, 2]),
            "everything that is live"
        );
    }

    #[test]
    fn what_a_snapshot_brought_is_told_by_a_snapshot_and_what_comes_then_is_told() {
        let mut recent = Recent::default();
        let _ = recent.read(None, &sync(7, 1..=3), NOW);
        recent.filled(Rv::new(7, 2), Rv::ZERO);
        assert_eq!(recent.after(None, 10).map(|events| events.len()), Some(3), "nothing new");
        recent.filled(Rv::new(7, 9), Rv::new(7, 8));
        assert_eq!((recent.position(), recent.floor()), (Some(Rv::new(7, 9)), Rv::new(7, 8)));
        assert_eq!(recent.after(Some(Rv::new(7, 8)), 10), None, "number 9 is not here");
        assert_eq!(recent.after(Some(Rv::new(7, 9)), 10), Some(vec![]));
        let (worth, news) = recent.read(Some(Rv::new(7, 9)), &sync(7, 5..=10), NOW);
        assert_eq!((worth, numbers(Some(news))), (Worth::Credit, Some(vec![10])));
        assert_eq!(numbers(recent.after(Some(Rv::new(7, 9)), 10)), Some(vec![10]));
    }

    #[test]
    fn who_asks_from_before_what_is_remembered_gets_no_part_of_it() {
        let mut recent = Recent::default();
        let many = u32::try_from(AT_MOST).unwrap() + 10;
        let _ = recent.read(None, &sync(7, 1..=many), NOW);
        assert_eq!(recent.after(None, usize::MAX), None);
        assert_eq!(recent.after(Some(Rv::new(7, 9)), usize::MAX), None);
        assert_eq!(recent.after(Some(Rv::new(7, 10)), usize::MAX).map(|events| events.len()), Some(AT_MOST));
        // What has expired is missed by nobody.
        let mut recent = Recent::default();
        let mut sync = sync(7, 1..=many);
        sync.events.iter_mut().take(100).for_each(|event| event.keep_until = Timestamp::from_seconds(999));
        let _ = recent.read(None, &sync, NOW);
        assert_eq!(recent.after(None, usize::MAX).map(|events| events.len()), Some(AT_MOST + 10 - 100));
    }
}
