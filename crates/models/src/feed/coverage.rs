//! Which situations a search has reached: one that was never reached was not checked.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// A situation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// A check accepted.
    Accepted,
    /// It accepted what a revocation had killed less than the bound ago.
    AcceptedWithinTheBound,
    /// It refused what is dead.
    Killed,
    /// It refused because its knowledge was too old.
    Stale,
    /// A pushed event moved the watermark.
    PushedInOrder,
    /// A pushed event came twice, or too early.
    PushedOutOfOrder,
    /// An answer came after another one had told more.
    Overtaken,
    /// An answer of an older epoch.
    OlderEpoch,
    /// An answer with a head behind what was asked from.
    HeadBehind,
    /// A snapshot that reached the answer which had told of more.
    Filled,
    /// A snapshot that did not.
    FilledTooLittle,
    /// A grouped head read that began ticks before the question arrived.
    GroupedWithAge,
    /// A relay that answered with knowledge of some age.
    PassedOnWithAge,
    /// A failover or a restore lost events.
    LostATail,
    /// ... of which a verifier had heard.
    HeardOfALostTail,
    /// A revocation in a later life of the database.
    CommittedInALaterLife,
    /// A receipt before the bound had passed.
    EarlyReceipt,
    /// A credential was made.
    Minted,
    /// ... from facts that a revocation had ended meanwhile, so that it was dead at birth, as it has to be.
    MintedDead,
    /// Making one was refused because of a revocation.
    MintRefused,
    /// A row that was kept went on beyond the revocation that spared it.
    KeptRowWentOn,
}

const ALL: [(Seen, &str); 21] = [
    (Seen::Accepted, "accepted"),
    (Seen::AcceptedWithinTheBound, "accepted within the bound after the revocation"),
    (Seen::Killed, "refused as dead"),
    (Seen::Stale, "refused as stale"),
    (Seen::PushedInOrder, "pushed in order"),
    (Seen::PushedOutOfOrder, "pushed twice or too early"),
    (Seen::Overtaken, "an answer was overtaken"),
    (Seen::OlderEpoch, "an answer of an older epoch"),
    (Seen::HeadBehind, "a head behind the question"),
    (Seen::Filled, "a snapshot that reaches the answer"),
    (Seen::FilledTooLittle, "a snapshot that does not"),
    (Seen::GroupedWithAge, "a grouped read with an age"),
    (Seen::PassedOnWithAge, "a relay with an age"),
    (Seen::LostATail, "a tail was lost"),
    (Seen::HeardOfALostTail, "a verifier had heard of it"),
    (Seen::CommittedInALaterLife, "revoked in a later life"),
    (Seen::EarlyReceipt, "an early receipt"),
    (Seen::Minted, "minted"),
    (Seen::MintedDead, "minted dead"),
    (Seen::MintRefused, "minting refused"),
    (Seen::KeptRowWentOn, "a kept row went on"),
];

/// How often what was reached.
#[derive(Debug, Default)]
pub struct Coverage([AtomicU64; ALL.len()]);

impl Coverage {
    pub(super) fn note(&self, seen: Seen) {
        self.0[seen as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Each situation, in words, and how often it was reached.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        ALL.iter().map(|(seen, words)| (*words, self.0[*seen as usize].load(Ordering::Relaxed)))
    }
}

impl Clone for Coverage {
    fn clone(&self) -> Self {
        Self(std::array::from_fn(|at| AtomicU64::new(self.0[at].load(Ordering::Relaxed))))
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reached = self.counts().filter(|(_, count)| *count > 0);
        let words: Vec<_> = reached.map(|(words, count)| format!("{words} {count}")).collect();
        f.write_str(&words.join("; "))
    }
}
