//! What can happen next, and how it is told.

use std::fmt;

use super::scenario::Race;
use super::state::{From, Making, Stage};

/// An event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// A server reads the head and the user, to make a credential.
    Begin(From),
    /// It goes on.
    Proceed(Making),
    /// It dies, or its client does.
    Die(Making),
    /// A server hears of everything that was revoked.
    Hear,
    /// A revocation.
    Race(Race),
}

impl fmt::Display for From {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Login => "a login",
            Self::Refresh => "a refresh",
            Self::Token => "an exchange of the token without a row",
            Self::NewPassword => "a password change by the token without a row",
        })
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begin(from) => write!(f, "{from} begins: head and user are read"),
            Self::Proceed(Making { from, stage: Stage::HeadRead, .. }) => write!(f, "{from}: judged"),
            Self::Proceed(Making { from, stage: Stage::Judged, .. }) => write!(f, "{from}: minted"),
            Self::Die(making) => write!(f, "{} dies", making.from),
            Self::Hear => write!(f, "the server hears of everything"),
            Self::Race(Race::User) => write!(f, "every login of the user is ended"),
            Self::Race(Race::Everything) => write!(f, "every login of everyone is ended"),
            Self::Race(Race::KeepRow) => write!(f, "the password changes, and the row is kept"),
            Self::Race(Race::Row) => write!(f, "the row is ended"),
            Self::Race(Race::Token) => write!(f, "the token is revoked by its id"),
        }
    }
}
