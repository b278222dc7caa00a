//! Columns and values. What cannot be read is an error of the store, never a default.

use std::time::Duration;

use cloakroom_auth::email::EmailKey;
use cloakroom_auth::feed::AsOf;
use cloakroom_auth::password::PhcString;
use cloakroom_auth::refresh::Spent;
use cloakroom_auth::session::{EndReason, Revoked, RowSecret, Session};
use cloakroom_auth::user::{LoginsEnded, Status, User};
use cloakroom_verify::{Event, Rv, SessionId, Timestamp, UserId};
use rusqlite::types::Type;
use rusqlite::{Error, Result, Row};

use crate::words;

/// The columns of [`user`], in its order.
pub(super) const USER: &str = "u.id, u.email, u.email_key, u.name, u.password_hash, u.roles, u.status, u.min_rv, \
     u.logins_ended_at, u.logins_ended_reason, u.created_at";
/// The columns of [`session`], in its order.
pub(super) const SESSION: &str = "s.id, s.user_id, s.strategy, s.transport, s.remember, s.secret, s.generation, \
     s.floor, s.spent, s.keyed, s.strikes, s.jkt, s.rv, s.written_epoch, s.device, s.ip, s.user_agent, \
     s.auth_time, s.created_at, s.last_used_at, s.idle_timeout, s.expires_at, s.revoked_rv, s.revoked_at, \
     s.revoked_reason";
/// How many they are.
pub(super) const SESSION_COLUMNS: usize = 25;
/// How many columns [`user`] reads.
pub(super) const USER_COLUMNS: usize = 11;
/// The columns of [`as_of`], in its order.
pub(super) const HEAD: &str = "h.head, h.floor";

/// Reads the columns of a table one after the other.
struct Columns<'r, 's> {
    row: &'r Row<'s>,
    next: usize,
}

impl Columns<'_, '_> {
    fn take<T: rusqlite::types::FromSql>(&mut self) -> Result<T> {
        let value = self.row.get(self.next)?;
        self.next += 1;
        Ok(value)
    }

    fn read<T: rusqlite::types::FromSql, U>(&mut self, read: impl FnOnce(T) -> Option<U>) -> Result<U> {
        let at = self.next;
        read(self.take()?).ok_or_else(|| unreadable(at))
    }

    fn time(&mut self) -> Result<Timestamp> {
        self.take().map(Timestamp::from_millis)
    }

    fn rv(&mut self) -> Result<Rv> {
        self.read(Rv::from_i64)
    }
}

pub(super) fn unreadable(column: usize) -> Error {
    Error::FromSqlConversionFailure(column, Type::Blob, "not a value that this version writes".into())
}

pub(super) fn user(row: &Row<'_>, first: usize) -> Result<User> {
    let mut columns = Columns { row, next: first };
    Ok(User {
        id: UserId::from_bytes(columns.take()?),
        email: columns.take()?,
        email_key: EmailKey::from_store(columns.take()?),
        name: columns.take()?,
        password_hash: PhcString::from_store(columns.take()?),
        roles: columns.read(|text: String| words::roles(&text))?,
        status: columns.read(|word: String| Status::parse(&word))?,
        min_rv: columns.rv()?,
        logins_ended: logins_ended(&mut columns)?,
        created_at: columns.time()?,
    })
}

pub(super) fn session(row: &Row<'_>, first: usize) -> Result<Session> {
    let mut columns = Columns { row, next: first };
    Ok(Session {
        id: SessionId::from_bytes(columns.take()?),
        user: UserId::from_bytes(columns.take()?),
        strategy: columns.read(|word: String| words::strategy(&word))?,
        transport: columns.read(|word: String| words::transport(&word))?,
        remember: columns.take()?,
        secret: RowSecret(columns.take()?),
        generation: columns.take()?,
        floor: columns.take()?,
        spent: columns.read(|blob: Vec<u8>| Spent::from_blob(&blob))?,
        keyed: columns.take()?,
        strikes: columns.take()?,
        jkt: columns.take::<Option<String>>()?.map(Into::into),
        rv: columns.rv()?,
        written_epoch: columns.take()?,
        device: columns.take()?,
        ip: columns.take()?,
        user_agent: columns.take()?,
        auth_time: columns.time()?,
        created_at: columns.time()?,
        last_used_at: columns.time()?,
        idle_timeout: columns.read(|millis: i64| u64::try_from(millis).ok().map(Duration::from_millis))?,
        expires_at: columns.time()?,
        revoked: revoked(&mut columns)?,
    })
}

fn revoked(columns: &mut Columns<'_, '_>) -> Result<Option<Revoked>> {
    let rv: Option<i64> = columns.take()?;
    let at = columns.take::<Option<i64>>()?.map(Timestamp::from_millis);
    let reason = EndReason::of_ended(columns.take::<Option<String>>()?.as_deref());
    let Some(rv) = rv else { return Ok(None) };
    let rv = Rv::from_i64(rv).ok_or_else(|| unreadable(columns.next))?;
    Ok(Some(Revoked { rv, at, reason }))
}

fn logins_ended(columns: &mut Columns<'_, '_>) -> Result<Option<LoginsEnded>> {
    let at = columns.take::<Option<i64>>()?.map(Timestamp::from_millis);
    let reason = EndReason::of_ended(columns.take::<Option<String>>()?.as_deref());
    Ok(at.map(|at| LoginsEnded { at, reason }))
}

pub(super) fn as_of(row: &Row<'_>, first: usize) -> Result<AsOf> {
    let mut columns = Columns { row, next: first };
    Ok(AsOf::read_with_row(columns.rv()?, columns.rv()?))
}

/// `rv, kind, key, keep_until`.
pub(super) fn event(row: &Row<'_>, first: usize) -> Result<Event> {
    let mut columns = Columns { row, next: first };
    let rv = columns.rv()?;
    let kind: String = columns.take()?;
    let revocation = columns.read(|key: Vec<u8>| words::revocation(&kind, &key))?;
    Ok(Event { rv, revocation, keep_until: columns.time()? })
}
