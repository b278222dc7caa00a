//! Who takes part in a run of the model, and how far it goes.

use std::collections::BTreeSet;

use cloakroom_verify::Rv;

use crate::feed::flaw::Flaw;
use crate::feed::invariant::{Broken, Invariant};

use super::state::{Commit, Database, Node, State, Verifier};

/// A run of the model: every order of events within these bounds is explored.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// What it is about.
    pub name: &'static str,
    /// What is wrong on purpose.
    pub flaw: Option<Flaw>,
    /// The bound, in ticks.
    pub bound: u8,
    /// The revocations, in the order in which they are committed.
    pub revocations: &'static [Kind],
    /// How many servers there are.
    pub nodes: u8,
    /// Whether the bound of the first one, which gives the receipts, is a tick shorter than that of the others.
    pub short: bool,
    /// How many verifiers there are.
    pub verifiers: u8,
    /// Whether the first verifier passes on to the others, which ask no one else.
    pub relay: bool,
    /// How many questions and answers of a verifier may be under way at once.
    pub under_way: usize,
    /// Whether the network repeats the answers that it delivers.
    pub repeats: bool,
    /// Whether events are pushed too: late, twice, in any order.
    pub pushes: bool,
    /// How many events an answer brings at most.
    pub most: u32,
    /// Whether answers share head reads.
    pub grouped: bool,
    /// Whether checks are made.
    pub checked: bool,
    /// What may happen to the database.
    pub database: Fate,
    /// Whether receipts are given early.
    pub receipts: bool,
    /// Whether a server may restart.
    pub restarts: bool,
    /// How many events an order has at most; 0: as many as make a difference.
    pub steps: usize,
    /// What must hold.
    pub checks: &'static [Invariant],
}

/// What a revocation kills. Each credential has a session and a user of its own, and all are older than the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// One session: `session_revoked`.
    Session,
    /// What is older, of one user: `user_before`.
    User,
    /// What is older, of everyone: `everything_before`.
    Everything,
}

/// What may happen to the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Nothing.
    Steady,
    /// A standby that may lag is promoted; the former primary goes on, and one server still reaches it.
    FailsOver,
    /// A backup is made, and put back twice.
    Restored,
    /// One was put back, and nobody was told: no new epoch began. Its head is behind what the verifier knows.
    Behind,
    /// A standby was promoted, and nobody fenced the former primary. The verifier has heard of the new one.
    SplitBrain,
}

const SAFE: &[Invariant] = {
    use Invariant as I;
    &[I::Bound, I::Complete, I::Monotone, I::HonestAccepted, I::QuietIsFresh]
};
const LIVES: &[Invariant] = {
    use Invariant as I;
    &[I::NoReuse, I::Bound, I::Complete, I::Monotone, I::HonestAccepted, I::QuietIsFresh]
};
const SECRET: &[Invariant] = &[Invariant::Bound, Invariant::Complete, Invariant::Monotone];
const RECEIPTS: &[Invariant] = &[Invariant::Receipt, Invariant::Bound, Invariant::Complete];

impl Scenario {
    /// The real rules in every company. Each is a run of its own: all at once would be the product of all bounds.
    pub fn real(large: bool) -> Vec<Self> {
        let more = u8::from(large);
        let base = Self {
            name: "",
            flaw: None,
            bound: 2 + more,
            revocations: &[Kind::User],
            nodes: 1,
            short: false,
            verifiers: 1,
            relay: false,
            under_way: 2,
            repeats: false,
            pushes: false,
            most: 9,
            grouped: false,
            checked: true,
            database: Fate::Steady,
            receipts: false,
            restarts: false,
            steps: 0,
            checks: SAFE,
        };
        let deeper = 4 * usize::from(large);
        let two = &[Kind::Session, Kind::User];
        vec![
            Self {
                name: "two servers, one verifier",
                nodes: 2,
                pushes: true,
                revocations: if large { two } else { &[Kind::User] },
                ..base.clone()
            },
            Self { name: "answers that are repeated", repeats: true, checked: false, ..base.clone() },
            Self {
                name: "more than an answer brings",
                revocations: if large { &[Kind::Session, Kind::User, Kind::Everything] } else { two },
                most: u32::from(more),
                under_way: 1 + usize::from(large),
                grouped: true,
                ..base.clone()
            },
            Self { name: "grouped head reads", grouped: true, nodes: 1 + more, ..base.clone() },
            Self { name: "a relay", verifiers: 2, relay: true, pushes: large, under_way: 1, ..base.clone() },
            Self {
                name: "a failover that loses its tail",
                nodes: 2,
                revocations: &[Kind::Session, Kind::User],
                pushes: true,
                checked: large,
                under_way: 1 + usize::from(large),
                database: Fate::FailsOver,
                checks: LIVES,
                ..base.clone()
            },
            Self {
                name: "one backup restored twice",
                revocations: if large { &[Kind::Session, Kind::User, Kind::Everything] } else { two },
                most: u32::from(more),
                checked: false,
                under_way: 1,
                pushes: large,
                database: Fate::Restored,
                checks: LIVES,
                ..base.clone()
            },
            Self {
                name: "a backup put back in secret",
                revocations: &[Kind::Session, Kind::Session, Kind::User],
                database: Fate::Behind,
                checks: SECRET,
                ..base.clone()
            },
            Self {
                name: "a demoted primary in secret",
                nodes: 2,
                revocations: two,
                under_way: 1 + usize::from(large),
                database: Fate::SplitBrain,
                checks: SECRET,
                ..base.clone()
            },
            Self {
                name: "receipts, grouped head reads",
                grouped: true,
                receipts: true,
                checked: false,
                under_way: 1 + usize::from(large),
                checks: RECEIPTS,
                ..base.clone()
            },
            Self {
                name: "receipts, two processes",
                steps: 14 + deeper,
                nodes: 2,
                receipts: true,
                checked: false,
                under_way: 1,
                checks: RECEIPTS,
                ..base.clone()
            },
            Self {
                name: "receipts, two bounds",
                steps: 12 + deeper,
                nodes: 2,
                short: true,
                receipts: true,
                checked: false,
                under_way: 1,
                checks: RECEIPTS,
                ..base.clone()
            },
            Self {
                name: "receipts, a restart",
                receipts: true,
                checked: false,
                restarts: true,
                under_way: 1,
                checks: RECEIPTS,
                ..base.clone()
            },
            Self {
                name: "receipts, two verifiers",
                steps: 18 + deeper,
                verifiers: 2,
                receipts: true,
                checked: false,
                under_way: 1,
                checks: RECEIPTS,
                ..base.clone()
            },
            Self {
                name: "receipts, a relay",
                steps: 23 + deeper,
                verifiers: 2,
                relay: true,
                receipts: true,
                checked: false,
                under_way: 1,
                checks: RECEIPTS,
                ..base
            },
        ]
    }

    /// Sets what is wrong on purpose.
    #[must_use]
    pub fn with_flaw(self, flaw: Flaw) -> Self {
        Self { flaw: Some(flaw), ..self }
    }

    /// Whether this is what is wrong.
    pub fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    /// Whether revocation `by` kills credential `of`.
    pub fn kills(&self, by: usize, of: usize) -> bool {
        by == of || self.revocations[by] == Kind::Everything
    }

    /// The first moment.
    pub fn start(&self) -> State {
        let primary = Database { head: Rv::new(1, 0), holds: 0, anew: false };
        let node = Node { up: self.bound, ..Node::default() };
        let lags = self.has(Flaw::LaggingReplica) || self.database == Fate::FailsOver;
        let state = State {
            primary,
            standby: lags.then_some(primary),
            demoted: None,
            backup: None,
            lives: 0,
            commits: vec![None; self.revocations.len()],
            receipts: 0,
            nodes: vec![node; self.nodes.into()],
            verifiers: vec![Verifier::default(); self.verifiers.into()],
            questions: BTreeSet::new(),
            answers: BTreeSet::new(),
            check: None,
            broken: Broken::default(),
        };
        match self.database {
            Fate::Steady | Fate::FailsOver | Fate::Restored => state,
            Fate::Behind => self.behind(state),
            Fate::SplitBrain => Self::split(state),
        }
    }

    /// The verifier has heard of two revocations that the database has lost.
    fn behind(&self, mut state: State) -> State {
        for seq in 1..3 {
            let rv = Rv::new(1, seq);
            state.commits[seq as usize - 1] = Some(Commit { rv, age: self.bound, lost: true });
            state.verifiers[0].watermark = Some(rv);
            state.verifiers[0].table |= 1 << (seq - 1);
        }
        state
    }

    /// The verifier has heard of the new epoch, in which nothing was committed yet.
    fn split(mut state: State) -> State {
        state.demoted = Some(state.primary);
        state.primary.head = Rv::new(2, 0);
        state.nodes[1].stranded = true;
        state.verifiers[0].watermark = Some(state.primary.head);
        state
    }
}
