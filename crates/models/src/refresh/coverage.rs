//! Which lines of the rule a search has reached.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use cloakroom_auth::refresh::{Decision, Refusal, SameReason};

/// How often the rule said what.
#[derive(Debug, Default)]
pub struct Coverage([AtomicU64; DECISIONS.len()]);

impl Clone for Coverage {
    fn clone(&self) -> Self {
        Self(self.counts().map(AtomicU64::new))
    }
}

/// What the rule may say, by line.
pub const DECISIONS: [&str; 11] = [
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
    "refused otherwise",
];

impl Coverage {
    pub(super) fn note(&self, decision: Decision) {
        let line = match decision {
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
        };
        self.0[line].fetch_add(1, Ordering::Relaxed);
    }

    /// The counts, beside [`DECISIONS`].
    #[must_use]
    pub fn counts(&self) -> [u64; DECISIONS.len()] {
        std::array::from_fn(|line| self.0[line].load(Ordering::Relaxed))
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reached = DECISIONS.iter().zip(self.counts()).filter(|(_, count)| *count > 0);
        let words: Vec<_> = reached.map(|(line, count)| format!("{line} {count}")).collect();
        f.write_str(&words.join("; "))
    }
}
