//! What came of each refresh, by a stable word: for audit lines and for counting.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::refresh::{Refusal, SameReason};
use crate::session::Dead;

/// What came of a refresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshEvent {
    /// The token was spent for the next one.
    Rotated,
    /// The database had lost its tail: the token's generation was believed, once.
    Adopted,
    /// A spent token was answered again.
    Repeated(SameReason),
    /// It was refused, and nothing changed.
    Refused(Refusal),
    /// A spent token came back from somebody else: its login was ended.
    Reused,
    /// No token of ours, a wrong mac, or no row that counts to prove it by (after a Redis was restarted, those of honest
    /// clients are among them). Nothing was read but one row. Counted, never a line: anybody can send these.
    Forged,
}

impl RefreshEvent {
    const ALL: [Self; 18] = [
        Self::Rotated,
        Self::Adopted,
        Self::Repeated(SameReason::LostResponse),
        Self::Repeated(SameReason::Grace),
        Self::Repeated(SameReason::BoundKey),
        Self::Repeated(SameReason::Strike),
        Self::Refused(Refusal::WrongKind),
        Self::Refused(Refusal::Dead(Dead::Revoked)),
        Self::Refused(Refusal::Dead(Dead::Expired)),
        Self::Refused(Refusal::Dead(Dead::Idle)),
        Self::Refused(Refusal::Dead(Dead::UserDisabled)),
        Self::Refused(Refusal::Dead(Dead::Outdated)),
        Self::Refused(Refusal::MissingProof),
        Self::Refused(Refusal::FromTheFuture),
        Self::Refused(Refusal::BelowFloor),
        Self::Refused(Refusal::LateDuplicate),
        Self::Reused,
        Self::Forged,
    ];

    /// The word for it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Rotated => "refresh_rotated",
            Self::Adopted => "refresh_adopted",
            Self::Repeated(SameReason::LostResponse) => "refresh_repeated",
            Self::Repeated(SameReason::Grace) => "refresh_repeated_in_grace",
            Self::Repeated(SameReason::BoundKey) => "refresh_repeated_with_key",
            Self::Repeated(SameReason::Strike) => "refresh_repeated_for_a_life",
            Self::Refused(Refusal::WrongKind) => "refresh_wrong_kind",
            Self::Refused(Refusal::Dead(Dead::Revoked)) => "refresh_ended",
            Self::Refused(Refusal::Dead(Dead::Expired)) => "refresh_expired",
            Self::Refused(Refusal::Dead(Dead::Idle)) => "refresh_idle",
            Self::Refused(Refusal::Dead(Dead::UserDisabled)) => "refresh_user_disabled",
            Self::Refused(Refusal::Dead(Dead::Outdated)) => "refresh_outdated",
            Self::Refused(Refusal::MissingProof) => "refresh_key_missing",
            Self::Refused(Refusal::FromTheFuture) => "refresh_from_the_future",
            Self::Refused(Refusal::BelowFloor) => "refresh_before_privilege_change",
            Self::Refused(Refusal::LateDuplicate) => "refresh_late_duplicate",
            Self::Reused => "refresh_reused",
            Self::Forged => "refresh_forged",
        }
    }
}

/// How often each of them came.
#[derive(Debug)]
pub struct RefreshCounts(BTreeMap<&'static str, AtomicU64>);

impl Default for RefreshCounts {
    fn default() -> Self {
        Self(RefreshEvent::ALL.into_iter().map(|event| (event.code(), AtomicU64::new(0))).collect())
    }
}

impl RefreshCounts {
    pub(crate) fn count(&self, event: RefreshEvent) {
        if let Some(count) = self.0.get(event.code()) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Each word with its count since the start, in the order of the words.
    pub fn read(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map(|(code, count)| (*code, count.load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_has_a_word_of_its_own_and_is_counted_under_it() {
        let counts = RefreshCounts::default();
        RefreshEvent::ALL.into_iter().for_each(|event| counts.count(event));
        let counted: Vec<_> = counts.read().collect();
        assert_eq!(counted.len(), RefreshEvent::ALL.len());
        assert!(counted.iter().all(|(_, count)| *count == 1), "{counted:?}");
    }
}
