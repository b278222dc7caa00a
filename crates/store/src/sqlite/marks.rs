//! The table of marks: read, and written over the one before.

use cloakroom_auth::session::{EndReason, Revoked};
use cloakroom_verify::{Rv, SessionId, Timestamp, UserId};
use rusqlite::{Connection, Result, Row, params};

use super::rows;
use crate::mark::{Change, Mark, SessionMark};

/// The columns of [`read`]; those from `version` on are the ones of [`mark`].
pub(super) const COLUMNS: &str = "m.id, m.user_id, m.until, m.version, m.rv, m.change_number, m.change_base, \
     m.change_row, m.ended_rv, m.ended_at, m.ended_reason";

/// A whole one.
pub(super) fn read(row: &Row<'_>) -> Result<SessionMark> {
    Ok(SessionMark {
        session: SessionId::from_bytes(row.get(0)?),
        user: UserId::from_bytes(row.get(1)?),
        until: Timestamp::from_millis(row.get(2)?),
        mark: mark(row, 3)?,
    })
}

/// What one says, from this column on; nothing where there is none.
pub(super) fn mark(row: &Row<'_>, first: usize) -> Result<Mark> {
    let Some(version) = row.get::<_, Option<i64>>(first)? else { return Ok(Mark::NONE) };
    let rv = |column| {
        let value: Option<i64> = row.get(column)?;
        value.map(|value| Rv::from_i64(value).ok_or_else(|| rows::unreadable(column))).transpose()
    };
    let change = match (row.get(first + 2)?, row.get(first + 3)?, row.get(first + 4)?) {
        (Some(number), Some(base), Some(row)) => Some(Change { number, base, row }),
        (None | Some(_), None | Some(_), None | Some(_)) => None,
    };
    let ended = match rv(first + 5)? {
        None => None,
        Some(rv) => {
            let word: Option<String> = row.get(first + 7)?;
            let reason = EndReason::of_ended(word.as_deref());
            let at = row.get::<_, Option<i64>>(first + 6)?.map(Timestamp::from_millis);
            Some(Revoked { rv, at, reason })
        }
    };
    Ok(Mark { version, rv: rv(first + 1)?.unwrap_or(Rv::ZERO), change, ended })
}

/// Writes one over another.
#[cfg(feature = "redis")]
pub(super) fn replace(connection: &Connection, marked: &SessionMark) -> Result<()> {
    const OVER: &str = " ON CONFLICT (id) DO UPDATE SET version = excluded.version, rv = excluded.rv, \
         change_number = excluded.change_number, change_base = excluded.change_base, \
         change_row = excluded.change_row, ended_rv = excluded.ended_rv, ended_at = excluded.ended_at, \
         ended_reason = excluded.ended_reason, until = max(until, excluded.until)";
    write(connection, marked, OVER)
}

/// Adds one; where there is one already this is an error.
pub(super) fn add(connection: &Connection, marked: &SessionMark) -> Result<()> {
    write(connection, marked, "")
}

fn write(connection: &Connection, marked: &SessionMark, conflict: &str) -> Result<()> {
    let SessionMark { session, user, mark, until } = marked;
    let (change, ended) = (mark.change.as_ref(), mark.ended.as_ref());
    connection
        .prepare_cached(&format!(
            "INSERT INTO session_marks (id, user_id, version, rv, change_number, change_base, change_row, ended_rv, \
             ended_at, ended_reason, until) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11){conflict}"
        ))?
        .execute(params![
            session.as_bytes(),
            user.as_bytes(),
            mark.version,
            mark.rv.as_i64(),
            change.map(|change| change.number),
            change.map(|change| change.base),
            change.map(|change| &change.row),
            ended.map(|ended| ended.rv.as_i64()),
            ended.and_then(|ended| ended.at).map(Timestamp::as_millis),
            ended.map(|ended| ended.reason.as_str()),
            until.as_millis(),
        ])
        .map(drop)
}
