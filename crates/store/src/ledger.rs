//! What a SQL database keeps for sessions whose rows are elsewhere: that they ended, and what a privilege change made
//! of them. It is written in the transaction of the event that tells of it, so neither is ever there without the other.

use async_trait::async_trait;
use cloakroom_auth::feed::AsOf;
use cloakroom_auth::password::PhcString;
use cloakroom_auth::session::{EndReason, Revoked};
use cloakroom_auth::store::{Feed, ServiceKeys, Stored, Users};
use cloakroom_auth::user::User;
use cloakroom_verify::{Event, Revocation, Rv, SessionId, Timestamp, UserId};

/// A database without the session rows.
#[async_trait]
pub(crate) trait Ledger: Users + Feed + ServiceKeys {
    /// What it knows of these sessions of these users, of one snapshot and with its head. Those of users who are not
    /// there are left out.
    async fn facts(&self, of: &[(SessionId, UserId)]) -> Stored<Vec<Facts>>;

    /// Tells of something and writes the mark, in one transaction, where the facts are still those that were read.
    /// `None`: they are not, and nothing was done.
    async fn record(&self, read: &Facts, entry: &Entry) -> Stored<Option<Recorded>>;

    /// Ends every login of a user. `None`: no such user.
    async fn end_logins(&self, user: UserId, reason: EndReason, now: Timestamp) -> Stored<Option<Event>>;

    /// Deletes at most `limit` marks of sessions that are over by their absolute timeout.
    async fn purge_marks(&self, now: Timestamp, limit: u32) -> Stored<u64>;
}

/// What SQL knows of a session, read in one statement.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) session: SessionId,
    pub(crate) user: User,
    pub(crate) as_of: AsOf,
    pub(crate) mark: Mark,
}

/// What is written of one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) version: i64,
    pub(crate) rv: Rv,
    pub(crate) change: Option<Change>,
    pub(crate) ended: Option<Revoked>,
}

/// A privilege change. Until the row in Redis has taken it up, the row is what this says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// How many the row had, this one included.
    pub(crate) number: i64,
    /// Which version of the row it changed. Of another one it says nothing.
    pub(crate) base: i64,
    /// The row after it.
    pub(crate) row: Vec<u8>,
}

/// Something to be told and remembered.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) what: What,
    /// When no row of this session can be good any more.
    pub(crate) until: Timestamp,
    pub(crate) now: Timestamp,
}

/// Which event, and what goes with it.
#[derive(Debug, Clone)]
pub(crate) enum What {
    /// `session_revoked`
    Ended(EndReason),
    /// `session_changed`
    Changed(Change),
    /// `user_before`, which this session survives.
    Kept(EndReason),
    /// The same, by a new password.
    Password(PhcString, Change),
}

/// What was told.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) event: Event,
    /// The head after it.
    pub(crate) as_of: AsOf,
}

impl Facts {
    /// Whether nothing that a decision rests on is another now.
    pub(crate) fn still_hold(&self, now: &Self) -> bool {
        self.mark.version == now.mark.version
            && self.as_of.floor() == now.as_of.floor()
            && self.user.min_rv == now.user.min_rv
            && self.user.status == now.user.status
            && self.user.password_hash == now.user.password_hash
    }

    /// What is to be told of an entry.
    pub(crate) fn revocation(&self, entry: &Entry) -> Revocation {
        match entry.what {
            What::Ended(_) => Revocation::SessionRevoked(self.session),
            What::Changed(_) => Revocation::SessionChanged(self.session),
            What::Kept(_) | What::Password(..) => Revocation::UserBefore(self.user.id),
        }
    }
}

impl Mark {
    /// Nothing is.
    pub(crate) const NONE: Self = Self { version: 0, rv: Rv::ZERO, change: None, ended: None };

    /// The mark after an entry that was told by this number.
    pub(crate) fn after(&self, entry: &Entry, rv: Rv) -> Self {
        let mut mark = Self { version: self.version + 1, ..self.clone() };
        match &entry.what {
            What::Ended(reason) => mark.ended = Some(Revoked { rv, at: Some(entry.now), reason: *reason }),
            What::Changed(change) => mark.change = Some(change.clone()),
            What::Kept(_) => mark.rv = rv,
            What::Password(_, change) => {
                mark.rv = rv;
                mark.change = Some(change.clone());
            }
        }
        mark
    }
}
