//! The session table. A step that decides locks its rows, reads row, user and head in one statement after that, asks
//! the rule, and writes what it says.

use async_trait::async_trait;
use cloakroom_auth::check_row::CheckRow;
use cloakroom_auth::email::EmailKey;
use cloakroom_auth::exchange::{self, ExchangeAsk, ExchangeDecision};
use cloakroom_auth::privilege::{self, StepUp};
use cloakroom_auth::refresh::Ask;
use cloakroom_auth::session::{EndReason, NewSession, Session};
use cloakroom_auth::store::{
    Ended, EndedAll, Exchanged, Found, Rotation, Sessions, Started, SteppedUp, Stored,
};
use cloakroom_verify::{Revocation, SessionId, Timestamp, UserId};

use super::coalesce::{Answer, Wish};
use super::fault::Result;
use super::plan::Plan;
use super::rows::{
    self, check_columns, each, earlier_clock, head_columns, head_once, session_columns, user_columns,
};
use super::session_row::{Columns, INSERT, update};
use super::step::{Transaction, single, transaction};
use super::{Postgres, users};

/// See [`users::LOCK`].
pub(super) const LOCK: &str = "SELECT 1 FROM sessions WHERE id = $1 FOR NO KEY UPDATE";
/// These columns of a session and its user, and the head.
macro_rules! of_one {
    ($($columns:tt)*) => {
        concat!(
            "SELECT ",
            $($columns)*,
            ", ",
            head_columns!(),
            " FROM sessions s, users u, feed_head h WHERE u.id = s.user_id AND s.id = $1"
        )
    };
}
/// Of several. OFFSET 0 keeps each on its own two index lookups: joined as a whole, the table of users is read from end
/// to end as long as it is small. The head is read, and its life judged, once for all.
macro_rules! of_many {
    ($($columns:tt)*) => {
        concat!(
            "SELECT f.*, ",
            head_once!(),
            " FROM (SELECT ",
            each!("$1::bytea[]"),
            " AS id) AS n, LATERAL (SELECT ",
            $($columns)*,
            " FROM sessions s, users u WHERE u.id = s.user_id AND s.id = n.id OFFSET 0) AS f"
        )
    };
}
/// A session with its user and the head.
pub(super) const FOUND: &str = of_one!(session_columns!(), ", ", user_columns!());
pub(super) const FOUND_MANY: &str = of_many!(session_columns!(), ", ", user_columns!());

/// The live sessions of user `$1` at `$2`, and the head; uses that the store does not know of may keep an idle one
/// alive.
macro_rules! live {
    ($order:literal) => {
        concat!(
            "SELECT ",
            session_columns!(),
            ", ",
            user_columns!(),
            ", ",
            head_columns!(),
            " FROM sessions s, users u, feed_head h WHERE u.id = $1 AND s.user_id = u.id AND s.revoked_rv IS NULL \
             AND s.rv >= greatest(u.min_rv, h.floor) AND s.expires_at > $2 ORDER BY ",
            $order
        )
    };
}
/// The same, the least recently used first.
const LIVE_BY_USE: &str = live!("s.last_used_at, s.id");

#[async_trait]
impl Sessions for Postgres {
    async fn start(&self, new: NewSession) -> Stored<Started> {
        transaction!(self.pool, transaction => start(transaction, &new).await)
    }

    async fn find(&self, id: SessionId) -> Stored<Option<Found>> {
        let id: &[u8] = id.as_bytes();
        single!(self.pool, connection => {
            connection.row(FOUND, &[&id]).await?.as_ref().map(rows::found).transpose()
        })
    }

    async fn find_many(&self, ids: &[SessionId]) -> Stored<Vec<Found>> {
        let ids: Vec<&[u8]> = ids.iter().map(|id| id.as_bytes().as_slice()).collect();
        single!(self.pool, connection => {
            connection.rows(FOUND_MANY, &[&ids]).await?.iter().map(rows::found).collect()
        })
    }

    async fn for_check(&self, ids: &[SessionId]) -> Stored<Vec<CheckRow>> {
        const ONE: &str = of_one!(check_columns!());
        const MANY: &str = of_many!(check_columns!());
        let ids: Vec<&[u8]> = ids.iter().map(|id| id.as_bytes().as_slice()).collect();
        single!(self.pool, connection => {
            let rows = match ids.as_slice() {
                [alone] => connection.rows(ONE, &[alone]).await?,
                several => connection.rows(MANY, &[&several]).await?,
            };
            rows.iter().map(rows::check_row).collect()
        })
    }

    async fn touch(&self, uses: &[(SessionId, Timestamp)]) -> Stored<()> {
        // The rows are locked in the order of their ids, as everywhere. The one that is waited for is judged again.
        const TOUCH: &str = "WITH n AS (SELECT id, max(at) AS at FROM unnest($1::bytea[], $2::bigint[]) AS t (id, at) \
             GROUP BY id), l AS MATERIALIZED (SELECT s.id FROM sessions s, n WHERE s.id = n.id \
             AND s.revoked_rv IS NULL AND s.last_used_at < n.at AND n.at < least(s.last_used_at + s.idle_timeout, s.expires_at) \
             ORDER BY s.id FOR NO KEY UPDATE OF s) \
             UPDATE sessions s SET last_used_at = n.at FROM n, l WHERE l.id = s.id AND n.id = s.id \
             AND s.revoked_rv IS NULL AND s.last_used_at < n.at AND n.at < least(s.last_used_at + s.idle_timeout, s.expires_at)";
        if uses.is_empty() {
            return Ok(());
        }
        let (ids, times): (Vec<_>, Vec<_>) =
            uses.iter().map(|(id, at)| (id.as_bytes().to_vec(), at.as_millis())).unzip();
        single!(self.pool, connection => connection.execute(TOUCH, &[&ids, &times]).await).map(drop)
    }

    async fn rotate(&self, ask: &Ask) -> Stored<Rotation> {
        self.refreshes.ask(ask.clone()).await
    }

    async fn exchange(&self, ask: &ExchangeAsk) -> Stored<Exchanged> {
        transaction!(self.pool, transaction => exchange(transaction, ask).await)
    }

    async fn step_up(&self, step: &StepUp) -> Stored<SteppedUp> {
        transaction!(self.pool, transaction => step_up(transaction, step).await)
    }

    async fn list_sessions(&self, user: UserId, now: Timestamp) -> Stored<Vec<Session>> {
        const LIST: &str = live!("s.created_at DESC, s.id DESC");
        let (user, now): (&[u8], _) = (user.as_bytes(), now.as_millis());
        single!(self.pool, connection => {
            let live = connection.rows(LIST, &[&user, &now]).await?;
            live.iter().map(|row| rows::found(row).map(|found| found.session)).collect()
        })
    }

    async fn list_ended(&self, user: UserId, now: Timestamp, limit: u32) -> Stored<Vec<Found>> {
        // Those that were ended, by an index of their own, however many they are. Of those that ended by themselves or
        // with others there are as many as a user may have at once, for each time. Then as in FOUND_MANY.
        const LIST: &str = concat!(
            "SELECT f.*, h.* FROM (SELECT ",
            head_columns!(),
            " FROM feed_head h OFFSET 0) AS h, ((SELECT e.id FROM sessions e WHERE e.user_id = $1 \
             AND e.revoked_rv IS NOT NULL ORDER BY e.revoked_rv DESC LIMIT $3) UNION ALL \
             (SELECT e.id FROM sessions e, users u, feed_head h WHERE u.id = $1 AND e.user_id = $1 \
             AND e.revoked_rv IS NULL AND (e.rv < greatest(u.min_rv, h.floor) OR e.expires_at <= $2) \
             ORDER BY e.last_used_at DESC, e.id DESC LIMIT $3)) AS over (id), LATERAL (SELECT ",
            session_columns!(),
            ", ",
            user_columns!(),
            " FROM sessions s, users u WHERE u.id = s.user_id AND s.id = over.id OFFSET 0) AS f \
             ORDER BY f.last_used_at DESC, over.id DESC LIMIT $3"
        );
        let (user, now, limit): (&[u8], _, _) = (user.as_bytes(), now.as_millis(), i64::from(limit));
        single!(self.pool, connection => {
            connection.rows(LIST, &[&user, &now, &limit]).await?.iter().map(rows::found).collect()
        })
    }

    async fn known_address(&self, email: &EmailKey, address: &str) -> Stored<bool> {
        const KNOWN: &str = "SELECT 1 FROM users u, LATERAL (SELECT 1 FROM sessions s \
             WHERE s.user_id = u.id AND s.ip = $2 LIMIT 1) AS s WHERE u.email_key = $1";
        let email = email.as_str();
        single!(self.pool, connection => Ok(connection.row(KNOWN, &[&email, &address]).await?.is_some()))
    }

    async fn end(
        &self,
        id: SessionId,
        owner: Option<UserId>,
        reason: EndReason,
        now: Timestamp,
    ) -> Stored<Ended> {
        let answer = self.coalescer.ask(Wish::End { session: id, owner, reason, now }).await?;
        let Answer::Ended(ended) = answer else { return Err(answer.of_another_wish()) };
        Ok(ended)
    }

    async fn end_all(
        &self,
        user: UserId,
        keep: Option<SessionId>,
        reason: EndReason,
        now: Timestamp,
    ) -> Stored<Option<EndedAll>> {
        let answer = self.coalescer.ask(Wish::EndAll { user, keep, reason, now }).await?;
        let Answer::EndedAll(ended) = answer else { return Err(answer.of_another_wish()) };
        Ok(ended)
    }

    async fn purge_sessions(&self, now: Timestamp, limit: u32) -> Stored<u64> {
        // An array, not IN: by a plan for any limit the whole table would be read for a few rows.
        const PURGE: &str = concat!(
            "DELETE FROM sessions WHERE id = ANY (ARRAY(SELECT id FROM sessions WHERE expires_at < ",
            earlier_clock!("$1"),
            " ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED))"
        );
        let (now, limit) = (now.as_millis(), i64::from(limit));
        single!(self.pool, connection => connection.execute(PURGE, &[&now, &limit]).await)
    }
}

async fn start(transaction: &Transaction<'_>, new: &NewSession) -> Result<Started> {
    const LOCK_MANY: &str = "SELECT id FROM sessions WHERE id = ANY ($1) AND revoked_rv IS NULL \
         ORDER BY id FOR NO KEY UPDATE";
    let NewSession { row, max_per_user } = new;
    let (user, now): (&[u8], _) = (row.user.as_bytes(), row.created_at.as_millis());
    // The user's lock is that of the cap, too: of two logins at once the second counts the first.
    let [_, found, live] = transaction
        .pipeline([(users::LOCK, &[&user]), (users::BY_ID, &[&user]), (LIVE_BY_USE, &[&user, &now])])
        .await?;
    let welcome = found
        .first()
        .map(rows::user_as_of)
        .transpose()?
        .is_some_and(|(user, as_of)| user.admits(row.rv, as_of));
    if !welcome {
        return Ok(Started::DeadAtBirth);
    }
    let too_many = (live.len() + 1).saturating_sub(*max_per_user as usize);
    let oldest: Vec<_> = live.iter().take(too_many).map(rows::session).collect::<Result<_>>()?;
    let mut plan = Plan::default();
    if !oldest.is_empty() {
        // One that was ended meanwhile has made room by itself.
        let ids: Vec<_> = oldest.iter().map(|session| session.id.as_bytes().to_vec()).collect();
        let locked = transaction.rows(LOCK_MANY, &[&ids]).await?;
        let locked: Vec<&[u8]> =
            locked.iter().map(|row| row.try_get(0)).collect::<std::result::Result<_, _>>()?;
        for session in oldest.iter().filter(|session| locked.contains(&&session.id.as_bytes()[..])) {
            plan.end(session.id, EndReason::TooMany, row.created_at);
        }
    }
    let columns = Columns::of(row);
    if plan.is_empty() {
        transaction.commit_with(&[(INSERT, &columns.inserted())]).await?;
        return Ok(Started::Row { evicted: Vec::new() });
    }
    transaction.execute(INSERT, &columns.inserted()).await?;
    Ok(Started::Row { evicted: plan.commit(transaction).await?.events })
}

async fn exchange(transaction: &Transaction<'_>, ask: &ExchangeAsk) -> Result<Exchanged> {
    let id: &[u8] = ask.session.as_bytes();
    let [_, found] = transaction.pipeline([(LOCK, &[&id]), (FOUND, &[&id])]).await?;
    let Some(mut found) = found.first().map(rows::found).transpose()? else { return Ok(Exchanged::Unknown) };
    match exchange::decide(&found.session, &found.user, found.as_of, ask) {
        ExchangeDecision::Exchange => {
            found.session.exchange(found.as_of, ask);
            update(transaction, &found.session).await?;
            let mut plan = Plan::default();
            plan.tell(Revocation::SessionChanged(ask.session), None, ask.now);
            let event = plan.commit(transaction).await?.event(0)?;
            Ok(Exchanged::Done(found, event))
        }
        ExchangeDecision::Same => Ok(Exchanged::Same(found)),
        ExchangeDecision::NothingToExchange => Ok(Exchanged::NothingToExchange),
        ExchangeDecision::Refuse(refusal) => Ok(Exchanged::Refused(refusal)),
    }
}

async fn step_up(transaction: &Transaction<'_>, step: &StepUp) -> Result<SteppedUp> {
    let (user, id): (&[u8], &[u8]) = (step.user.as_bytes(), step.holder.session.as_bytes());
    let [_, _, found] =
        transaction.pipeline([(users::LOCK, &[&user]), (LOCK, &[&id]), (FOUND, &[&id])]).await?;
    let found = found.first().map(rows::found).transpose()?.filter(|found| found.user.id == step.user);
    let Some(mut found) = found else { return Ok(SteppedUp::Unknown) };
    if found.user.password_hash != step.proved {
        return Ok(SteppedUp::Overtaken);
    }
    let judged = privilege::judge(&found.session, &found.user, found.as_of, &step.holder, step.now);
    if let Err(refusal) = judged {
        return Ok(SteppedUp::Refused(refusal));
    }
    found.session.renew(found.as_of, step.now);
    update(transaction, &found.session).await?;
    let mut plan = Plan::default();
    plan.tell(Revocation::SessionChanged(found.session.id), None, step.now);
    let event = plan.commit(transaction).await?.event(0)?;
    Ok(SteppedUp::Done(found, event))
}
