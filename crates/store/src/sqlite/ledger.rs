//! Marks of sessions whose rows are in Redis.

use async_trait::async_trait;
use cloakroom_auth::session::EndReason;
use cloakroom_auth::store::{Sessions, Stored};
use cloakroom_verify::{Event, SessionId, Timestamp, UserId};
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::rows::{self, HEAD, USER, USER_COLUMNS};
use super::{Sqlite, feed, marks, users};
use crate::ledger::{Entry, Facts, Ledger, Recorded, What};

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
            marks::replace(transaction, &present.marked(&entry, event.rv))?;
            Ok(Some(Recorded { event, as_of: feed::as_of(transaction)? }))
        })
        .await
    }

    async fn end_logins(&self, user: UserId, reason: EndReason, now: Timestamp) -> Stored<Option<Event>> {
        Ok(self.end_all(user, None, reason, now).await?.map(|ended| ended.event))
    }

    async fn earlier(&self, now: Timestamp) -> Stored<Timestamp> {
        Ok(now)
    }

    async fn purge_left_behind(&self, now: Timestamp, limit: u32) -> Stored<u64> {
        self.purge_sessions(now, limit).await
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
            Ok(Facts { session, user, as_of, mark: marks::mark(row, USER_COLUMNS + 2)? })
        })
        .optional()
}
