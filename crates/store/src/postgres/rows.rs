//! Columns and values. What cannot be read is an error of the store, never a default.

use std::time::Duration;

use cloakroom_auth::check_row::{CheckColumns, CheckRow};
use cloakroom_auth::email::EmailKey;
use cloakroom_auth::feed::AsOf;
use cloakroom_auth::password::PhcString;
use cloakroom_auth::refresh::Spent;
use cloakroom_auth::session::{EndReason, Revoked, RowSecret, Session};
use cloakroom_auth::store::Found;
use cloakroom_auth::user::{LoginsEnded, Status, User};
use cloakroom_verify::{Event, Rv, SessionId, Timestamp, UserId};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use super::fault::{Fault, Result};
use crate::mark::{Change, Mark, SessionMark};
use crate::words;

/// The columns of a user.
macro_rules! user_columns {
    () => {
        "u.id, u.email, u.email_key, u.name, u.password_hash, u.roles, u.status, u.min_rv, u.logins_ended_at, \
         u.logins_ended_reason, u.created_at"
    };
}
/// The columns of a session.
macro_rules! session_columns {
    () => {
        "s.id, s.user_id, s.strategy, s.transport, s.remember, s.secret, s.generation, s.floor, s.spent, s.keyed, \
         s.strikes, s.jkt, s.rv, s.written_epoch, s.device, s.ip, s.user_agent, s.auth_time, s.created_at, \
         s.last_used_at, s.idle_timeout, s.expires_at, s.revoked_rv, s.revoked_at, s.revoked_reason"
    };
}
/// The columns of a session and its user that a check judges.
macro_rules! check_columns {
    () => {
        "s.id, s.user_id, s.secret, s.strategy, s.generation, s.rv, s.device, s.ip, s.auth_time, s.created_at, \
         s.last_used_at, s.idle_timeout, s.expires_at, s.revoked_rv IS NOT NULL, u.email, u.name, u.roles, u.status, \
         u.min_rv, u.created_at"
    };
}
/// The head, and whether this life of the database moved it last.
macro_rules! head_columns {
    () => {
        "h.head, h.floor, h.lineage = {LINEAGE}"
    };
}
/// The same beside many rows, read once for all of them and not joined with each.
macro_rules! head_once {
    () => {
        "(SELECT head FROM feed_head), (SELECT floor FROM feed_head), (SELECT lineage = {LINEAGE} FROM feed_head)"
    };
}
/// The elements of an array, a row each. The inner SELECT hides how many there are from the planner: else a short array
/// would look so much cheaper than an unknown one that each execution is planned anew, which takes longer than it runs.
macro_rules! each {
    ($array:literal) => {
        concat!("unnest((SELECT ", $array, "))")
    };
}
/// The columns of a mark.
macro_rules! mark_columns {
    () => {
        "m.id, m.user_id, m.until, m.version, m.rv, m.change_number, m.change_base, m.change_row, m.ended_rv, \
         m.ended_at, m.ended_reason"
    };
}
/// The database's own clock, as times are written.
macro_rules! clock {
    () => {
        "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
    };
}
/// The earlier of the caller's clock and the database's: what one of them has not passed may still be needed. Of the
/// statement's begin, which an index can be searched by.
macro_rules! earlier_clock {
    ($theirs:literal) => {
        concat!("least(", $theirs, ", (extract(epoch FROM statement_timestamp()) * 1000)::bigint)")
    };
}
pub(super) use {
    check_columns, clock, each, earlier_clock, head_columns, head_once, mark_columns, session_columns,
    user_columns,
};

const SESSION_COLUMNS: usize = 25;
const USER_COLUMNS: usize = 11;
const CHECK_COLUMNS: usize = 20;

/// Reads the columns of a table one after the other.
struct Columns<'r> {
    row: &'r Row,
    next: usize,
}

impl<'r> Columns<'r> {
    fn take<T: FromSql<'r>>(&mut self) -> Result<T> {
        let value = self.row.try_get(self.next)?;
        self.next += 1;
        Ok(value)
    }

    fn read<T: FromSql<'r>, U>(
        &mut self,
        what: &'static str,
        read: impl FnOnce(T) -> Option<U>,
    ) -> Result<U> {
        read(self.take()?).ok_or(Fault::Unreadable(what))
    }

    fn id(&mut self) -> Result<[u8; 16]> {
        self.read("an id", |bytes: &[u8]| bytes.try_into().ok())
    }

    fn number(&mut self) -> Result<u32> {
        self.read("a number", |number: i64| u32::try_from(number).ok())
    }

    fn time(&mut self) -> Result<Timestamp> {
        self.take().map(Timestamp::from_millis)
    }

    fn rv(&mut self) -> Result<Rv> {
        self.read("an rv", Rv::from_i64)
    }

    fn idle_timeout(&mut self) -> Result<Duration> {
        self.read("sessions.idle_timeout", |millis: i64| {
            u64::try_from(millis).ok().map(Duration::from_millis)
        })
    }

    /// Of something that has ended, which whoever asks knows.
    fn reason(&mut self) -> Result<EndReason> {
        self.take().map(EndReason::of_ended)
    }
}

/// A user from this column on.
pub(super) fn user(row: &Row, first: usize) -> Result<User> {
    let mut columns = Columns { row, next: first };
    Ok(User {
        id: UserId::from_bytes(columns.id()?),
        email: columns.take()?,
        email_key: EmailKey::from_store(columns.take()?),
        name: columns.take()?,
        password_hash: PhcString::from_store(columns.take()?),
        roles: columns.read("users.roles", words::roles)?,
        status: columns.read("users.status", Status::parse)?,
        min_rv: columns.rv()?,
        logins_ended: logins_ended(&mut columns)?,
        created_at: columns.time()?,
    })
}

/// A session from the first column on.
pub(super) fn session(row: &Row) -> Result<Session> {
    let mut columns = Columns { row, next: 0 };
    Ok(Session {
        id: SessionId::from_bytes(columns.id()?),
        user: UserId::from_bytes(columns.id()?),
        strategy: columns.read("sessions.strategy", words::strategy)?,
        transport: columns.read("sessions.transport", words::transport)?,
        remember: columns.take()?,
        secret: RowSecret(columns.id()?),
        generation: columns.number()?,
        floor: columns.number()?,
        spent: columns.read("sessions.spent", Spent::from_blob)?,
        keyed: columns.take()?,
        strikes: columns.number()?,
        jkt: columns.take::<Option<String>>()?.map(Into::into),
        rv: columns.rv()?,
        written_epoch: columns.number()?,
        device: columns.take()?,
        ip: columns.take()?,
        user_agent: columns.take()?,
        auth_time: columns.time()?,
        created_at: columns.time()?,
        last_used_at: columns.time()?,
        idle_timeout: columns.idle_timeout()?,
        expires_at: columns.time()?,
        revoked: revoked(&mut columns)?,
    })
}

fn revoked(columns: &mut Columns<'_>) -> Result<Option<Revoked>> {
    let rv: Option<i64> = columns.take()?;
    let at = columns.take::<Option<i64>>()?.map(Timestamp::from_millis);
    let reason = columns.reason()?;
    let Some(rv) = rv else { return Ok(None) };
    let rv = Rv::from_i64(rv).ok_or(Fault::Unreadable("sessions.revoked_rv"))?;
    Ok(Some(Revoked { rv, at, reason }))
}

fn logins_ended(columns: &mut Columns<'_>) -> Result<Option<LoginsEnded>> {
    let at = columns.take::<Option<i64>>()?.map(Timestamp::from_millis);
    let reason = columns.reason()?;
    Ok(at.map(|at| LoginsEnded { at, reason }))
}

/// [`head_columns`] from this column on. Of another life of the database nothing is read.
pub(super) fn as_of(row: &Row, first: usize) -> Result<AsOf> {
    let mut columns = Columns { row, next: first };
    let as_of = AsOf::read_with_row(columns.rv()?, columns.rv()?);
    if columns.take()? { Ok(as_of) } else { Err(Fault::AnotherLineage) }
}

/// A session, its user and the head.
pub(super) fn found(row: &Row) -> Result<Found> {
    Ok(Found {
        session: session(row)?,
        user: user(row, SESSION_COLUMNS)?,
        as_of: as_of(row, SESSION_COLUMNS + USER_COLUMNS)?,
    })
}

/// [`check_columns`] and the head.
pub(super) fn check_row(row: &Row) -> Result<CheckRow> {
    let mut columns = Columns { row, next: 0 };
    Ok(CheckRow::from(CheckColumns {
        session: SessionId::from_bytes(columns.id()?),
        user: UserId::from_bytes(columns.id()?),
        secret: RowSecret(columns.id()?),
        strategy: columns.read("sessions.strategy", words::strategy)?,
        generation: columns.number()?,
        rv: columns.rv()?,
        device: columns.take()?,
        ip: columns.take()?,
        auth_time: columns.time()?,
        created_at: columns.time()?,
        last_used_at: columns.time()?,
        idle_timeout: columns.idle_timeout()?,
        expires_at: columns.time()?,
        revoked: columns.take()?,
        email: columns.take()?,
        name: columns.take()?,
        roles: columns.read("users.roles", words::roles)?,
        status: columns.read("users.status", Status::parse)?,
        min_rv: columns.rv()?,
        user_created_at: columns.time()?,
        as_of: as_of(row, CHECK_COLUMNS)?,
    }))
}

/// A user and the head.
pub(super) fn user_as_of(row: &Row) -> Result<(User, AsOf)> {
    Ok((user(row, 0)?, as_of(row, USER_COLUMNS)?))
}

/// `rv, kind, key, keep_until` from this column on.
pub(super) fn event(row: &Row, first: usize) -> Result<Event> {
    let mut columns = Columns { row, next: first };
    let rv = columns.rv()?;
    let kind: &str = columns.take()?;
    let revocation = columns.read("feed_events.key", |key: &[u8]| words::revocation(kind, key))?;
    Ok(Event { rv, revocation, keep_until: columns.time()? })
}

/// [`mark_columns`].
pub(super) fn session_mark(row: &Row) -> Result<SessionMark> {
    let mut columns = Columns { row, next: 0 };
    Ok(SessionMark {
        session: SessionId::from_bytes(columns.id()?),
        user: UserId::from_bytes(columns.id()?),
        until: columns.time()?,
        mark: mark(&mut columns)?,
    })
}

/// A user, the head, and what is written of a session.
#[cfg(feature = "redis")]
pub(super) fn facts(row: &Row) -> Result<crate::ledger::Facts> {
    let mut columns = Columns { row, next: USER_COLUMNS + 3 };
    let session = SessionId::from_bytes(columns.id()?);
    let mark = mark(&mut columns)?;
    Ok(crate::ledger::Facts { session, user: user(row, 0)?, as_of: as_of(row, USER_COLUMNS)?, mark })
}

/// What a mark says, from `version` on; nothing where there is none.
fn mark(columns: &mut Columns<'_>) -> Result<Mark> {
    let Some(version) = columns.take()? else { return Ok(Mark::NONE) };
    let rv = columns.rv()?;
    let change: (Option<i64>, Option<i64>, Option<Vec<u8>>) =
        (columns.take()?, columns.take()?, columns.take()?);
    let change = match change {
        (Some(number), Some(base), Some(row)) => Some(Change { number, base, row }),
        (None | Some(_), None | Some(_), None | Some(_)) => None,
    };
    Ok(Mark { version, rv, change, ended: revoked(columns)? })
}
