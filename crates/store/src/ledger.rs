//! What a SQL database keeps for sessions whose rows are elsewhere: that they ended, and what a privilege change made
//! of them. It is written in the transaction of the event that tells of it, so neither is ever there without the other.

use async_trait::async_trait;
use cloakroom_auth::feed::AsOf;
use cloakroom_auth::password::PhcString;
use cloakroom_auth::session::{EndReason, Revoked};
use cloakroom_auth::store::{Feed, ServiceKeys, Stored, Users};
use cloakroom_auth::user::User;
use cloakroom_verify::{Event, Revocation, Rv, SessionId, Timestamp, UserId};

pub(crate) use crate::mark::{Change, Mark, SessionMark};

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

    /// The earlier of the caller's clock and the database's, where that has one of its own: by it rows are deleted.
    async fn earlier(&self, now: Timestamp) -> Stored<Timestamp>;

    /// Deletes at most `limit` sessions that are over by their absolute timeout, of those that were here before.
    async fn purge_left_behind(&self, now: Timestamp, limit: u32) -> Stored<u64>;
}

/// What SQL knows of a session, read in one statement.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) session: SessionId,
    pub(crate) user: User,
    pub(crate) as_of: AsOf,
    pub(crate) mark: Mark,
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
    /// What rests of the session after an entry that was told by this number.
    pub(crate) fn marked(&self, entry: &Entry, rv: Rv) -> SessionMark {
        let mark = self.mark.after(entry, rv);
        SessionMark { session: self.session, user: self.user.id, mark, until: entry.until }
    }

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
    /// The mark after an entry that was told by this number.
    fn after(&self, entry: &Entry, rv: Rv) -> Self {
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
