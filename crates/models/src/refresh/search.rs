//! Exploring a scenario, breadth first: the first counterexample is a shortest one.

use stateright::{Checker, Model};

use super::Refresh;
use super::coverage::Coverage;
use super::invariant::Invariant;
use super::model::INVARIANTS;
use super::rule::Flaw;
use super::scenario::Scenario;

/// What came of a scenario.
#[derive(Debug)]
pub struct Found {
    /// Different moments that were reached.
    pub states: usize,
    /// The longest shortest way to one.
    pub depth: usize,
    /// The invariant that was broken first, and the shortest way there, in words.
    pub broken: Option<(Invariant, Vec<String>)>,
    /// What the rule said.
    pub coverage: Coverage,
}

/// Explores every order of events of a scenario, or until an invariant is broken.
pub fn search(scenario: Scenario) -> Found {
    let checks = scenario.checks;
    let checker = Refresh::new(scenario).checker().spawn_bfs().join();
    let broken = checker.discovery(INVARIANTS).and_then(|path| {
        let check = path.last_state().broken.first_of(checks)?;
        Some((check, path.into_actions().iter().map(ToString::to_string).collect()))
    });
    Found {
        states: checker.unique_state_count(),
        depth: checker.max_depth(),
        broken,
        coverage: checker.model().coverage().clone(),
    }
}

/// How a mistake is found: what it breaks in [its scenario](Flaw::scenario), and the shortest way there.
#[derive(Debug)]
pub struct Refuted {
    /// What it breaks.
    pub check: Invariant,
    /// The steps, in words.
    pub path: Vec<String>,
}

/// Looks for an order of events in which this mistake does harm.
pub fn refute(flaw: Flaw) -> Option<Refuted> {
    let scenario = Scenario::real(false).into_iter().find(|scenario| scenario.name == flaw.scenario())?;
    let (check, path) = search(scenario.with_flaw(flaw)).broken?;
    Some(Refuted { check, path })
}
