//! Marks of sessions whose rows are in Redis.

use async_trait::async_trait;
use cloakroom_auth::session::EndReason;
use cloakroom_auth::store::{Sessions, Stored};
use cloakroom_verify::{Event, SessionId, Timestamp, UserId};

use super::fault::{Fault, Result};
use super::marks::{self, mark_insert};
use super::plan::Plan;
use super::rows::{self, each, earlier_clock, head_once, user_columns};
use super::step::{Transaction, single, transaction};
use super::{Postgres, users};
use crate::ledger::{Entry, Facts, Ledger, Recorded, What};

/// OFFSET 0 as for many sessions at once: each by index lookups of its own, and the head once for all.
const FACTS: &str = concat!(
    "SELECT u.*, ",
    head_once!(),
    ", n.session, m.* FROM (SELECT ",
    each!("$1::bytea[]"),
    " AS session, ",
    each!("$2::bytea[]"),
    " AS user_id) AS n, LATERAL (SELECT ",
    user_columns!(),
    " FROM users u WHERE u.id = n.user_id OFFSET 0) AS u LEFT JOIN LATERAL (SELECT m.version, m.rv, \
     m.change_number, m.change_base, m.change_row, m.ended_rv, m.ended_at, m.ended_reason FROM session_marks m \
     WHERE m.id = n.session AND m.user_id = n.user_id OFFSET 0) AS m ON TRUE"
);
const SET_HASH: &str = "UPDATE users SET password_hash = $2 WHERE id = $1";
const SWEEP: &str =
    "UPDATE users SET min_rv = $2, logins_ended_at = $3, logins_ended_reason = $4 WHERE id = $1";
const MARK: &str = concat!(
    mark_insert!(),
    " ON CONFLICT (id) DO UPDATE SET version = excluded.version, rv = excluded.rv, \
     change_number = excluded.change_number, change_base = excluded.change_base, \
     change_row = excluded.change_row, ended_rv = excluded.ended_rv, ended_at = excluded.ended_at, \
     ended_reason = excluded.ended_reason, until = greatest(m.until, excluded.until)"
);

#[async_trait]
impl Ledger for Postgres {
    async fn facts(&self, of: &[(SessionId, UserId)]) -> Stored<Vec<Facts>> {
        let (sessions, users): (Vec<&[u8]>, Vec<&[u8]>) = of
            .iter()
            .map(|(session, user)| (session.as_bytes().as_slice(), user.as_bytes().as_slice()))
            .unzip();
        single!(self.pool, connection => {
            connection.rows(FACTS, &[&sessions, &users]).await?.iter().map(rows::facts).collect()
        })
    }

    async fn record(&self, read: &Facts, entry: &Entry) -> Stored<Option<Recorded>> {
        transaction!(self.pool, transaction => record(transaction, read, entry).await)
    }

    async fn end_logins(&self, user: UserId, reason: EndReason, now: Timestamp) -> Stored<Option<Event>> {
        Ok(self.end_all(user, None, reason, now).await?.map(|ended| ended.event))
    }

    async fn earlier(&self, now: Timestamp) -> Stored<Timestamp> {
        const EARLIER: &str = concat!("SELECT ", earlier_clock!("$1"));
        let now = now.as_millis();
        single!(self.pool, connection => {
            let row = connection.row(EARLIER, &[&now]).await?.ok_or(Fault::Unreadable("the clock"))?;
            Ok(Timestamp::from_millis(row.try_get(0)?))
        })
    }

    async fn purge_left_behind(&self, now: Timestamp, limit: u32) -> Stored<u64> {
        self.purge_sessions(now, limit).await
    }
}

/// Every mark of a user is written under the user's lock.
async fn record(transaction: &Transaction<'_>, read: &Facts, entry: &Entry) -> Result<Option<Recorded>> {
    let (session, user): (&[u8], &[u8]) = (read.session.as_bytes(), read.user.id.as_bytes());
    let [_, present] = transaction
        .pipeline([(users::LOCK, &[&user]), (FACTS, &[&[session].as_slice(), &[user].as_slice()])])
        .await?;
    let present = present.first().map(rows::facts).transpose()?;
    if !present.is_some_and(|present| read.still_hold(&present)) {
        return Ok(None);
    }
    let swept = match &entry.what {
        What::Ended(_) | What::Changed(_) => None,
        What::Kept(reason) => Some(*reason),
        What::Password(hash, _) => {
            let hash = hash.as_str();
            transaction.execute(SET_HASH, &[&user, &hash]).await?;
            Some(EndReason::PasswordChanged)
        }
    };
    // The head is locked from `told` to the commit: everything is made ready before.
    for sql in [SWEEP, MARK] {
        transaction.prepare(sql).await?;
    }
    let mut plan = Plan::default();
    let place = plan.tell(read.revocation(entry), None, entry.now);
    let told = plan.told(transaction).await?;
    if told.as_of.floor() != read.as_of.floor() {
        // Everything was revoked after the facts were read: what survives this event must not survive that one.
        transaction.start_over().await?;
        return Ok(None);
    }
    let event = told.event(place)?;
    let marked = read.marked(entry, event.rv);
    let columns = marks::Columns::of(&marked);
    let marked = columns.all();
    let (rv, at) = (event.rv.as_i64(), entry.now.as_millis());
    match swept.map(EndReason::as_str) {
        None => transaction.commit_with(&[(MARK, &marked)]).await?,
        Some(reason) => {
            transaction.commit_with(&[(SWEEP, &[&user, &rv, &at, &reason]), (MARK, &marked)]).await?
        }
    };
    Ok(Some(Recorded { event, as_of: told.as_of }))
}
