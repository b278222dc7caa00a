//! Marks of sessions whose rows are in Redis.

use async_trait::async_trait;
use cloakroom_auth::session::{EndReason, Revoked};
use cloakroom_auth::store::{Sessions, Stored};
use cloakroom_verify::{Event, Rv, SessionId, Timestamp, UserId};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use super::rows::{self, HEAD, USER, USER_COLUMNS};
use super::{Sqlite, feed, users};
use crate::ledger::{Change, Entry, Facts, Ledger, Mark, Recorded, What};

#[async_trait]
impl Ledger for Sqlite {
    async fn facts(&self, of: &[(SessionId, UserId)]) -> Stored<Vec<Facts>> {
        let of = of.to_vec();
        self.read(move |connection| {
            let snapshot = connection.unchecked_transaction()?;
            let read = of.into_iter().map(|(session, user)| facts(&snapshot, session, user));
            Ok(read.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
        })
        .await
    }

    async fn record(&self, read: &Facts, entry: &Entry) -> Stored<Option<Recorded>> {
        let (read, entry) = (read.clone(), entry.clone());
        self.write(move |transaction| {
            let present = facts(transaction, read.session, read.user.id)?;
            let Some(mut present) = present.filter(|present| read.still_hold(present)) else {
                return Ok(None);
            };
            let event = match &entry.what {
                What::Ended(_) | What::Changed(_) => {
                    feed::append(transaction, present.revocation(&entry), None, entry.now)?
                }
                What::Kept(reason) => users::end_logins(transaction, &mut present.user, *reason, entry.now)?,
                What::Password(hash, _) => {
                    transaction
                        .prepare_cached("UPDATE users SET password_hash = ?2 WHERE id = ?1")?
                        .execute(params![present.user.id.as_bytes(), hash.as_str()])?;
                    let reason = EndReason::PasswordChanged;
                    users::end_logins(transaction, &mut present.user, reason, entry.now)?
                }
            };
            write(transaction, &present, &present.mark.after(&entry, event.rv), entry.until)?;
            Ok(Some(Recorded { event, as_of: feed::as_of(transaction)? }))
        })
        .await
    }

    async fn end_logins(&self, user: UserId, reason: EndReason, now: Timestamp) -> Stored<Option<Event>> {
        Ok(self.end_all(user, None, reason, now).await?.map(|ended| ended.event))
    }

    async fn purge_marks(&self, now: Timestamp, limit: u32) -> Stored<u64> {
        self.write(move |transaction| {
            let mut statement = transaction.prepare_cached(
                "DELETE FROM session_marks WHERE id IN \
                 (SELECT id FROM session_marks WHERE until < ?1 ORDER BY until LIMIT ?2)",
            )?;
            statement.execute([now.as_millis(), i64::from(limit)]).map(|deleted| deleted as u64)
        })
        .await
    }
}

fn facts(connection: &Connection, session: SessionId, user: UserId) -> Result<Option<Facts>> {
    connection
        .prepare_cached(&format!(
            "SELECT {USER}, {HEAD}, m.version, m.rv, m.change_number, m.change_base, m.change_row, m.ended_rv, \
             m.ended_at, m.ended_reason FROM feed_head h, users u LEFT JOIN session_marks m ON m.id = ?1 \
             AND m.user_id = u.id WHERE u.id = ?2"
        ))?
        .query_row(params![session.as_bytes(), user.as_bytes()], |row| {
            let user = rows::user(row, 0)?;
            let as_of = rows::as_of(row, USER_COLUMNS)?;
            Ok(Facts { session, user, as_of, mark: mark(row, USER_COLUMNS + 2)? })
        })
        .optional()
}

fn mark(row: &Row<'_>, first: usize) -> Result<Mark> {
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
            let reason = word.as_deref().and_then(EndReason::parse);
            let reason = reason.ok_or_else(|| rows::unreadable(first + 7))?;
            let at = row.get::<_, Option<i64>>(first + 6)?.map(Timestamp::from_millis);
            Some(Revoked { rv, at, reason })
        }
    };
    Ok(Mark { version, rv: rv(first + 1)?.unwrap_or(Rv::ZERO), change, ended })
}

fn write(connection: &Connection, facts: &Facts, mark: &Mark, until: Timestamp) -> Result<()> {
    let (change, ended) = (mark.change.as_ref(), mark.ended.as_ref());
    connection
        .prepare_cached(
            "INSERT INTO session_marks (id, user_id, version, rv, change_number, change_base, change_row, ended_rv, \
             ended_at, ended_reason, until) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) \
             ON CONFLICT (id) DO UPDATE SET version = excluded.version, rv = excluded.rv, \
             change_number = excluded.change_number, change_base = excluded.change_base, \
             change_row = excluded.change_row, ended_rv = excluded.ended_rv, ended_at = excluded.ended_at, \
             ended_reason = excluded.ended_reason, until = max(until, excluded.until)",
        )?
        .execute(params![
            facts.session.as_bytes(),
            facts.user.id.as_bytes(),
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
