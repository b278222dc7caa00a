//! A check, read by read, with everything that can happen between its reads.

use cloakroom_verify::lease::Judgement;

use super::model::Feed;
use super::state::{Check, State};
use crate::feed::coverage::Seen;
use crate::feed::flaw::Flaw;
use crate::feed::invariant::Invariant;

/// What is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Fresh,
    Table,
    Clock,
}

impl Feed {
    /// A check begins with its first read.
    pub(super) fn begin_check(&self, state: &mut State, at: u8, of: u8) {
        state.check = Some(Check { at, of, fresh: None, dead: None, clock: false });
        self.go_on(state);
    }

    /// Its next read; the last one decides.
    pub(super) fn go_on(&self, state: &mut State) {
        let Some(mut check) = state.check else { return };
        let verifier = &state.verifiers[usize::from(check.at)];
        let read = |part: &Part| match part {
            Part::Fresh => check.fresh.is_some(),
            Part::Table => check.dead.is_some(),
            Part::Clock => check.clock,
        };
        let order = self.order();
        let next = order.iter().position(|part| !read(part)).unwrap_or(order.len() - 1);
        match order[next] {
            Part::Fresh => check.fresh = Some(verifier.fresh),
            Part::Table => {
                let kinds = self.scenario.revocations;
                check.dead = Some(self.real.kills(state, kinds, verifier.table, check.of));
            }
            Part::Clock => check.clock = true,
        }
        if next + 1 == order.len() {
            state.check = None;
            self.decide(state, check);
        } else {
            state.check = Some(check);
        }
    }

    /// The order that the real check has, and two that it must not have.
    fn order(&self) -> [Part; 3] {
        if self.scenario.has(Flaw::TableFirst) {
            [Part::Table, Part::Fresh, Part::Clock]
        } else if self.scenario.has(Flaw::ClockFirst) {
            [Part::Fresh, Part::Clock, Part::Table]
        } else {
            [Part::Fresh, Part::Table, Part::Clock]
        }
    }

    fn decide(&self, state: &mut State, check: Check) {
        let (fresh, dead) = (check.fresh.flatten(), check.dead.unwrap_or(false));
        let later = state.verifiers[usize::from(check.at)].fresh;
        let killing = (0..).zip(&state.commits).filter(|(by, _)| self.scenario.kills(*by, check.of.into()));
        let killing: Vec<_> = killing.filter_map(|(_, commit)| *commit).collect();
        match self.real.judge(fresh, later, dead) {
            Judgement::Live => {
                self.coverage.note(Seen::Accepted);
                if killing.iter().any(|commit| !commit.lost) {
                    self.coverage.note(Seen::AcceptedWithinTheBound);
                }
                if killing.iter().any(|commit| !commit.lost && commit.age >= self.scenario.bound) {
                    state.broken.note(Invariant::Bound);
                }
            }
            Judgement::Killed => {
                self.coverage.note(Seen::Killed);
                if killing.is_empty() {
                    state.broken.note(Invariant::HonestAccepted);
                }
            }
            // No route of this model is tolerant, and none remembers sessions.
            Judgement::Refill | Judgement::Tolerated | Judgement::Stale => {
                self.coverage.note(Seen::Stale);
                if fresh.is_some() {
                    state.broken.note(Invariant::HonestAccepted);
                }
            }
        }
    }
}
