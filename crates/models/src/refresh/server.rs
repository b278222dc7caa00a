//! How a server judges a request and writes what it decided; and what of it breaks an invariant.

use cloakroom_auth::refresh::{Decision, REMEMBERED};

use super::invariant::Invariant;
use super::model::Refresh;
use super::real::{Facts, Presented};
use super::rule::{self, Flaw, Rule};
use super::state::{Answer, Attempt, Party, Request, Row, Says, SpentBy, State};
use super::transaction::Awaited;

/// What a server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// An access token, and the refresh token of this generation.
    Granted {
        /// The `rv` that the access token is stamped with.
        stamp: u8,
        /// The generation.
        child: u8,
    },
    /// `invalid_grant`.
    Refused,
}

impl Refresh {
    /// On a store with one writer: head, row and user are read, judged and written in one step.
    pub(super) fn serve(&self, state: &mut State, request: Request, behind: bool) {
        let began_dead = state.dead_for(request.generation);
        let outcome = self.judge_and_write(state, request, behind);
        self.answer(state, request, outcome, began_dead, Awaited::Yes);
    }

    /// A forgery. The mac comes first: unless a flaw forgets that, nothing is read under a lock, nor written.
    pub(super) fn forged(&self, state: &mut State, request: Request) {
        if self.scenario.flaw == Some(Flaw::MacAfterWrite) && request.generation < self.scenario.generations {
            self.judge_and_write(state, request, false);
        }
    }

    fn judge_and_write(&self, state: &mut State, request: Request, behind: bool) -> Outcome {
        let behind = if behind { self.scenario.skew } else { 0 };
        let presented = Presented { behind, ..self.presented(request) };
        let facts = Facts::of(state);
        let decision = self.decide(&facts, presented);
        self.write(state, &facts, presented, decision)
    }

    /// Judges by what was read.
    pub(super) fn decide(&self, facts: &Facts, presented: Presented) -> Decision {
        let Refresh { scenario, real, .. } = self;
        rule::decide(scenario.rule, scenario.flaw, real, &facts.row, facts.seen, presented)
    }

    /// Writes what was decided by these facts.
    pub(super) fn write(
        &self,
        state: &mut State,
        facts: &Facts,
        presented: Presented,
        decision: Decision,
    ) -> Outcome {
        self.coverage.note(decision);
        let before = state.clone();
        let written = match decision {
            Decision::Rotate { .. } => {
                self.rotate(state, facts, presented);
                Some(state.row.clone())
            }
            Decision::Same { reason } => {
                let row = self.real.answer_again(&facts.row, reason);
                if row != facts.row {
                    state.row.clone_from(&row);
                }
                Some(row)
            }
            Decision::Refuse(_) => None,
            Decision::Revoke => {
                self.revoke(&before, state, presented);
                None
            }
        };
        self.watch(&before, state, presented, written.is_some());
        let Some(row) = written else { return Outcome::Refused };
        if row.generation != state.row.generation {
            state.broken.note(Invariant::OneLineage);
        }
        let late = self.scenario.flaw == Some(Flaw::HeadReadLate);
        let head = if late { state.feed.head } else { facts.seen.head };
        Outcome::Granted { stamp: head.max(row.rv), child: row.generation }
    }

    fn rotate(&self, state: &mut State, facts: &Facts, presented: Presented) {
        let request = presented.request;
        if request.generation != state.row.generation {
            state.broken.note(Invariant::OneLineage);
        }
        // Which no refresh writes.
        let revoked = state.row.revoked;
        state.row = Row { revoked, ..self.real.rotate(&facts.row, facts.seen, presented) };
        if self.scenario.flaw == Some(Flaw::StrikesReset) {
            state.row.strikes = 0;
        }
        let age = presented.asked;
        state.history.push(SpentBy { party: request.party, attempt: request.attempt, age });
        if usize::from(state.row.generation) != state.history.len() {
            state.broken.note(Invariant::OneLineage);
        }
    }

    fn revoke(&self, before: &State, state: &mut State, presented: Presented) {
        let Presented { request, asked, .. } = presented;
        if self.scenario.flaw == Some(Flaw::RevokedLater) {
            state.owed_revocation = true;
        } else {
            state.end_session();
        }
        if self.is_honest(before) {
            state.broken.note(Invariant::HonestSafe);
        }
        let spent = before.history.get(usize::from(request.generation));
        let remembered = usize::from(before.row.generation - request.generation) <= REMEMBERED;
        let within =
            |spent: &SpentBy| spent.age.saturating_sub(asked) + self.scenario.skew <= self.scenario.grace;
        if spent.is_some_and(within) && remembered {
            state.broken.note(Invariant::StragglerSafe);
        }
    }

    /// Whether nobody but an honest client, within what it is promised, ever presented a token that counts: since a new
    /// password nothing that was copied before does.
    pub(super) fn is_honest(&self, state: &State) -> bool {
        let promised = self.scenario.attempts
            || self.scenario.rule != Rule::Attempt
            || state.client.losses <= self.scenario.lives;
        // A thief without the key must not be able to harm its owner either.
        (state.thief.known >> state.true_floor == 0 || self.scenario.bound()) && promised
    }

    /// What R3 says about two parties that present one generation. What counts is when they asked: whoever waited for
    /// the row is judged by that, as an honest tab has to be.
    fn watch(&self, before: &State, state: &mut State, presented: Presented, granted: bool) {
        let scenario = &self.scenario;
        let Presented { request, asked, .. } = presented;
        if granted && request.party == Party::Thief && scenario.bound() {
            state.broken.note(Invariant::KeyNeeded);
        }
        let spent = before.history.get(usize::from(request.generation));
        let late = |spent: &&SpentBy| spent.age.saturating_sub(asked) > scenario.grace + scenario.skew;
        let Some(spent) = spent.filter(late) else { return };
        if request.party == Party::Thief && request.attempt == Some(Attempt::OfClient) && granted {
            let child = state.row.generation;
            if *state.thief.shared_child.get_or_insert(child) != child {
                state.broken.note(Invariant::CopiedAttemptSharesOnce);
            }
        }
        let same_attempt = request.attempt.is_some() && request.attempt == spent.attempt;
        let one_party = spent.party == request.party;
        let ended = state.row.revoked.is_some() || before.dead_for(request.generation);
        let thief_has_some = granted || spent.party == Party::Thief;
        if same_attempt || one_party || ended || !thief_has_some {
            return;
        }
        let keyed = before.history.iter().any(|spent| spent.attempt.is_some()) || request.attempt.is_some();
        if granted && scenario.rule == Rule::Attempt && !keyed && state.thief.shared < scenario.lives {
            state.thief.shared += 1;
        } else {
            state.broken.note(Invariant::TheftCaught);
        }
    }

    pub(super) fn answer(
        &self,
        state: &mut State,
        request: Request,
        outcome: Outcome,
        began_dead: bool,
        awaited: Awaited,
    ) {
        let dead_by_now = state.killed || request.generation < state.true_floor;
        let says = match outcome {
            Outcome::Granted { stamp, child } => {
                if began_dead {
                    state.broken.note(Invariant::NothingAfterTheEnd);
                } else if dead_by_now && self.real.usable(state.feed, stamp) {
                    state.broken.note(Invariant::DeadAtBirth);
                }
                Says::Granted(child)
            }
            Outcome::Refused => {
                Says::Refused { ended_otherwise: state.dead_for(request.generation), store_failed: false }
            }
        };
        let answer = Answer { to: request.generation, says };
        match (request.party, says) {
            (Party::Client, _) => match awaited {
                Awaited::Yes => {
                    state.answers.insert(answer);
                }
                Awaited::GivenUp | Awaited::Disowned => {}
            },
            (Party::Thief, Says::Granted(child)) => state.thief.known |= 1 << child,
            (Party::Thief, Says::Refused { .. }) => {}
        }
    }

    /// An answer that the client never hears counts against what it is promised, unless it sends attempts.
    pub(super) fn count_loss(&self, state: &mut State) {
        if !self.scenario.attempts {
            state.client.losses = (state.client.losses + 1).min(self.scenario.lives + 1);
        }
    }

    pub(super) fn presented(&self, request: Request) -> Presented {
        Presented {
            request,
            proved: self.scenario.bound() && request.party == Party::Client,
            asked: 0,
            behind: 0,
            grace_exclusive: false,
        }
    }
}

impl State {
    /// The session is ended, and the feed tells of it.
    pub(super) fn end_session(&mut self) {
        self.feed.head += 1;
        self.feed.ended = true;
        self.row.revoked = Some(self.feed.head);
        self.owed_revocation = false;
        self.killed = true;
    }
}
