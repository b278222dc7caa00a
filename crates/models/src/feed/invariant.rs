//! The invariants of the feed (docs/revocation.md), as bits that a step sets when it breaks one.

/// What must never happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// I1: a check that reads its clock later than the bound after a revocation accepts nothing that it kills.
    Bound,
    /// I2: who is fresh as of a moment has applied every revocation committed before it.
    Complete,
    /// I4: a credential made on what a revocation ends is killed by it.
    NoImmortalMint,
    /// I5: what was known to be dead stays so.
    Monotone,
    /// I8: no check that starts after a receipt accepts what it tells of.
    Receipt,
    /// I9: no number names two events.
    NoReuse,
    /// I10: an honest credential is refused only for a revocation or a lapsed lease.
    HonestAccepted,
    /// I10: a new login is not dead at birth.
    NotDeadAtBirth,
    /// When nothing is lost any more, one round makes every verifier fresh.
    QuietIsFresh,
}

/// Which invariants were broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Broken(u16);

impl Broken {
    /// Notes one.
    pub fn note(&mut self, invariant: Invariant) {
        self.0 |= 1 << invariant as u16;
    }

    /// The first of these that was broken.
    pub fn first_of(self, invariants: &[Invariant]) -> Option<Invariant> {
        invariants.iter().copied().find(|invariant| self.0 & (1 << *invariant as u16) != 0)
    }
}

impl Invariant {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bound => "I1 the bound",
            Self::Complete => "I2 completeness",
            Self::NoImmortalMint => "I4 no immortal mint",
            Self::Monotone => "I5 monotone",
            Self::Receipt => "I8 a receipt is sound",
            Self::NoReuse => "I9 no number is used twice",
            Self::HonestAccepted => "I10 refused only for a revocation or a lapsed lease",
            Self::NotDeadAtBirth => "I10 a new login is not dead at birth",
            Self::QuietIsFresh => "a quiet system becomes fresh",
        }
    }
}

/// The one property of the checker.
pub(super) const INVARIANTS: &str = "the invariants of the feed";
