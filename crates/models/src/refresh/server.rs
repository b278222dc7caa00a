//! How a server judges a request and writes what it decided; and what of it breaks an invariant.

use cloakroom_auth::refresh::{Decision, REMEMBERED};

use super::invariant::Invariant;
use super::model::Refresh;
use super::real::{Presented, Seen};
use super::rule::{self, Flaw, Rule};
use super::state::{Answer, Attempt, Party, Request, Says, SpentBy, Stage, State, Transaction};

/// What a server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// An access token stamped with this `rv`, and the current refresh token.
    Granted(u8),
    /// `invalid_grant`.
    Refused,
}

impl Refresh {
    /// On a store with one writer: head, row and user are read, judged and written in one step.
    pub(super) fn serve(&self, state: &mut State, request: Request, behind: bool) {
        let began_dead = state.dead_for(request.generation);
        let outcome = self.decide_and_write(state, request, Seen::from(state.feed), behind);
        self.answer(state, request, outcome, began_dead);
    }

    /// A forgery. The mac comes first: unless a flaw forgets that, nothing is read under a lock, nor written.
    pub(super) fn forged(&self, state: &mut State, request: Request) {
        if self.scenario.flaw == Some(Flaw::MacAfterWrite) && request.generation < self.scenario.generations {
            self.decide_and_write(state, request, Seen::from(state.feed), false);
        }
    }

    pub(super) fn begin(state: &mut State, request: Request) {
        let Seen { head, floor, min_rv } = state.feed.into();
        let began_dead = state.dead_for(request.generation);
        let stage = Stage::Update;
        state.transactions.insert(Transaction { request, head, floor, min_rv, stage, began_dead });
    }

    /// A transaction goes on; it is taken out of the state, and put back unless it commits.
    pub(super) fn proceed(&self, state: &mut State, mut transaction: Transaction) {
        state.transactions.remove(&transaction);
        let Transaction { request, began_dead, .. } = transaction;
        match transaction.stage {
            Stage::Update if self.update(state, &transaction) => {
                transaction.stage = Stage::Commit;
                state.transactions.insert(transaction);
            }
            Stage::Update => {
                let Seen { head, floor, min_rv } = state.feed.into();
                transaction = Transaction { head, floor, min_rv, stage: Stage::Decide, ..transaction };
                state.transactions.insert(transaction);
            }
            Stage::Decide => {
                // The row and the user are read again under the lock; the head was read before it.
                let Transaction { head, floor, .. } = transaction;
                let seen = Seen { head, floor, min_rv: state.feed.min_rv };
                let outcome = self.decide_and_write(state, request, seen, false);
                self.answer(state, request, outcome, began_dead);
            }
            Stage::Commit => {
                let late = self.scenario.flaw == Some(Flaw::HeadReadLate);
                let head = if late { state.feed.head } else { transaction.head };
                self.answer(state, request, Outcome::Granted(head.max(state.row.rv)), began_dead);
            }
        }
    }

    /// The one conditional statement: the row is the newest, everything else is as its snapshot saw it. Before the
    /// commit `min_rv` and floor are read again.
    fn update(&self, state: &mut State, transaction: &Transaction) -> bool {
        let Transaction { request, head, floor, min_rv, .. } = *transaction;
        let forgets = |flaw| self.scenario.flaw == Some(flaw);
        let row = &state.row;
        let proved = !self.scenario.bound() || self.presented(request, false).proved;
        let changes = (row.generation == request.generation || forgets(Flaw::GenerationUnchecked))
            && (row.revoked.is_none() || forgets(Flaw::RevokedUnchecked))
            && !row.idle
            && (row.rv >= min_rv.max(floor) || forgets(Flaw::OutdatedUnchecked))
            && (proved || forgets(Flaw::KeyUnchecked));
        let still = row.rv >= state.feed.min_rv.max(state.feed.floor) || forgets(Flaw::OutdatedUnchecked);
        let passes = changes && still;
        if passes {
            let before = state.clone();
            self.coverage.note(Decision::Rotate { adopt: false });
            self.rotate(state, request, Seen { head, floor, min_rv }, false);
            self.watch(&before, state, request, true);
        }
        passes
    }

    fn decide_and_write(&self, state: &mut State, request: Request, seen: Seen, behind: bool) -> Outcome {
        let before = state.clone();
        let presented = self.presented(request, behind);
        let Refresh { scenario, real, .. } = self;
        let decision = rule::decide(scenario.rule, scenario.flaw, real, &state.row, seen, presented);
        self.coverage.note(decision);
        let granted = match decision {
            Decision::Rotate { .. } => {
                self.rotate(state, request, seen, behind);
                true
            }
            Decision::Same { reason } => {
                state.row = real.answer_again(&state.row, reason);
                true
            }
            Decision::Refuse(_) => false,
            Decision::Revoke => {
                self.revoke(&before, state, request);
                false
            }
        };
        self.watch(&before, state, request, granted);
        if granted { Outcome::Granted(seen.head.max(state.row.rv)) } else { Outcome::Refused }
    }

    fn rotate(&self, state: &mut State, request: Request, seen: Seen, behind: bool) {
        if request.generation != state.row.generation {
            state.broken.note(Invariant::OneLineage);
        }
        state.row = self.real.rotate(&state.row, seen, self.presented(request, behind));
        if self.scenario.flaw == Some(Flaw::StrikesReset) {
            state.row.strikes = 0;
        }
        state.history.push(SpentBy { party: request.party, attempt: request.attempt, age: 0 });
        if usize::from(state.row.generation) != state.history.len() {
            state.broken.note(Invariant::OneLineage);
        }
    }

    fn revoke(&self, before: &State, state: &mut State, request: Request) {
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
        if spent.is_some_and(|spent| spent.age + self.scenario.skew <= self.scenario.grace) && remembered {
            state.broken.note(Invariant::StragglerSafe);
        }
    }

    /// Whether nobody but an honest client, within what it is promised, ever presented a token.
    pub(super) fn is_honest(&self, state: &State) -> bool {
        let promised = self.scenario.attempts
            || self.scenario.rule != Rule::Attempt
            || state.client.losses <= self.scenario.lives;
        // A thief without the key must not be able to harm its owner either.
        (!state.thief.copied || self.scenario.bound()) && promised
    }

    /// What R3 says about two parties that present one generation.
    fn watch(&self, before: &State, state: &mut State, request: Request, granted: bool) {
        let scenario = &self.scenario;
        if granted && request.party == Party::Thief && scenario.bound() {
            state.broken.note(Invariant::KeyNeeded);
        }
        let spent = before.history.get(usize::from(request.generation));
        let Some(spent) = spent.filter(|spent| spent.age > scenario.grace + scenario.skew) else { return };
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

    fn answer(&self, state: &mut State, request: Request, outcome: Outcome, began_dead: bool) {
        let dead_by_now = state.killed || request.generation < state.true_floor;
        let says = match outcome {
            Outcome::Granted(stamp) => {
                if began_dead {
                    state.broken.note(Invariant::NothingAfterTheEnd);
                } else if dead_by_now && self.real.usable(state.feed, stamp) {
                    state.broken.note(Invariant::DeadAtBirth);
                }
                Says::Granted(state.row.generation)
            }
            Outcome::Refused => {
                Says::Refused { ended_otherwise: state.dead_for(request.generation), store_failed: false }
            }
        };
        match (request.party, says) {
            (Party::Client, says) => {
                state.answers.insert(Answer { to: request.generation, says });
            }
            (Party::Thief, Says::Granted(child)) => state.thief.known |= 1 << child,
            (Party::Thief, Says::Refused { .. }) => {}
        }
    }

    fn presented(&self, request: Request, behind: bool) -> Presented {
        Presented {
            request,
            proved: self.scenario.bound() && request.party == Party::Client,
            behind: if behind { self.scenario.skew } else { 0 },
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
