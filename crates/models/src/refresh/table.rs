//! What the design claims of each rule, found out by searching.

use super::rule::{RULES, Rule};
use super::scenario::Scenario;
use super::search::{Found, search};

/// A cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// It holds.
    Yes,
    /// It holds for duplicates that come within four refreshes.
    WithinFour,
    /// There is a counterexample.
    No,
}

impl Claim {
    /// As the table says it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::WithinFour => "yes, within 4 refreshes",
            Self::No => "no",
        }
    }
}

/// What was found out about one cell.
#[derive(Debug)]
pub struct Cell {
    /// What holds.
    pub claim: Claim,
    /// Why not more: the shortest counterexample.
    pub against: Option<Vec<String>>,
    /// Different moments that were reached.
    pub states: usize,
}

/// A row of the table.
#[derive(Debug)]
pub struct Row {
    /// The rule.
    pub rule: Rule,
    /// Losses and retries never log an honest client out.
    pub losses: Cell,
    /// Nor does a duplicate that comes late.
    pub duplicates: Cell,
    /// A thief who is not in step with the victim is always caught.
    pub theft: Cell,
}

/// The heads of the columns.
pub const COLUMNS: [&str; 4] = [
    "rule",
    "honest client never logged out",
    "also with a late duplicate request",
    "a thief not in step with the victim is always caught",
];

/// The table of the design. `further` raises the bound on generations.
pub fn table(further: u8) -> Vec<Row> {
    RULES.iter().map(|rule| row(*rule, further)).collect()
}

fn row(rule: Rule, further: u8) -> Row {
    let losses = cell(search(Scenario::loss(rule).further(further)), Claim::Yes);
    let within = cell(search(Scenario::duplicates(rule, Some(4)).further(further)), Claim::WithinFour);
    let duplicates = match within.claim {
        Claim::No => within,
        Claim::Yes | Claim::WithinFour => {
            let ever = cell(search(Scenario::duplicates(rule, None).further(further)), Claim::Yes);
            match ever.claim {
                Claim::No => Cell { claim: Claim::WithinFour, ..ever },
                Claim::Yes | Claim::WithinFour => ever,
            }
        }
    };
    let theft = cell(search(Scenario::theft(rule).further(further)), Claim::Yes);
    Row { rule, losses, duplicates, theft }
}

fn cell(found: Found, holds: Claim) -> Cell {
    let against = found.broken.map(|(_, path)| path);
    Cell { claim: if against.is_some() { Claim::No } else { holds }, against, states: found.states }
}
