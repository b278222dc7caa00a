//! The table of marks: how one is written.

use cloakroom_verify::Timestamp;
use tokio_postgres::types::ToSql;

use crate::mark::SessionMark;

/// Adds one; where there is one already this is an error. `mark_insert!()`, for statements that go on.
macro_rules! mark_insert {
    () => {
        "INSERT INTO session_marks AS m (id, user_id, version, rv, change_number, change_base, change_row, ended_rv, \
         ended_at, ended_reason, until) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
    };
}
pub(super) use mark_insert;

/// A mark in the types of its columns.
pub(super) struct Columns<'m> {
    id: &'m [u8],
    user: &'m [u8],
    version: i64,
    rv: i64,
    number: Option<i64>,
    base: Option<i64>,
    row: Option<&'m [u8]>,
    ended_rv: Option<i64>,
    ended_at: Option<i64>,
    reason: Option<&'static str>,
    until: i64,
}

impl<'m> Columns<'m> {
    pub(super) fn of(marked: &'m SessionMark) -> Self {
        let SessionMark { session, user, mark, until } = marked;
        let (change, ended) = (mark.change.as_ref(), mark.ended.as_ref());
        Self {
            id: session.as_bytes(),
            user: user.as_bytes(),
            version: mark.version,
            rv: mark.rv.as_i64(),
            number: change.map(|change| change.number),
            base: change.map(|change| change.base),
            row: change.map(|change| change.row.as_slice()),
            ended_rv: ended.map(|ended| ended.rv.as_i64()),
            ended_at: ended.and_then(|ended| ended.at).map(Timestamp::as_millis),
            reason: ended.map(|ended| ended.reason.as_str()),
            until: until.as_millis(),
        }
    }

    /// As [`mark_insert`] numbers them.
    pub(super) fn all(&self) -> [&(dyn ToSql + Sync); 11] {
        [
            &self.id,
            &self.user,
            &self.version,
            &self.rv,
            &self.number,
            &self.base,
            &self.row,
            &self.ended_rv,
            &self.ended_at,
            &self.reason,
            &self.until,
        ]
    }
}
