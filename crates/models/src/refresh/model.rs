//! The model as the checker wants it.

use stateright::{Model, Property};

use super::action::{self, Action};
use super::coverage::Coverage;
use super::invariant::Invariant;
use super::real::Real;
use super::rule::{Flaw, Rule};
use super::scenario::{Network, Race, Scenario};
use super::state::{Answer, Attempt, Party, Request, Says, SpentBy, State};
use super::transaction::Awaited;

/// A scenario to be explored.
#[derive(Debug)]
pub struct Refresh {
    pub(super) scenario: Scenario,
    pub(super) real: Real,
    pub(super) coverage: Coverage,
}

impl Refresh {
    /// A run of this scenario.
    pub fn new(scenario: Scenario) -> Self {
        let real = Real::new(scenario.grace, scenario.lives, scenario.bound());
        Self { scenario, real, coverage: Coverage::default() }
    }

    /// How often the rule said what, and what a transaction did, over all orders of events.
    pub fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    fn step(&self, state: &mut State, action: Action) {
        match action {
            Action::Prepare => state.client.attempt = true,
            Action::Send => {
                let attempt = state.client.attempt.then_some(Attempt::OfClient);
                let generation = state.client.generation;
                state.requests.insert(Request { party: Party::Client, generation, attempt });
            }
            Action::SendApart => {
                let (attempt, generation) = (Some(Attempt::OfThief), state.client.generation);
                state.requests.insert(Request { party: Party::Client, generation, attempt });
            }
            Action::LoseRequest(request) => self.take(state, request),
            Action::LoseAnswer(answer) => self.lose(state, answer),
            Action::Receive(answer) => self.receive(state, answer),
            Action::Serve { request, behind } => {
                self.take(state, request);
                self.serve(state, request, behind);
            }
            Action::Begin { request, skips } => {
                self.take(state, request);
                self.begin(state, request, skips);
            }
            Action::Proceed { at, .. } => self.proceed(state, at),
            Action::Die { at, .. } => {
                state.transactions.remove(at);
            }
            Action::GiveUp { at, .. } => state.transactions[at].awaited = Awaited::GivenUp,
            Action::Copy => {
                let client = state.client;
                state.thief.copied = true;
                state.thief.known = 1 << client.generation;
                state.thief.attempt = client.attempt.then_some(client.generation);
            }
            Action::Confirm => state.row.confirmed = self.scenario.rule == Rule::Confirmed,
            Action::Tick => state.tick(self.scenario.oldest()),
            Action::Race(race) => self.race(state, race),
            Action::Fail(request) => self.fail(state, request),
            Action::Forge(request) => self.forged(state, request),
            Action::WriteOwed => state.end_session(),
        }
    }

    /// A request leaves the network, unless that repeats what it delivers.
    fn take(&self, state: &mut State, request: Request) {
        match self.scenario.network {
            Network::OneAtATime => {
                state.requests.remove(&request);
            }
            Network::Duplicates { .. } => {}
        }
    }

    fn lose(&self, state: &mut State, answer: Answer) {
        state.answers.remove(&answer);
        match answer.says {
            Says::Granted(_) => self.count_loss(state),
            Says::Refused { .. } => {}
        }
    }

    /// Answers to another token than the one it holds were forgotten before.
    fn receive(&self, state: &mut State, answer: Answer) {
        state.answers.remove(&answer);
        match answer.says {
            Says::Granted(child) => {
                // One write: the child, and no attempt until it is sent.
                state.client.generation = child;
                state.client.attempt &= self.scenario.flaw == Some(Flaw::AttemptKept);
            }
            Says::Refused { ended_otherwise, store_failed } => {
                state.client.out = true;
                if store_failed {
                    state.broken.note(Invariant::FailureIsNotRefusal);
                } else if !ended_otherwise && self.is_honest(state) {
                    state.broken.note(Invariant::HonestSafe);
                }
            }
        }
    }

    fn race(&self, state: &mut State, race: Race) {
        let bit = self.scenario.races.iter().position(|other| *other == race).unwrap_or_default();
        state.races_left &= !(1 << bit);
        let number = state.feed.head + 1;
        match race {
            Race::Rest => state.row.idle = true,
            Race::Logout => state.end_session(),
            Race::RevokeUser => {
                (state.feed.head, state.feed.min_rv) = (number, number);
                state.killed = true;
            }
            Race::RevokeEverything => {
                (state.feed.head, state.feed.floor) = (number, number);
                state.killed = true;
            }
            Race::ChangePassword => {
                state.feed.head = number;
                state.feed.min_rv = number;
                state.row.rv = number;
                state.row.generation += 1;
                state.row.floor = state.row.generation;
                state.row.spent.clear();
                state.history.push(SpentBy { party: Party::Client, attempt: None, age: 0 });
                state.true_floor = state.row.generation;
                state.client.generation = state.row.generation;
                state.client.attempt = false;
            }
        }
    }

    /// The store fails: nothing is decided, and the client is told so and keeps what it has. Only a flaw makes that
    /// an answer that matters.
    fn fail(&self, state: &mut State, request: Request) {
        if self.scenario.flaw == Some(Flaw::FailureIsRefusal) {
            let says = Says::Refused { ended_otherwise: false, store_failed: true };
            state.answers.insert(Answer { to: request.generation, says });
        }
    }
}

/// The one property of the checker.
pub(super) const INVARIANTS: &str = "R1 to R5";

impl Model for Refresh {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::new((1 << self.scenario.races.len()) - 1)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        // What follows a broken invariant says nothing.
        if state.broken.first_of(self.scenario.checks).is_none() {
            action::possible(&self.scenario, state, actions);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        self.step(&mut state, action);
        state.transactions.sort_unstable();
        state.forget(match self.scenario.network {
            Network::Duplicates { within } => within,
            Network::OneAtATime => None,
        });
        (state != *last).then_some(state)
    }

    /// A rule that keeps to one lineage never gets further than one rotation, and one new password, past the bound on
    /// what is presented; one that respects an end tells of at most one beside the races. A rule that does not must
    /// not keep the search going for ever.
    fn within_boundary(&self, state: &State) -> bool {
        let ends = self.scenario.races.len() + 1;
        state.row.generation <= self.scenario.generations + 1 && usize::from(state.feed.head) <= 2 + ends
    }

    fn properties(&self) -> Vec<Property<Self>> {
        // One, not one for each: the checker stops at the first counterexample only when no property is left.
        let holds = |model: &Self, state: &State| state.broken.first_of(model.scenario.checks).is_none();
        vec![Property::always(INVARIANTS, holds)]
    }

    fn format_action(&self, action: &Action) -> String {
        action.to_string()
    }
}
