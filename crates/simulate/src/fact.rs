//! What the database did, as the wrapper around it saw: the ground truth of a schedule, whatever was answered.

use std::fmt;

use cloakroom_auth::refresh::{Refusal, SameReason};
use cloakroom_auth::store::{Changed, Ended, EndedAll, Exchanged, Rotation};
use cloakroom_verify::SessionId;

/// One step that was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    /// A refresh was decided.
    Refreshed(SessionId, Came),
    /// An exchange was decided.
    Exchanged(SessionId, Came),
    /// A session was ended on purpose.
    Ended(SessionId),
    /// Every login of the user ended, but the one that was to be kept, if any.
    EndedAll(Option<SessionId>),
    /// The user may not log in any more.
    Disabled,
    /// The user has other roles.
    RolesChanged,
    /// The feed was read.
    FeedRead,
    /// Nothing worth telling.
    Nothing,
    /// The store failed, and nobody told it to.
    FailedByItself,
}

/// What came of a refresh or an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// This generation is the next one.
    Next(u32),
    /// This generation is answered again.
    Again(u32, Option<SameReason>),
    /// Refused; the row stays as it is.
    Refused(Option<Refusal>),
    /// The session was ended as stolen.
    Revoked,
}

/// Without ids: a schedule reads the same each time it is run.
impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refreshed(_, came) => write!(f, "refresh: {came:?}"),
            Self::Exchanged(_, came) => write!(f, "exchange: {came:?}"),
            Self::Ended(_) => f.write_str("the session is ended"),
            Self::EndedAll(kept) => {
                let but = if kept.is_some() { " but this one" } else { "" };
                write!(f, "every login of the user{but} is ended")
            }
            Self::Disabled => f.write_str("the user is disabled"),
            Self::RolesChanged => f.write_str("the user has other roles"),
            Self::FeedRead => f.write_str("the feed was read"),
            Self::Nothing => f.write_str("nothing"),
            Self::FailedByItself => f.write_str("it failed by itself"),
        }
    }
}

pub(crate) fn of_rotation(session: SessionId, rotation: &Rotation) -> Fact {
    let came = match rotation {
        Rotation::Rotated(found) => Came::Next(found.session.generation),
        Rotation::Same(found, reason) => Came::Again(found.session.generation, Some(*reason)),
        Rotation::Refused(refusal) => Came::Refused(Some(*refusal)),
        Rotation::Revoked(_) => Came::Revoked,
        Rotation::Unknown => Came::Refused(None),
    };
    Fact::Refreshed(session, came)
}

pub(crate) fn of_exchange(session: SessionId, exchanged: &Exchanged) -> Fact {
    let came = match exchanged {
        Exchanged::Done(found, _) => Came::Next(found.session.generation),
        Exchanged::Same(found) => Came::Again(found.session.generation, None),
        Exchanged::Refused(refusal) => Came::Refused(Some(*refusal)),
        Exchanged::NothingToExchange | Exchanged::Unknown => Came::Refused(None),
    };
    Fact::Exchanged(session, came)
}

pub(crate) fn of_end(session: SessionId, ended: &Ended) -> Fact {
    match ended {
        Ended::Now(_) => Fact::Ended(session),
        Ended::Already | Ended::Unknown => Fact::Nothing,
    }
}

pub(crate) fn of_end_all(kept: Option<SessionId>, ended: Option<&EndedAll>) -> Fact {
    ended.map_or(Fact::Nothing, |_| Fact::EndedAll(kept))
}

pub(crate) fn of_change(told: Fact, changed: Option<&Changed>) -> Fact {
    changed.and_then(|changed| changed.event.as_ref()).map_or(Fact::Nothing, |_| told)
}
