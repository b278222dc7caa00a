//! Who takes part in a run of the model, and how far it goes.

use super::invariant::Invariant;
use super::rule::{Flaw, Rule};
use super::transaction::LONGEST;

/// A run of the model: every order of events within these bounds is explored.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// What it is about.
    pub name: &'static str,
    /// Which rule the servers follow.
    pub rule: Rule,
    /// What is wrong with it on purpose.
    pub flaw: Option<Flaw>,
    /// How the store runs a step.
    pub store: Store,
    /// Whether the client sends attempts.
    pub attempts: bool,
    /// Tokens of this generation and later are not presented any more.
    pub generations: u8,
    /// The grace in ticks.
    pub grace: u8,
    /// How many ticks the clock of the second server is behind.
    pub skew: u8,
    /// How often a client without attempts is forgiven.
    pub lives: u8,
    /// What the network may do to requests.
    pub network: Network,
    /// Whether time passes.
    pub time: bool,
    /// Whether someone may copy the client's store, once, at any moment.
    pub thief: bool,
    /// The revocations that may happen, each once.
    pub races: &'static [Race],
    /// What must hold.
    pub checks: &'static [Invariant],
}

/// How a store runs a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// One writer, one transaction after the other: SQLite.
    OneWriter,
    /// Several servers, and transactions whose statements other steps come between: PostgreSQL. See
    /// [`transaction`](super::transaction).
    Concurrent {
        /// How many transactions of this session there are at most, those that go alone with them.
        at_once: usize,
    },
}

/// What the network may do. It may always lose and delay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// The client sends again only when nothing of it is under way any more.
    OneAtATime,
    /// Tabs send at the same time, and what was sent is delivered as often and as late as can be: until so many
    /// refreshes later, or for ever.
    Duplicates {
        /// How many refreshes a request stays deliverable.
        within: Option<u8>,
    },
}

/// An end that races with refreshes. What was ended is not ended again: that would tell nothing new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Race {
    /// The session is ended.
    Logout,
    /// Every login of the user is ended: `user_before`.
    RevokeUser,
    /// Every login of everyone is ended: `everything_before`.
    RevokeEverything,
    /// The password changes at this client: the session is kept, with a new token.
    ChangePassword,
    /// The idle timeout runs out.
    Rest,
}

const HONEST: &[Invariant] = &[Invariant::HonestSafe];
const EVERY_RACE: &[Race] =
    &[Race::Logout, Race::RevokeUser, Race::RevokeEverything, Race::ChangePassword, Race::Rest];
const CAUGHT: &[Invariant] = &[Invariant::TheftCaught];

impl Scenario {
    /// A client whose messages get lost: the first column of the table.
    pub fn loss(rule: Rule) -> Self {
        Self {
            name: "loss",
            rule,
            flaw: None,
            store: Store::OneWriter,
            attempts: rule == Rule::Attempt,
            generations: 4,
            grace: 1,
            skew: 0,
            lives: 0,
            network: Network::OneAtATime,
            time: true,
            thief: false,
            races: &[],
            checks: HONEST,
        }
    }

    /// The same on a network that repeats what it delivers: the second column.
    pub fn duplicates(rule: Rule, within: Option<u8>) -> Self {
        let network = Network::Duplicates { within };
        Self { name: "duplicates", network, generations: 6, ..Self::loss(rule) }
    }

    /// A client and a thief who copies its store once: the third column.
    pub fn theft(rule: Rule) -> Self {
        Self { name: "theft", thief: true, generations: 3, checks: CAUGHT, ..Self::loss(rule) }
    }

    /// Sets what is wrong on purpose.
    #[must_use]
    pub fn with_flaw(self, flaw: Flaw) -> Self {
        Self { flaw: Some(flaw), ..self }
    }

    /// Raises the bound on generations.
    #[must_use]
    pub fn further(self, by: u8) -> Self {
        Self { generations: self.generations + by, ..self }
    }

    /// Whether the row is bound to a key, which the client has and a thief has not.
    pub fn bound(&self) -> bool {
        self.rule == Rule::KeyBound
    }

    /// The age from which on nothing changes any more.
    pub fn oldest(&self) -> u8 {
        let waits = match self.store {
            Store::OneWriter => 0,
            Store::Concurrent { .. } => LONGEST,
        };
        self.grace + 2 * self.skew + 1 + waits
    }

    /// The real rule in every company. Each is a run of its own: all at once would be the product of all bounds.
    pub fn real(large: bool) -> Vec<Self> {
        use Invariant as I;
        let more = u8::from(large);
        let base = Self { lives: 3, ..Self::loss(Rule::Attempt) };
        let tabs = Network::Duplicates { within: Some(4) };
        vec![
            Self {
                name: "tabs and late duplicates",
                network: tabs,
                generations: 6 + more,
                checks: &[I::OneLineage, I::HonestSafe, I::StragglerSafe, I::FailureIsNotRefusal],
                ..base.clone()
            },
            Self {
                name: "two servers, one clock behind",
                grace: 2,
                skew: 1,
                network: tabs,
                generations: 3 + more,
                checks: &[I::OneLineage, I::HonestSafe, I::StragglerSafe],
                ..base.clone()
            },
            Self {
                name: "theft",
                thief: true,
                network: tabs,
                generations: 3 + more,
                checks: &[
                    I::OneLineage,
                    I::HonestSafe,
                    I::StragglerSafe,
                    I::TheftCaught,
                    I::CopiedAttemptSharesOnce,
                ],
                ..base.clone()
            },
            Self {
                name: "theft, one clock behind",
                thief: true,
                grace: 2,
                skew: 1,
                generations: 2 + more,
                checks: &[I::OneLineage, I::StragglerSafe, I::TheftCaught, I::CopiedAttemptSharesOnce],
                ..base.clone()
            },
            Self {
                name: "no attempts",
                attempts: false,
                lives: 1 + more,
                generations: 4 + more,
                checks: &[I::OneLineage, I::HonestSafe, I::StragglerSafe],
                ..base.clone()
            },
            Self {
                name: "no attempts, theft",
                attempts: false,
                thief: true,
                lives: 1 + more,
                generations: 3 + more,
                checks: &[I::OneLineage, I::StragglerSafe, I::TheftCaught],
                ..base.clone()
            },
            Self {
                name: "revocations, one writer",
                network: tabs,
                generations: 3 + more,
                races: EVERY_RACE,
                checks: &[I::OneLineage, I::HonestSafe, I::NothingAfterTheEnd, I::DeadAtBirth],
                ..base.clone()
            },
            Self {
                name: "revocations, in batches and alone",
                store: Store::Concurrent { at_once: 3 },
                network: tabs,
                generations: 2 + more,
                time: false,
                races: EVERY_RACE,
                checks: &[I::OneLineage, I::HonestSafe, I::NothingAfterTheEnd, I::DeadAtBirth],
                ..base.clone()
            },
            Self {
                name: "theft and revocations, in batches and alone",
                store: Store::Concurrent { at_once: 2 + usize::from(large) },
                thief: true,
                grace: 0,
                generations: 1,
                races: &[Race::Logout, Race::ChangePassword],
                checks: &[
                    I::OneLineage,
                    I::HonestSafe,
                    I::TheftCaught,
                    I::NothingAfterTheEnd,
                    I::DeadAtBirth,
                ],
                ..base.clone()
            },
            Self {
                name: "no attempts, in batches and alone",
                store: Store::Concurrent { at_once: 3 },
                attempts: false,
                lives: 1 + more,
                generations: 2 + more,
                checks: &[I::OneLineage, I::HonestSafe, I::StragglerSafe],
                ..base.clone()
            },
            Self {
                name: "bound to a key, in batches and alone",
                store: Store::Concurrent { at_once: 3 },
                thief: true,
                generations: 2 + more,
                checks: &[I::OneLineage, I::HonestSafe, I::TheftCaught, I::KeyNeeded],
                ..Self::loss(Rule::KeyBound)
            },
        ]
    }
}
