//! The search.

use std::fmt;
use std::hash::Hash;

use stateright::{Checker, Model};

use super::coverage::Coverage;
use super::flaw::Flaw;
use super::invariant::{Broken, INVARIANTS, Invariant};
use super::{lease, mint};

/// A scenario of either model.
#[derive(Debug, Clone)]
pub enum Scenario {
    /// How fresh a verifier is.
    Lease(lease::scenario::Scenario),
    /// How a credential is made.
    Mint(mint::scenario::Scenario),
}

/// What came of a scenario.
#[derive(Debug)]
pub struct Found {
    /// Different moments that were reached.
    pub states: usize,
    /// The longest shortest way to one.
    pub depth: usize,
    /// The invariant that was broken first, and the shortest way there, in words.
    pub broken: Option<(Invariant, Vec<String>)>,
    /// What was reached.
    pub coverage: Coverage,
}

impl Scenario {
    /// The real rules in every company.
    pub fn real(large: bool) -> Vec<Self> {
        let lease = lease::scenario::Scenario::real(large).into_iter().map(Self::Lease);
        lease.chain(mint::scenario::Scenario::real(large).into_iter().map(Self::Mint)).collect()
    }

    /// What it is about.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Lease(scenario) => scenario.name,
            Self::Mint(scenario) => scenario.name,
        }
    }

    /// What must hold.
    pub fn checks(&self) -> &'static [Invariant] {
        match self {
            Self::Lease(scenario) => scenario.checks,
            Self::Mint(_) => mint::CHECKS,
        }
    }

    /// How many events an order has at most; 0: as many as make a difference.
    pub fn steps(&self) -> usize {
        match self {
            Self::Lease(scenario) => scenario.steps,
            Self::Mint(_) => 0,
        }
    }

    fn with_flaw(self, flaw: Flaw) -> Self {
        match self {
            Self::Lease(scenario) => Self::Lease(scenario.with_flaw(flaw)),
            Self::Mint(scenario) => Self::Mint(scenario.with_flaw(flaw)),
        }
    }
}

/// Explores every order of events of a scenario, or until an invariant is broken.
pub fn search(scenario: Scenario) -> Found {
    let (checks, steps) = (scenario.checks(), scenario.steps());
    match scenario {
        Scenario::Lease(scenario) => {
            explore(lease::Feed::new(scenario), (checks, steps), |state| state.broken, lease::Feed::coverage)
        }
        Scenario::Mint(scenario) => {
            explore(mint::Mint::new(scenario), (checks, steps), |state| state.broken, mint::Mint::coverage)
        }
    }
}

/// Looks for an order of events in which this mistake does harm: what it breaks, and the shortest way there.
pub fn refute(flaw: Flaw) -> Option<(Invariant, Vec<String>)> {
    let scenario = Scenario::real(false).into_iter().find(|scenario| scenario.name() == flaw.scenario())?;
    search(scenario.with_flaw(flaw)).broken
}

fn explore<M>(
    model: M,
    (checks, steps): (&[Invariant], usize),
    broken: fn(&M::State) -> Broken,
    coverage: fn(&M) -> &Coverage,
) -> Found
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + PartialEq + Hash + Send + Sync + fmt::Debug,
    M::Action: Clone + PartialEq + fmt::Display,
{
    let builder = model.checker();
    // The first moment counts too, and the last is only judged if there might be another.
    let builder = if steps == 0 { builder } else { builder.target_max_depth(steps + 2) };
    let checker = builder.spawn_bfs().join();
    let broken = checker.discovery(INVARIANTS).and_then(|path| {
        let check = broken(path.last_state()).first_of(checks)?;
        Some((check, path.into_actions().iter().map(ToString::to_string).collect()))
    });
    Found {
        states: checker.unique_state_count(),
        depth: checker.max_depth(),
        broken,
        coverage: coverage(checker.model()).clone(),
    }
}
