//! A refresh: one conditional statement, and only where that changes nothing, the whole decision (docs/refresh.md).

use cloakroom_auth::refresh::{self, Ask, Decision, SameReason};
use cloakroom_auth::session::EndReason;
use cloakroom_auth::store::{Found, Rotation};
use cloakroom_verify::{OpaqueKind, Rv};

use super::fault::{Fault, Result};
use super::plan::Plan;
use super::rows::{self, head_columns, session_columns, user_columns};
use super::sessions::{self, FOUND, LOCK};
use super::step::Transaction;

/// [`Session::rotate`](cloakroom_auth::session::Session::rotate) of a row that [`refresh::decide`] would rotate
/// without adopting a generation. The head is that of this very statement: where the row's lock was waited for, it
/// and the user are older than the row, and what is minted is dead at birth if something was told meanwhile.
const FAST: &str = concat!(
    "WITH h AS MATERIALIZED (SELECT head, floor, lineage FROM feed_head) \
     UPDATE sessions s SET generation = s.generation + 1, spent = substring($4::bytea || s.spent FOR 164), \
     keyed = s.keyed OR $5, last_used_at = greatest(s.last_used_at, $3), written_epoch = h.head >> 32 \
     FROM h, users u WHERE s.id = $1 AND u.id = s.user_id AND u.status = 'active' AND s.strategy = 'hybrid' \
     AND s.generation = $2 AND s.generation < 4294967295 AND s.revoked_rv IS NULL AND s.expires_at > $3 \
     AND s.last_used_at + s.idle_timeout > $3 AND s.rv >= greatest(u.min_rv, h.floor) \
     AND (s.jkt IS NULL OR s.jkt = $6) AND h.lineage = {LINEAGE} RETURNING ",
    session_columns!(),
    ", ",
    user_columns!(),
    ", ",
    head_columns!()
);
/// What counts by now, for the user of a session.
const AGAIN: &str = "SELECT greatest(u.min_rv, h.floor) FROM sessions s, users u, feed_head h \
     WHERE s.id = $1 AND u.id = s.user_id";

/// Rotates, or judges and applies what is decided.
pub(super) async fn rotate(transaction: &Transaction<'_>, ask: &Ask) -> Result<Rotation> {
    if ask.kind == OpaqueKind::Refresh
        && let Some(found) = fast(transaction, ask).await?
    {
        return Ok(Rotation::Rotated(found));
    }
    let id: &[u8] = ask.session.as_bytes();
    let [_, found] = transaction.pipeline([(LOCK, &[&id]), (FOUND, &[&id])]).await?;
    let Some(mut found) = found.first().map(rows::found).transpose()? else { return Ok(Rotation::Unknown) };
    match refresh::decide(&found.session, &found.user, found.as_of, ask) {
        Decision::Rotate { adopt } => {
            found.session.rotate(adopt, found.as_of, ask);
            sessions::update(transaction, &found.session).await?;
            Ok(Rotation::Rotated(found))
        }
        Decision::Same { reason } => {
            found.session.answer_again(reason);
            match reason {
                SameReason::Strike => sessions::update(transaction, &found.session).await?,
                SameReason::LostResponse | SameReason::Grace | SameReason::BoundKey => {}
            }
            Ok(Rotation::Same(found, reason))
        }
        Decision::Refuse(refusal) => Ok(Rotation::Refused(refusal)),
        Decision::Revoke => {
            let mut plan = Plan::default();
            plan.end(ask.session, EndReason::RefreshTokenReused, ask.now);
            plan.commit(transaction).await?.event(0).map(Rotation::Revoked)
        }
    }
}

async fn fast(transaction: &Transaction<'_>, ask: &Ask) -> Result<Option<Found>> {
    let id: &[u8] = ask.session.as_bytes();
    let (generation, now, keyed) = (i64::from(ask.generation), ask.now.as_millis(), ask.attempt.is_some());
    let (spent, proof) = (spent_entry(ask), ask.proof.as_deref());
    let [rotated, again] = transaction
        .pipeline([(FAST, &[&id, &generation, &now, &spent, &keyed, &proof]), (AGAIN, &[&id])])
        .await?;
    let Some(found) = rotated.first().map(rows::found).transpose()? else { return Ok(None) };
    let needed = again.first().ok_or(Fault::Unreadable("a session"))?.try_get(0)?;
    // A row that is newer than this statement's snapshot was written while its lock was waited for: the user that came
    // with the snapshot is older than the number that its token would get, and so may its roles be.
    let overtaken = found.session.rv > found.as_of.head();
    if overtaken || Rv::from_i64(needed).is_none_or(|needed| needed > found.session.rv) {
        transaction.start_over().await?;
        return Ok(None);
    }
    Ok(Some(found))
}

/// One entry of [`Spent::to_blob`](cloakroom_auth::refresh::Spent::to_blob).
fn spent_entry(ask: &Ask) -> Vec<u8> {
    let mut entry = Vec::with_capacity(41);
    entry.push(u8::from(ask.attempt.is_some()));
    entry.extend_from_slice(&ask.attempt.map_or([0; 32], |hash| hash.0));
    entry.extend_from_slice(&ask.now.as_millis().to_be_bytes());
    entry
}
