//! Revocation as the rules see it: heads, and what a credential may be stamped with.
//!
//! The rule whose violation makes an immortal credential: **a head is read in the same statement as the
//! validity it stamps, or before it; never after.** So a head outside a transaction exists only inside an
//! [`AsOf`], and an [`AsOf`] only beside the row that it was read with.

use std::time::Duration;

use cloakroom_verify::{Event, Revocation, Rv, Timestamp};

/// A feed head that was read together with a row: the only thing that a credential can be stamped with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AsOf {
    head: Rv,
    floor: Rv,
}

impl AsOf {
    /// For stores only: head and floor as the statement that read the row saw them.
    pub const fn read_with_row(head: Rv, floor: Rv) -> Self {
        Self { head, floor }
    }

    /// The head, to stamp a credential with.
    pub const fn head(self) -> Rv {
        self.head
    }

    /// The least `rv` that anyone's row may have: raised by `everything_before`.
    pub const fn floor(self) -> Rv {
        self.floor
    }
}

/// What a verifier that knows everything up to `since` still has to learn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sync {
    /// The head that this answer reaches.
    pub head: Rv,
    /// The least `rv` that survives.
    pub floor: Rv,
    /// Every live event after `since`, in order; all live events when `since` is of another epoch or absent.
    pub events: Vec<Event>,
}

/// Whether a second event of the same kind and key would say nothing new, so that the first is kept. The others are
/// merged by maximum: the newer takes the place of the older.
pub const fn says_nothing_twice(revocation: &Revocation) -> bool {
    match revocation {
        Revocation::SessionRevoked(_)
        | Revocation::TokenRevoked(_)
        | Revocation::KeyRevoked(_)
        | Revocation::ServiceKeyRevoked(_) => true,
        Revocation::UserBefore(_)
        | Revocation::EverythingBefore
        | Revocation::ClaimsBefore(_)
        | Revocation::SessionChanged(_) => false,
    }
}

/// Until when an event appended at `now` must be kept. A revoked key and `everything_before` are never forgotten.
pub fn keep_until(revocation: &Revocation, now: Timestamp, retention: Duration) -> Timestamp {
    match revocation {
        Revocation::KeyRevoked(_) | Revocation::EverythingBefore => Timestamp::from_millis(i64::MAX),
        Revocation::SessionRevoked(_)
        | Revocation::TokenRevoked(_)
        | Revocation::ServiceKeyRevoked(_)
        | Revocation::UserBefore(_)
        | Revocation::ClaimsBefore(_)
        | Revocation::SessionChanged(_) => now.after(retention),
    }
}

/// How long events are kept, as all servers of one database agree on it: raised at once, lowered only after the
/// longer one has run out since it was last announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// How long an event is kept.
    pub duration: Duration,
    /// Until when nothing shorter counts.
    pub until: Timestamp,
}

impl Retention {
    /// What holds after a server announced `duration`, when it was between `earliest` and `latest`: there may be several
    /// clocks, and nothing may be forgotten too early by any of them.
    #[must_use]
    pub fn announce(self, duration: Duration, earliest: Timestamp, latest: Timestamp) -> Self {
        if duration >= self.duration || earliest >= self.until {
            // Never back: the one before may have been announced by a clock that is ahead.
            return Self { duration, until: self.until.max(latest.after(duration)) };
        }
        self
    }
}

/// How long an event is kept: until everything that it can kill has expired.
///
/// `longest` is the longest access token lifetime that any server of this database had lately.
pub fn retention(longest: Duration, leeway: Duration, bound: Duration) -> Duration {
    longest + leeway + Duration::from_secs(60) + bound
}

/// The first epoch of a database, and the least that a new one may be: seconds since 2026-01-01 UTC,
/// so that two restores of one backup never share an epoch.
pub fn epoch_at(now: Timestamp) -> u32 {
    const YEAR_2026: i64 = 1_767_225_600;
    u32::try_from(now.as_seconds().saturating_sub(YEAR_2026)).unwrap_or(1).clamp(1, 0x7FFF_FFFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retention_is_raised_at_once_and_lowered_only_after_it_has_run_out() {
        let at = Timestamp::from_seconds;
        let long = Duration::from_secs(1000);
        let short = Duration::from_secs(10);
        let none = Retention { duration: Duration::ZERO, until: at(0) };
        let raised = none.announce(short, at(100), at(100)).announce(long, at(101), at(101));
        assert_eq!(raised, Retention { duration: long, until: at(1101) });
        assert_eq!(
            raised.announce(short, at(1100), at(1100)),
            raised,
            "a token of the longer kind may still live"
        );
        assert_eq!(raised.announce(short, at(1101), at(1101)).duration, short);
    }

    #[test]
    fn of_two_clocks_none_shortens_the_retention() {
        let at = Timestamp::from_seconds;
        let long = Retention { duration: Duration::from_secs(1000), until: at(1101) };
        let short = Duration::from_secs(10);
        assert_eq!(long.announce(short, at(1100), at(9999)), long, "one of them is ahead");
        assert_eq!(long.announce(short, at(1101), at(9999)).until, at(10_009));
        assert_eq!(long.announce(long.duration, at(200), at(300)).until, at(1300));
        assert_eq!(
            long.announce(long.duration, at(50), at(50)),
            long,
            "the one before was ahead: nothing moves back"
        );
    }

    #[test]
    fn epochs_of_two_restores_differ() {
        assert_eq!(epoch_at(Timestamp::from_seconds(1_767_225_600)), 1);
        assert_eq!(epoch_at(Timestamp::from_seconds(1_767_225_602)), 2);
        assert_eq!(epoch_at(Timestamp::from_seconds(0)), 1);
    }
}
