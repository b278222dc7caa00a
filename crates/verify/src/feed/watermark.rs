//! How much of the feed is known without a gap, and when an answer proves that it is enough.
//!
//! Knowledge of revocations only grows, so order, repetition and delay cannot hurt it; only *completeness* matters. It
//! is proved by one question and its answer, and counts from the moment **before** the question was sent: everything
//! that was committed until then is at or below the head that the answer names. A message that nobody asked for
//! proves nothing, since nobody can tell how long it was on its way.

use crate::Rv;

/// Everything up to here is known. `None`: nothing was ever heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Watermark(Option<Rv>);

/// What an answer is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worth {
    /// With its events applied everything up to its head is known: the lease is credited.
    Credit,
    /// It tells that there is more than it brings: a snapshot does.
    NeedsSnapshot,
    /// It is of an older epoch, or its head lies behind what it was asked from: another life of the database, or a copy
    /// of it that lags. It vouches for nothing. Its events are applied all the same: they cannot hurt.
    Nothing,
}

impl Watermark {
    /// What to ask from.
    pub const fn position(self) -> Option<Rv> {
        self.0
    }

    /// Takes in an answer to a question that was asked from `asked`, once its events are applied. `complete`: it
    /// brought every live event after `asked`, or every live event at all where its epoch is another one.
    ///
    /// The watermark may have moved since the question was sent: another server answered, or the stream told.
    #[must_use = "only an answer of worth renews the lease"]
    pub fn answered(&mut self, asked: Option<Rv>, head: Rv, complete: bool) -> Worth {
        let known_epoch = self.0.map_or(0, Rv::epoch);
        if head.epoch() < known_epoch || asked.is_some_and(|asked| head < asked) {
            return Worth::Nothing;
        }
        if !complete {
            return Worth::NeedsSnapshot;
        }
        self.0 = self.0.max(Some(head));
        Worth::Credit
    }

    /// Takes in an event that was pushed, once it is applied. It moves the watermark where nothing lies between, and
    /// never proves anything.
    pub fn pushed(&mut self, rv: Rv) {
        if self.0.is_some_and(|known| known.epoch() == rv.epoch() && known.next() == rv) {
            self.0 = Some(rv);
        }
    }

    /// Takes in a snapshot that reaches `head`, once all of it is applied: it is added to what is known.
    pub fn filled(&mut self, head: Rv) {
        self.0 = self.0.max(Some(head));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seq: u32) -> Rv {
        Rv::new(5, seq)
    }

    fn known(seq: u32) -> Watermark {
        let mut watermark = Watermark::default();
        assert_eq!(watermark.answered(None, at(seq), true), Worth::Credit);
        watermark
    }

    #[test]
    fn a_complete_answer_counts_and_an_incomplete_one_asks_for_a_snapshot() {
        let mut watermark = known(3);
        assert_eq!(watermark.answered(Some(at(3)), at(9), false), Worth::NeedsSnapshot);
        assert_eq!(watermark.position(), Some(at(3)));
        watermark.filled(at(9));
        assert_eq!(watermark.answered(Some(at(9)), at(9), true), Worth::Credit);
    }

    #[test]
    fn a_head_behind_the_question_or_of_an_older_epoch_counts_for_nothing() {
        let mut watermark = known(7);
        assert_eq!(watermark.answered(Some(at(7)), at(6), true), Worth::Nothing);
        assert_eq!(watermark.answered(Some(at(7)), Rv::new(4, 900), true), Worth::Nothing);
        // Asked before the epoch began, answered after another server told of it.
        watermark.filled(Rv::new(6, 0));
        assert_eq!(watermark.answered(Some(at(7)), at(8), true), Worth::Nothing);
        assert_eq!(watermark.answered(None, at(8), true), Worth::Nothing);
        assert_eq!(watermark.position(), Some(Rv::new(6, 0)));
    }

    #[test]
    fn a_newer_epoch_is_taken_whole() {
        let mut watermark = known(7);
        assert_eq!(watermark.answered(Some(at(7)), Rv::new(6, 2), false), Worth::NeedsSnapshot);
        assert_eq!(watermark.answered(Some(at(7)), Rv::new(6, 2), true), Worth::Credit);
        assert_eq!(watermark.position(), Some(Rv::new(6, 2)));
    }

    #[test]
    fn an_answer_that_was_overtaken_still_counts_but_never_moves_back() {
        let mut watermark = known(3);
        watermark.pushed(at(4));
        watermark.pushed(at(5));
        assert_eq!(watermark.answered(Some(at(3)), at(4), true), Worth::Credit);
        assert_eq!(watermark.position(), Some(at(5)));
    }

    #[test]
    fn a_pushed_event_moves_it_only_where_nothing_lies_between() {
        let mut watermark = Watermark::default();
        watermark.pushed(at(1));
        assert_eq!(watermark.position(), None, "what came before is not known");
        let mut watermark = known(3);
        watermark.pushed(at(5));
        watermark.pushed(Rv::new(6, 0));
        assert_eq!(watermark.position(), Some(at(3)));
        watermark.pushed(at(4));
        assert_eq!(watermark.position(), Some(at(4)));
    }
}
