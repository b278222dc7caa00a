//! The model as the checker wants it.

use stateright::{Model, Property};

use super::action::Action;
use super::real::Real;
use super::scenario::Scenario;
use super::state::{Server, Stage, State};
use crate::feed::coverage::Coverage;
use crate::feed::flaw::Flaw;
use crate::feed::invariant::{INVARIANTS, Invariant};

/// A scenario to be explored.
#[derive(Debug)]
pub struct Feed {
    pub(super) scenario: Scenario,
    pub(super) real: Real,
    pub(super) coverage: Coverage,
}

impl Feed {
    /// A run of this scenario.
    pub fn new(scenario: Scenario) -> Self {
        let real = Real::new(scenario.bound);
        Self { scenario, real, coverage: Coverage::default() }
    }

    /// What was reached.
    pub fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    fn step(&self, state: &mut State, action: Action) {
        match action {
            Action::Tick => {
                let bound = self.scenario.bound;
                let early = u8::from(self.scenario.has(Flaw::DroppedEarly));
                state.tick(bound, bound - early);
            }
            Action::Commit => self.commit(state),
            Action::Replicate => state.standby = Some(state.primary),
            Action::FailOver => self.fail_over(state),
            Action::BackUp => state.backup = Some(state.primary),
            Action::Restore => self.restore(state),
            Action::Group(node) => self.group(state, node.into()),
            Action::Ask(verifier, server) => self.ask(state, verifier, server),
            Action::LoseQuestion(question) => {
                state.questions.remove(&question);
                state.nodes.iter_mut().for_each(|node| {
                    node.arrived.remove(&question);
                });
            }
            Action::LoseAnswer(answer) => {
                state.answers.remove(&answer);
                state.verifiers[usize::from(answer.to)].taking.remove(&(answer, Stage::Fill));
            }
            Action::Arrive(question) => self.at_node(state, question.to, |state, node| {
                self.arrive(state, question, node);
            }),
            Action::Serve(question) => self.at_node(state, question.to, |state, node| {
                self.serve(state, question, node);
            }),
            Action::ServeGrouped(question) => self.at_node(state, question.to, |state, node| {
                self.serve_grouped(state, question, node);
            }),
            Action::PassOn(question) => self.pass_on(state, question, 0),
            Action::SendLate(answer, node) => self.send_late(state, answer, node.into()),
            Action::BeatHeart(node, verifier) => self.beat_heart(state, node.into(), verifier),
            Action::Receive(answer) => self.receive(state, answer),
            Action::Proceed(answer, stage) => self.proceed(state, answer, stage),
            Action::Fill(answer, server, grouped) => self.fill(state, answer, server, grouped),
            Action::Push(verifier, event) => self.push(state, verifier.into(), event.into()),
            Action::Check(verifier, of) => self.begin_check(state, verifier, of),
            Action::GoOn => self.go_on(state),
            Action::BeginBeat(node) => self.begin_beat(state, node.into()),
            Action::EndBeat(node) => self.end_beat(state, node.into()),
            Action::Restart(node) => self.restart(state, node.into()),
            Action::Promise(revocation) => state.receipts |= 1 << revocation,
        }
    }

    fn at_node(&self, state: &mut State, server: Server, act: impl FnOnce(&mut State, usize)) {
        if let Some(node) = server.node() {
            act(state, node);
        }
    }

    /// What holds of every moment, whatever led to it.
    fn judge(&self, before: &State, state: &mut State) {
        for (old, new) in before.verifiers.iter().zip(&state.verifiers) {
            if old.table & !new.table != 0 {
                state.broken.note(Invariant::Monotone);
            }
            let older = |fresh| {
                let known = |bit: usize| new.table & (1 << bit) != 0;
                let commits = state.commits.iter().enumerate();
                let mut commits = commits.filter_map(|(bit, commit)| commit.map(|commit| (bit, commit)));
                commits.any(|(bit, commit)| !commit.lost && commit.age > fresh && !known(bit))
            };
            if new.fresh.is_some_and(older) {
                state.broken.note(Invariant::Complete);
            }
            // A check that starts now would accept: it reads the lease first, and then this table or a fuller one.
            if new.fresh.is_some() && state.receipts & !new.table != 0 {
                state.broken.note(Invariant::Receipt);
            }
        }
        if self.scenario.checks.contains(&Invariant::QuietIsFresh) && !self.becomes_fresh(state) {
            state.broken.note(Invariant::QuietIsFresh);
        }
    }

    /// From here on nothing is lost: each verifier asks once, the relay first, and takes in what it hears.
    fn becomes_fresh(&self, state: &State) -> bool {
        let mut state = state.clone();
        (0..self.scenario.verifiers).all(|verifier| {
            let reachable = |server: &Server| !server.node().is_some_and(|node| state.nodes[node].stranded);
            let Some(server) = self.servers_of(verifier).find(reachable) else { return false };
            state.questions.clear();
            state.answers.clear();
            state.verifiers[usize::from(verifier)].taking.clear();
            self.step(&mut state, Action::Ask(verifier, server));
            while let Some(action) = self.next_of(&state, verifier, server) {
                self.step(&mut state, action);
                if let Action::Receive(answer) = action {
                    // Not even repeated.
                    state.answers.remove(&answer);
                }
            }
            state.verifiers[usize::from(verifier)].fresh == Some(0)
        })
    }

    fn next_of(&self, state: &State, verifier: u8, server: Server) -> Option<Action> {
        if let Some(question) = state.questions.first() {
            let relayed = server.node().is_none();
            return Some(if relayed { Action::PassOn(*question) } else { Action::Serve(*question) });
        }
        if let Some(answer) = state.answers.first() {
            return Some(Action::Receive(*answer));
        }
        let (answer, stage) = *state.verifiers[usize::from(verifier)].taking.first()?;
        Some(match stage {
            Stage::Fill => Action::Fill(answer, server, false),
            Stage::Apply | Stage::Judge | Stage::Credit => Action::Proceed(answer, stage),
        })
    }
}

impl Model for Feed {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![self.scenario.start()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        // What follows a broken invariant says nothing.
        if state.broken.first_of(self.scenario.checks).is_none() {
            self.possible(state, actions);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        self.step(&mut state, action);
        if self.scenario.flaw.is_none() {
            state.forget(self.scenario.bound);
        }
        self.judge(last, &mut state);
        (state != *last).then_some(state)
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
