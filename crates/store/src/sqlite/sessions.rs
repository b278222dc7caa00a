//! The session table. Every step that decides reads head, row and user inside the writer's transaction, asks the
//! rule, and writes what it says.

use async_trait::async_trait;
use cloakroom_auth::email::EmailKey;
use cloakroom_auth::exchange::{self, ExchangeAsk, ExchangeDecision};
use cloakroom_auth::privilege::{self, StepUp};
use cloakroom_auth::refresh::{self, Ask, Decision};
use cloakroom_auth::session::{EndReason, NewSession, Session};
use cloakroom_auth::store::{
    Ended, EndedAll, Exchanged, Found, Rotation, Sessions, Started, SteppedUp, Stored,
};
use cloakroom_verify::{Event, Revocation, SessionId, Timestamp, UserId};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use super::rows::{self, HEAD, SESSION, SESSION_COLUMNS, USER, USER_COLUMNS};
use super::session_row::{insert, update};
use super::{Sqlite, feed, users};

pub(super) const PURGE: &str = "DELETE FROM sessions WHERE id IN \
     (SELECT id FROM sessions WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)";

#[async_trait]
impl Sessions for Sqlite {
    async fn start(&self, new: NewSession) -> Stored<Started> {
        self.write(move |transaction| {
            let NewSession { row, max_per_user } = new;
            let welcome =
                users::by_id(transaction, row.user)?.is_some_and(|(user, as_of)| user.admits(row.rv, as_of));
            if !welcome {
                return Ok(Started::DeadAtBirth);
            }
            let now = row.created_at;
            let evicted = make_room(transaction, row.user, max_per_user, now)?;
            insert(transaction, &row)?;
            Ok(Started::Row { evicted })
        })
        .await
    }

    async fn find(&self, id: SessionId) -> Stored<Option<Found>> {
        self.read(move |connection| found(connection, id)).await
    }

    async fn find_many(&self, ids: &[SessionId]) -> Stored<Vec<Found>> {
        let ids = ids.to_vec();
        self.read(move |connection| {
            // One statement a row, in one read transaction: SQLite runs in this thread, and gains nothing by a list.
            let snapshot = connection.unchecked_transaction()?;
            let rows = ids.iter().map(|id| found(&snapshot, *id)).collect::<Result<Vec<_>>>()?;
            Ok(rows.into_iter().flatten().collect())
        })
        .await
    }

    async fn touch(&self, uses: &[(SessionId, Timestamp)]) -> Stored<()> {
        let uses = uses.to_vec();
        self.write(move |transaction| {
            let mut touch = transaction.prepare_cached(
                "UPDATE sessions SET last_used_at = ?2 WHERE id = ?1 AND revoked_rv IS NULL AND last_used_at < ?2 \
                 AND ?2 < min(last_used_at + idle_timeout, expires_at)",
            )?;
            for (id, at) in uses {
                touch.execute(params![id.as_bytes(), at.as_millis()])?;
            }
            Ok(())
        })
        .await
    }

    async fn rotate(&self, ask: &Ask) -> Stored<Rotation> {
        let ask = ask.clone();
        self.write(move |transaction| {
            let Some(mut found) = found(transaction, ask.session)? else { return Ok(Rotation::Unknown) };
            match refresh::decide(&found.session, &found.user, found.as_of, &ask) {
                Decision::Rotate { adopt } => {
                    found.session.rotate(adopt, found.as_of, &ask);
                    update(transaction, &found.session)?;
                    Ok(Rotation::Rotated(found))
                }
                Decision::Same { reason } => {
                    found.session.answer_again(reason);
                    update(transaction, &found.session)?;
                    Ok(Rotation::Same(found, reason))
                }
                Decision::Refuse(refusal) => Ok(Rotation::Refused(refusal)),
                Decision::Revoke => end(transaction, ask.session, EndReason::RefreshTokenReused, ask.now)
                    .map(Rotation::Revoked),
            }
        })
        .await
    }

    async fn exchange(&self, ask: &ExchangeAsk) -> Stored<Exchanged> {
        let ask = ask.clone();
        self.write(move |transaction| {
            let Some(mut found) = found(transaction, ask.session)? else { return Ok(Exchanged::Unknown) };
            match exchange::decide(&found.session, &found.user, found.as_of, &ask) {
                ExchangeDecision::Exchange => {
                    found.session.exchange(found.as_of, &ask);
                    let event =
                        feed::append(transaction, Revocation::SessionChanged(ask.session), None, ask.now)?;
                    update(transaction, &found.session)?;
                    Ok(Exchanged::Done(found, event))
                }
                ExchangeDecision::Same => Ok(Exchanged::Same(found)),
                ExchangeDecision::NothingToExchange => Ok(Exchanged::NothingToExchange),
                ExchangeDecision::Refuse(refusal) => Ok(Exchanged::Refused(refusal)),
            }
        })
        .await
    }

    async fn step_up(&self, step: &StepUp) -> Stored<SteppedUp> {
        let step = step.clone();
        self.write(move |transaction| {
            let found = found(transaction, step.holder.session)?.filter(|found| found.user.id == step.user);
            let Some(mut found) = found else { return Ok(SteppedUp::Unknown) };
            if found.user.password_hash != step.proved {
                return Ok(SteppedUp::Overtaken);
            }
            let judged = privilege::judge(&found.session, &found.user, found.as_of, &step.holder, step.now);
            if let Err(refusal) = judged {
                return Ok(SteppedUp::Refused(refusal));
            }
            found.session.renew(found.as_of, step.now);
            let changed = Revocation::SessionChanged(found.session.id);
            let event = feed::append(transaction, changed, None, step.now)?;
            update(transaction, &found.session)?;
            Ok(SteppedUp::Done(found, event))
        })
        .await
    }

    async fn list_ended(&self, user: UserId, now: Timestamp, limit: u32) -> Stored<Vec<Found>> {
        self.read(move |connection| {
            connection
                .prepare_cached(&format!(
                    "SELECT {SESSION}, {USER}, {HEAD} FROM (SELECT id FROM (SELECT e.id FROM sessions e \
                     WHERE e.user_id = ?1 AND e.revoked_rv IS NOT NULL ORDER BY e.revoked_rv DESC LIMIT ?3) \
                     UNION ALL SELECT id FROM (SELECT e.id FROM sessions e, users u, feed_head h WHERE u.id = ?1 \
                     AND e.user_id = ?1 AND e.revoked_rv IS NULL \
                     AND (e.rv < max(u.min_rv, h.floor) OR e.expires_at <= ?2) \
                     ORDER BY e.last_used_at DESC, e.id DESC LIMIT ?3)) AS over, sessions s, users u, feed_head h \
                     WHERE s.id = over.id AND u.id = s.user_id ORDER BY s.last_used_at DESC, s.id DESC LIMIT ?3"
                ))?
                .query_map(params![user.as_bytes(), now.as_millis(), limit], read_found)?
                .collect()
        })
        .await
    }

    async fn list_sessions(&self, user: UserId, now: Timestamp) -> Stored<Vec<Session>> {
        self.read(move |connection| {
            connection
                .prepare_cached(&live("s.created_at DESC, s.id DESC"))?
                .query_map(params![user.as_bytes(), now.as_millis()], |row| rows::session(row, 0))?
                .collect()
        })
        .await
    }

    async fn known_address(&self, email: &EmailKey, address: &str) -> Stored<bool> {
        let (email, address) = (email.as_str().to_owned(), address.to_owned());
        self.read(move |connection| {
            connection
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM sessions s, users u \
                     WHERE u.email_key = ?1 AND s.user_id = u.id AND s.ip = ?2)",
                )?
                .query_row([email, address], |row| row.get(0))
        })
        .await
    }

    async fn end(
        &self,
        id: SessionId,
        owner: Option<UserId>,
        reason: EndReason,
        now: Timestamp,
    ) -> Stored<Ended> {
        self.write(move |transaction| {
            let found = found(transaction, id)?;
            let Some(found) = found.filter(|found| owner.is_none_or(|owner| owner == found.user.id)) else {
                return Ok(Ended::Unknown);
            };
            if found.session.has_ended(&found.user, found.as_of) {
                return Ok(Ended::Already);
            }
            end(transaction, id, reason, now).map(Ended::Now)
        })
        .await
    }

    async fn end_all(
        &self,
        user: UserId,
        keep: Option<SessionId>,
        reason: EndReason,
        now: Timestamp,
    ) -> Stored<Option<EndedAll>> {
        self.write(move |transaction| {
            let Some((mut user, _)) = users::by_id(transaction, user)? else { return Ok(None) };
            let live: Vec<SessionId> = transaction
                .prepare_cached(&live("s.id"))?
                .query_map(params![user.id.as_bytes(), now.as_millis()], |row| {
                    row.get(0).map(SessionId::from_bytes)
                })?
                .collect::<Result<_>>()?;
            if keep.is_some_and(|keep| !live.contains(&keep)) {
                return Ok(None);
            }
            let event = users::end_logins(transaction, &mut user, reason, now)?;
            if let Some(keep) = keep {
                transaction
                    .prepare_cached("UPDATE sessions SET rv = ?2 WHERE id = ?1")?
                    .execute(params![keep.as_bytes(), event.rv.as_i64()])?;
            }
            let sessions = (live.len() - usize::from(keep.is_some())) as u64;
            Ok(Some(EndedAll { sessions, event }))
        })
        .await
    }

    async fn purge_sessions(&self, now: Timestamp, limit: u32) -> Stored<u64> {
        self.write(move |transaction| {
            let mut statement = transaction.prepare_cached(PURGE)?;
            statement.execute([now.as_millis(), i64::from(limit)]).map(|deleted| deleted as u64)
        })
        .await
    }
}

/// The live sessions of user `?1` at `?2`; uses that the store does not know of may keep an idle one alive.
fn live(order: &str) -> String {
    format!(
        "SELECT {SESSION} FROM sessions s, users u, feed_head h WHERE u.id = ?1 AND s.user_id = u.id \
         AND s.revoked_rv IS NULL AND s.rv >= max(u.min_rv, h.floor) AND s.expires_at > ?2 ORDER BY {order}"
    )
}

fn found(connection: &Connection, id: SessionId) -> Result<Option<Found>> {
    connection
        .prepare_cached(&format!(
            "SELECT {SESSION}, {USER}, {HEAD} FROM sessions s, users u, feed_head h WHERE s.id = ?1 AND u.id = s.user_id"
        ))?
        .query_row([id.as_bytes()], read_found)
        .optional()
}

fn read_found(row: &Row<'_>) -> Result<Found> {
    Ok(Found {
        session: rows::session(row, 0)?,
        user: rows::user(row, SESSION_COLUMNS)?,
        as_of: rows::as_of(row, SESSION_COLUMNS + USER_COLUMNS)?,
    })
}

/// The row of a session of this user.
pub(super) fn row_of(connection: &Connection, id: SessionId, user: UserId) -> Result<Option<Session>> {
    Ok(found(connection, id)?.filter(|found| found.user.id == user).map(|found| found.session))
}

/// Ends the least recently used sessions until one more fits.
fn make_room(connection: &Connection, user: UserId, at_most: u32, now: Timestamp) -> Result<Vec<Event>> {
    let live: Vec<SessionId> = connection
        .prepare_cached(&live("s.last_used_at, s.id"))?
        .query_map(params![user.as_bytes(), now.as_millis()], |row| row.get(0).map(SessionId::from_bytes))?
        .collect::<Result<_>>()?;
    let too_many = (live.len() + 1).saturating_sub(at_most as usize);
    live.into_iter().take(too_many).map(|id| end(connection, id, EndReason::TooMany, now)).collect()
}

fn end(connection: &Connection, id: SessionId, reason: EndReason, now: Timestamp) -> Result<Event> {
    let event = feed::append(connection, Revocation::SessionRevoked(id), None, now)?;
    connection
        .prepare_cached(
            "UPDATE sessions SET revoked_rv = ?2, revoked_at = ?3, revoked_reason = ?4 WHERE id = ?1",
        )?
        .execute(params![id.as_bytes(), event.rv.as_i64(), now.as_millis(), reason.as_str()])?;
    Ok(event)
}
