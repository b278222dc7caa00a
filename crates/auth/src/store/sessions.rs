//! The session table, and what comes of a step on it.

use async_trait::async_trait;
use cloakroom_verify::{Event, SessionId, Timestamp, UserId};

use super::Stored;
use crate::check_row::CheckRow;
use crate::email::EmailKey;
use crate::exchange::ExchangeAsk;
use crate::feed::AsOf;
use crate::privilege::StepUp;
use crate::refresh::{Ask, Refusal, SameReason};
use crate::session::{EndReason, NewSession, RowSecret, Session};
use crate::user::User;

/// The session table.
#[async_trait]
pub trait Sessions: Send + Sync + 'static {
    /// Inserts the row only where its user is active and `row.rv >= greatest(min_rv, floor)`. What is revoked beside it
    /// kills it all the same: a row is judged at each use, and its `rv` is from before.
    async fn start(&self, new: NewSession) -> Stored<Started>;

    /// The row, its user and the head, read in one statement.
    async fn find(&self, id: SessionId) -> Stored<Option<Found>>;

    /// What [`find`](Self::find) tells, of several rows at once and by one snapshot, in any order; rows that are not there
    /// are left out.
    async fn find_many(&self, ids: &[SessionId]) -> Stored<Vec<Found>>;

    /// What [`find_many`](Self::find_many) tells, but only as much of each row as a check of a session token judges.
    async fn for_check(&self, ids: &[SessionId]) -> Stored<Vec<CheckRow>> {
        Ok(match ids {
            [alone] => self.find(*alone).await?.map(CheckRow::from).into_iter().collect(),
            several => self.find_many(several).await?.into_iter().map(CheckRow::from).collect(),
        })
    }

    /// Of a row that is there and counts no more, since what came of it may be lost: it can be [ended](Self::end) all the
    /// same, and what was made from it may live. Where nothing that was acknowledged is ever lost, there is none.
    async fn remains(&self, _id: SessionId) -> Stored<Option<Remains>> {
        Ok(None)
    }

    /// `last_used_at = greatest(last_used_at, at)`, for real uses only, and only where the row was live at that time: a
    /// session that was idle stays so, whoever tells of a use. (Where ends are kept elsewhere, that of a row which was
    /// ended may move: it gives nothing back.) Losing some is harmless: the session then ends earlier, never later. A row
    /// that is not there is skipped.
    async fn touch(&self, uses: &[(SessionId, Timestamp)]) -> Stored<()>;

    /// Judges with [`refresh::decide`](crate::refresh::decide) under the row lock and applies the decision in the
    /// same step. A row's `rv` for minting is the head of *this* step. After an error it may have been done or not, as
    /// after an answer that was lost: to ask again with the same attempt is safe.
    async fn rotate(&self, ask: &Ask) -> Stored<Rotation>;

    /// What [`rotate`](Self::rotate) does, by [`exchange::decide`](crate::exchange::decide); an exchange appends
    /// `session_changed`.
    async fn exchange(&self, ask: &ExchangeAsk) -> Stored<Exchanged>;

    /// What [`rotate`](Self::rotate) does, by [`privilege::judge`](crate::privilege::judge): [renews](Session::renew) the
    /// row and appends `session_changed`. Nothing changes where the user's hash is not the proved one any more.
    async fn step_up(&self, step: &StepUp) -> Stored<SteppedUp>;

    /// All sessions of a user at `now`, newest first (a Redis tells of 4,096 at most): not ended, not past `expires_at`,
    /// not outdated. Idle ones are among them, since the caller may know of uses that are not written yet.
    async fn list_sessions(&self, user: UserId, now: Timestamp) -> Stored<Vec<Session>>;

    /// The other sessions of a user that rows remember, the last used first: ended, expired, outdated. Of more than
    /// `limit`, it is those that were used last.
    async fn list_ended(&self, user: UserId, now: Timestamp, limit: u32) -> Stored<Vec<Found>>;

    /// Whether this user ever logged in from this address, as far as rows remember.
    async fn known_address(&self, email: &EmailKey, address: &str) -> Stored<bool>;

    /// Ends one session (of `owner`, if given) and appends `session_revoked`. Ending it again says `Already`.
    async fn end(
        &self,
        id: SessionId,
        owner: Option<UserId>,
        reason: EndReason,
        now: Timestamp,
    ) -> Stored<Ended>;

    /// Ends every login of the user but `keep`, rowless ones included, by one `user_before`; `keep` gets the new
    /// number as its `rv`, and the user remembers the reason. `None`: no such user, or `keep` is no live session of this user.
    async fn end_all(
        &self,
        user: UserId,
        keep: Option<SessionId>,
        reason: EndReason,
        now: Timestamp,
    ) -> Stored<Option<EndedAll>>;

    /// Deletes at most `limit` sessions that ended by their absolute timeout before `now`, by index; where the store has a
    /// clock of its own, also before that one: by a clock that is ahead, rows would go that others still need.
    async fn purge_sessions(&self, now: Timestamp, limit: u32) -> Stored<u64>;

    /// What [`purge_sessions`](Self::purge_sessions) does, of rows that sessions left behind in a database when they moved
    /// out of it.
    async fn purge_left_behind(&self, _now: Timestamp, _limit: u32) -> Stored<u64> {
        Ok(0)
    }

    /// Looks whether sessions can be read and written now, where they are not with everything else, and remembers what
    /// it finds. Where they are, the feed and [`takes_writes`](super::Feed::takes_writes) tell.
    async fn look(&self) -> Option<Trouble> {
        None
    }

    /// What the last look found, without asking.
    fn trouble(&self) -> Option<Trouble> {
        None
    }
}

/// What a row that counts no more still tells.
#[derive(Debug, Clone)]
pub struct Remains {
    /// Whose login it was.
    pub user: UserId,
    /// The row's part of the mac of its tokens.
    pub secret: RowSecret,
}

/// Why logins cannot be kept, where they are kept elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// Nobody can be asked.
    #[error("the store of sessions does not answer")]
    NoAnswer,
    /// Checks of sessions may go on; nobody can log in.
    #[error("the store of sessions takes no writes")]
    NoWrites,
}

/// A session with the user and the head it was read with.
#[derive(Debug, Clone)]
pub struct Found {
    /// The row.
    pub session: Session,
    /// Whose it is.
    pub user: User,
    /// The head of the same statement.
    pub as_of: AsOf,
}

/// What came of starting a session.
#[derive(Debug)]
pub enum Started {
    /// The row is there. Sessions that were ended to make room, oldest use first, are told of by these events.
    Row {
        /// `session_revoked` for each ended one.
        evicted: Vec<Event>,
    },
    /// The user was disabled or logged out everywhere since the password was checked.
    DeadAtBirth,
}

/// What came of a refresh.
#[derive(Debug)]
pub enum Rotation {
    /// The next generation is current.
    Rotated(Found),
    /// The current generation is answered again.
    Same(Found, SameReason),
    /// Nothing changed.
    Refused(Refusal),
    /// The session was ended in this step.
    Revoked(Event),
    /// There is no such row.
    Unknown,
}

/// What came of an exchange.
#[derive(Debug)]
pub enum Exchanged {
    /// The row carries the other kind of token now.
    Done(Found, Event),
    /// It did already, by this very attempt.
    Same(Found),
    /// The token already is of the wanted kind.
    NothingToExchange,
    /// Nothing changed.
    Refused(Refusal),
    /// There is no such row.
    Unknown,
}

/// What came of proving the password again.
#[derive(Debug)]
pub enum SteppedUp {
    /// The next generation is current, with a new `auth_time`.
    Done(Found, Event),
    /// The login is no good; nothing changed.
    Refused(Refusal),
    /// The password was changed meanwhile; nothing changed.
    Overtaken,
    /// There is no such row of this user.
    Unknown,
}

/// What came of ending a session.
#[derive(Debug)]
pub enum Ended {
    /// It ended now.
    Now(Event),
    /// It had ended before, by itself or with all logins of its user.
    Already,
    /// There is no such session (of this owner).
    Unknown,
}

/// What came of ending the logins of a user.
#[derive(Debug)]
pub struct EndedAll {
    /// How many listed sessions this ended.
    pub sessions: u64,
    /// The `user_before`.
    pub event: Event,
}
