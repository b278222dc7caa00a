//! Which lines of the rule, and which steps of PostgreSQL's transactions, a search has reached.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use cloakroom_auth::refresh::{Decision, Refusal, SameReason};

/// What happened to a refresh in its batch, or alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A batch locked its row.
    Locked,
    /// A batch skipped its row.
    Skipped,
    /// A batch answered it.
    Together,
    /// A batch found that its session is to be ended, and left it.
    Dropped,
    /// It was answered alone, since its row had been skipped.
    Alone,
    /// Its session was ended alone.
    Ended,
    /// It was to be ended, and by then it was not.
    Spared,
    /// Its client had given it up, and it was done.
    DoneForNobody,
}

/// How often the rule said what, and how often each step was done.
#[derive(Debug, Default)]
pub struct Coverage([AtomicU64; LINES.len()]);

impl Clone for Coverage {
    fn clone(&self) -> Self {
        Self(std::array::from_fn(|line| AtomicU64::new(self.count(line))))
    }
}

const STEPS: usize = 11;
/// Wrong kinds and tokens from the future need an exchange or a lost database: not part of this model.
const OTHERWISE: &str = "refused otherwise";
/// What the rule may say, by line; then the steps.
const LINES: [&str; STEPS + 8] = [
    "ROTATE",
    "SAME, a lost response",
    "SAME, within the grace",
    "SAME, the key was proved",
    "SAME, a strike",
    "refused, the row is dead",
    "refused, a late duplicate",
    "refused, below the floor",
    "refused, no proof of the key",
    "REVOKE",
    OTHERWISE,
    "locked in a batch",
    "skipped by a batch",
    "answered in a batch",
    "dropped by a batch, to be ended",
    "answered alone",
    "ended alone",
    "not to be ended any more",
    "done for nobody",
];

impl Coverage {
    pub(super) fn note(&self, decision: Decision) {
        self.count_one(match decision {
            Decision::Rotate { .. } => 0,
            Decision::Same { reason: SameReason::LostResponse } => 1,
            Decision::Same { reason: SameReason::Grace } => 2,
            Decision::Same { reason: SameReason::BoundKey } => 3,
            Decision::Same { reason: SameReason::Strike } => 4,
            Decision::Refuse(Refusal::Dead(_)) => 5,
            Decision::Refuse(Refusal::LateDuplicate) => 6,
            Decision::Refuse(Refusal::BelowFloor) => 7,
            Decision::Refuse(Refusal::MissingProof) => 8,
            Decision::Revoke => 9,
            Decision::Refuse(Refusal::WrongKind | Refusal::FromTheFuture) => 10,
        });
    }

    pub(super) fn note_step(&self, step: Step) {
        self.count_one(STEPS + step as usize);
    }

    /// Adds what another search has reached.
    pub fn add(&self, other: &Self) {
        for (line, count) in self.0.iter().enumerate() {
            count.fetch_add(other.count(line), Ordering::Relaxed);
        }
    }

    /// Lines that were never reached, though they can be, or the reverse: a search says nothing about these.
    pub fn gaps(&self) -> impl Iterator<Item = &'static str> {
        LINES
            .into_iter()
            .enumerate()
            .filter(|(line, words)| (self.count(*line) == 0) != (*words == OTHERWISE))
            .map(|(_, words)| words)
    }

    fn count_one(&self, line: usize) {
        self.0[line].fetch_add(1, Ordering::Relaxed);
    }

    fn count(&self, line: usize) -> u64 {
        self.0[line].load(Ordering::Relaxed)
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reached = LINES.iter().enumerate().map(|(line, words)| (words, self.count(line)));
        let words: Vec<_> = reached
            .filter(|(_, count)| *count > 0)
            .map(|(words, count)| format!("{words} {count}"))
            .collect();
        f.write_str(&words.join("; "))
    }
}
