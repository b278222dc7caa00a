//! Revocations that stand alone, and what comes of them.

use cloakroom_auth::session::EndReason;
use cloakroom_auth::store::{Changed, Ended, EndedAll, StoreError};
use cloakroom_verify::{Event, Revocation, SessionId, Timestamp, UserId};

/// A revocation that stands alone.
#[derive(Debug, Clone)]
pub(in crate::postgres) enum Wish {
    /// End a session (of `owner`, if given).
    End { session: SessionId, owner: Option<UserId>, reason: EndReason, now: Timestamp },
    /// End every login of a user but one.
    EndAll { user: UserId, keep: Option<SessionId>, reason: EndReason, now: Timestamp },
    /// Disable an account.
    Disable { user: UserId, now: Timestamp },
    /// Append an event that changes no row.
    Append { revocation: Revocation, keep_at_least: Option<Timestamp>, now: Timestamp },
}

/// What came of it.
#[derive(Debug)]
pub(in crate::postgres) enum Answer {
    Ended(Ended),
    EndedAll(Option<EndedAll>),
    Changed(Option<Changed>),
    Event(Event),
}

impl Answer {
    /// Wish and answer are matched by the batch; here the types cannot tell.
    pub(in crate::postgres) fn of_another_wish(self) -> StoreError {
        StoreError::new(format!("a revocation got the answer of another: {self:?}"))
    }

    /// What the same wish gets right after this one: nothing is left to be done.
    pub(super) fn again(&self) -> Self {
        match self {
            Self::Ended(Ended::Now(_) | Ended::Already) => Self::Ended(Ended::Already),
            Self::Ended(Ended::Unknown) => Self::Ended(Ended::Unknown),
            Self::EndedAll(ended) => Self::EndedAll(
                ended.as_ref().map(|EndedAll { event, .. }| EndedAll { sessions: 0, event: event.clone() }),
            ),
            Self::Changed(changed) => Self::Changed(
                changed.as_ref().map(|Changed { user, .. }| Changed { user: user.clone(), event: None }),
            ),
            Self::Event(event) => Self::Event(event.clone()),
        }
    }
}

/// What a wish changes: two with one target go one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Target {
    Session(SessionId),
    User(UserId),
    Event(&'static str, Vec<u8>),
    /// Every row, so that none may be judged beside it.
    Everything,
}

impl Wish {
    pub(super) fn target(&self) -> Target {
        match self {
            Self::End { session, .. } => Target::Session(*session),
            Self::EndAll { user, .. } | Self::Disable { user, .. } => Target::User(*user),
            // The same event as that of an end: one transaction has no place for it twice.
            Self::Append { revocation: Revocation::SessionRevoked(session), .. } => Target::Session(*session),
            Self::Append { revocation: Revocation::UserBefore(user), .. } => Target::User(*user),
            Self::Append { revocation: Revocation::EverythingBefore, .. } => Target::Everything,
            Self::Append { revocation, .. } => {
                let (kind, key) = crate::words::kind_and_key(revocation);
                Target::Event(kind, key)
            }
        }
    }

    /// Whether it asks for the same, whenever it was asked.
    pub(super) fn says_the_same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::End { session, owner, reason, now: _ },
                Self::End { session: of, owner: by, reason: why, now: _ },
            ) => (session, owner, reason) == (of, by, why),
            (
                Self::EndAll { user, keep, reason, now: _ },
                Self::EndAll { user: of, keep: but, reason: why, now: _ },
            ) => (user, keep, reason) == (of, but, why),
            (Self::Disable { user, now: _ }, Self::Disable { user: of, now: _ }) => user == of,
            (
                Self::Append { revocation, keep_at_least, now: _ },
                Self::Append { revocation: of, keep_at_least: until, now: _ },
            ) => (revocation, keep_at_least) == (of, until),
            (
                Self::End { .. } | Self::EndAll { .. } | Self::Disable { .. } | Self::Append { .. },
                Self::End { .. } | Self::EndAll { .. } | Self::Disable { .. } | Self::Append { .. },
            ) => false,
        }
    }
}
