//! What a verifier does with what it hears, step by step: events, then the watermark, then the lease.

use cloakroom_verify::feed::watermark::Worth;

use super::model::Feed;
use super::real;
use super::state::{Answer, Question, Server, Stage, State};
use crate::feed::coverage::Seen;
use crate::feed::flaw::Flaw;

impl Feed {
    /// It asks, and remembers when.
    pub(super) fn ask(&self, state: &mut State, from: u8, to: Server) {
        let since = self.since(state, from.into());
        state.questions.insert(Question { from, to, sent: 0, since });
    }

    /// An answer arrives, and its events are applied whatever it is worth: they cannot hurt.
    pub(super) fn receive(&self, state: &mut State, mut answer: Answer) {
        if !self.scenario.repeats {
            state.answers.remove(&answer);
        }
        if answer.unasked || self.scenario.has(Flaw::ReceiptTime) {
            answer.proves = 0;
        }
        if self.scenario.has(Flaw::NonceUnchecked) {
            let asked = state.questions.iter().filter(|question| question.from == answer.to);
            answer.proves = asked.map(|question| question.sent).chain([answer.proves]).min().unwrap_or(0);
        }
        answer.unasked = false;
        let verifier = &mut state.verifiers[usize::from(answer.to)];
        if answer.complete && verifier.watermark.is_some_and(|known| answer.since < Some(known)) {
            self.coverage.note(Seen::Overtaken);
        }
        if !self.scenario.has(Flaw::CreditedFirst) {
            verifier.table |= answer.brings;
        }
        verifier.taking.insert((answer, Stage::Judge));
    }

    /// What it is worth, as the real watermark says; then the lease is credited.
    pub(super) fn proceed(&self, state: &mut State, answer: Answer, stage: Stage) {
        let verifier = &mut state.verifiers[usize::from(answer.to)];
        verifier.taking.remove(&(answer, stage));
        match stage {
            Stage::Judge => {
                let before = verifier.watermark;
                let (worth, watermark) = real::answered(before, &answer);
                verifier.watermark = watermark;
                let next = match worth {
                    Worth::Credit => Some(Stage::Credit),
                    Worth::NeedsSnapshot if self.scenario.has(Flaw::CreditedUnfilled) => Some(Stage::Credit),
                    Worth::NeedsSnapshot => Some(Stage::Fill),
                    Worth::Nothing => {
                        let older = answer.head.epoch() < before.map_or(0, |known| known.epoch());
                        let seen = if older { Seen::OlderEpoch } else { Seen::HeadBehind };
                        let flaw = if older { Flaw::OlderEpochCredited } else { Flaw::HeadBehindCredited };
                        self.coverage.note(seen);
                        self.scenario.has(flaw).then_some(Stage::Credit)
                    }
                };
                if let Some(next) = next {
                    verifier.taking.insert((answer, next));
                }
            }
            Stage::Credit => {
                verifier.fresh = self.real.credit(verifier.fresh, answer.proves);
                if self.scenario.has(Flaw::CreditedFirst) {
                    verifier.taking.insert((answer, Stage::Apply));
                }
            }
            Stage::Apply => verifier.table |= answer.brings,
            Stage::Fill => {}
        }
    }

    /// A snapshot is added, and the answer that told of more is judged again: it counts where the snapshot reaches it.
    pub(super) fn fill(&self, state: &mut State, answer: Answer, from: Server, grouped: bool) {
        let read = match from {
            Server::Node(node) if grouped => state.nodes[usize::from(node)].grouped,
            Server::Node(node) => self.read(state, node.into()),
            Server::Relay(relay) => self.known_to(state, relay.into()),
        };
        let Some(read) = read else { return };
        let verifier = &mut state.verifiers[usize::from(answer.to)];
        verifier.taking.remove(&(answer, Stage::Fill));
        if self.scenario.has(Flaw::SnapshotReplaces) {
            verifier.table = read.holds;
        } else {
            verifier.table |= read.holds;
        }
        verifier.watermark = real::filled(verifier.watermark, read.head);
        let complete = verifier.watermark >= Some(answer.head);
        self.coverage.note(if complete { Seen::Filled } else { Seen::FilledTooLittle });
        verifier.taking.insert((Answer { complete, ..answer }, Stage::Judge));
    }

    /// An event is pushed.
    pub(super) fn push(&self, state: &mut State, to: usize, event: usize) {
        let Some(commit) = state.commits[event] else { return };
        let verifier = &mut state.verifiers[to];
        let watermark = real::pushed(verifier.watermark, commit.rv);
        if watermark == verifier.watermark {
            self.coverage.note(Seen::PushedOutOfOrder);
        } else {
            self.coverage.note(Seen::PushedInOrder);
        }
        verifier.table |= 1 << event;
        verifier.watermark = watermark;
    }

    /// Whether it may ask once more.
    pub(super) fn may_ask(&self, state: &State, verifier: u8) -> bool {
        let asked = state.questions.iter().filter(|question| question.from == verifier).count();
        let answered = state.answers.iter().filter(|answer| answer.to == verifier).count();
        let arrived = state.nodes.iter().map(|node| {
            let arrived = node.arrived.iter().filter(|question| question.from == verifier).count();
            arrived + node.unsent.iter().filter(|answer| answer.to == verifier).count()
        });
        let taking = state.verifiers[usize::from(verifier)].taking.len();
        asked + answered + arrived.sum::<usize>() + taking < self.scenario.under_way
    }
}
