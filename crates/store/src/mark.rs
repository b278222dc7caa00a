//! What a SQL database keeps of a session whose row is elsewhere, in every build: a copy carries it along even where
//! nobody here could read that row.

use cloakroom_auth::session::Revoked;
use cloakroom_verify::{Rv, SessionId, Timestamp, UserId};

/// A mark as it rests in its table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionMark {
    /// Of which session.
    pub session: SessionId,
    /// Of which user.
    pub user: UserId,
    /// What it says.
    pub mark: Mark,
    /// When no row of this session can be good any more.
    pub until: Timestamp,
}

/// What is written of one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// How often it was written.
    pub version: i64,
    /// The row's own number is at least this: it was kept by a `user_before`.
    pub rv: Rv,
    /// The last privilege change.
    pub change: Option<Change>,
    /// That it ended, and why.
    pub ended: Option<Revoked>,
}

/// A privilege change. Until the row in Redis has taken it up, the row is what this says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// How many the row had, this one included.
    pub number: i64,
    /// Which version of the row it changed. Of another one it says nothing.
    pub base: i64,
    /// The row after it.
    pub row: Vec<u8>,
}

impl Mark {
    /// Nothing is.
    pub const NONE: Self = Self { version: 0, rv: Rv::ZERO, change: None, ended: None };
}
