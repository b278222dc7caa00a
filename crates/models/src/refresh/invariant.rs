//! R1 to R5 of the design, as bits that a step sets when it breaks one.

/// What must never happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// R1: only the current generation is spent, once, and every answer holds the current one.
    OneLineage,
    /// R2: refresh never ends the login of an honest client, nor refuses it.
    HonestSafe,
    /// R2: a straggler within the grace is never taken for a thief.
    StragglerSafe,
    /// R3: of two parties that present one generation, the second ends the session.
    TheftCaught,
    /// R3: a pending attempt that was copied shares one answer.
    CopiedAttemptSharesOnce,
    /// R3: nothing is granted without the key to a row that is bound to one.
    KeyNeeded,
    /// R4: nothing is granted to a request that came after the end.
    NothingAfterTheEnd,
    /// R4: what a stale snapshot still grants is dead at birth.
    DeadAtBirth,
    /// R5: a store that failed is never told as `invalid_grant`.
    FailureIsNotRefusal,
}

/// Which invariants were broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Broken(u16);

impl Broken {
    /// Notes one.
    pub fn note(&mut self, invariant: Invariant) {
        self.0 |= 1 << invariant as u16;
    }

    /// Whether this one was broken.
    pub const fn has(self, invariant: Invariant) -> bool {
        self.0 & (1 << invariant as u16) != 0
    }

    /// The first of these that was.
    pub fn first_of(self, invariants: &[Invariant]) -> Option<Invariant> {
        invariants.iter().copied().find(|invariant| self.has(*invariant))
    }
}

impl Invariant {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OneLineage => "R1 one lineage",
            Self::HonestSafe => "R2 an honest client is never logged out",
            Self::StragglerSafe => "R2 a straggler within the grace is never taken for a thief",
            Self::TheftCaught => "R3 a thief not in step is caught",
            Self::CopiedAttemptSharesOnce => "R3 a copied attempt shares one answer",
            Self::KeyNeeded => "R3 nothing is granted without the key",
            Self::NothingAfterTheEnd => "R4 nothing is granted after the end",
            Self::DeadAtBirth => "R4 what a stale snapshot grants is dead at birth",
            Self::FailureIsNotRefusal => "R5 a failure is never invalid_grant",
        }
    }
}
