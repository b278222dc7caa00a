//! A refresh: lock, read, decide, write (docs/refresh.md). Several share a transaction; one that cannot has its own.

use std::collections::{HashMap, HashSet};

use cloakroom_auth::refresh::{self, Ask, Decision, SameReason};
use cloakroom_auth::session::{EndReason, Session};
use cloakroom_auth::store::{Found, Rotation};
use cloakroom_verify::SessionId;

use super::fault::Result;
use super::plan::Plan;
use super::rows;
use super::session_row;
use super::sessions::{FOUND, FOUND_MANY, LOCK};
use super::step::Transaction;

/// Whoever is in the way of one row must not be in the way of all. As it waits for nobody, it needs no order.
const LOCK_FREE: &str = "SELECT id FROM sessions WHERE id = ANY ($1) FOR NO KEY UPDATE SKIP LOCKED";
/// The same for one: statements about an array are planned at each run, which costs as much as they do.
const LOCK_ONE_FREE: &str = "SELECT id FROM sessions WHERE id = $1 FOR NO KEY UPDATE SKIP LOCKED";
/// What [`Session::rotate`] and [`Session::answer_again`] may change.
const WRITE: &str = "UPDATE sessions s SET generation = n.generation, spent = n.spent, keyed = n.keyed, strikes = n.strikes, \
     rv = n.rv, written_epoch = n.written_epoch, last_used_at = n.last_used_at FROM unnest($1::bytea[], $2::bigint[], \
     $3::bytea[], $4::boolean[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[]) \
     AS n (id, generation, spent, keyed, strikes, rv, written_epoch, last_used_at) WHERE s.id = n.id";

/// Answers those that can share a transaction, no two of one session. `None`: it is to be asked [`alone`].
pub(super) async fn together(transaction: &Transaction<'_>, asks: &[&Ask]) -> Result<Vec<Option<Rotation>>> {
    let ids: Vec<&[u8]> = asks.iter().map(|ask| ask.session.as_bytes().as_slice()).collect();
    // The second statement sees what was committed until the locks were held: row, user and head of one moment, in
    // which nobody else changes the row.
    let [locked, found] = match ids.as_slice() {
        [id] => transaction.pipeline([(LOCK_ONE_FREE, &[id]), (FOUND, &[id])]).await?,
        _ => transaction.pipeline([(LOCK_FREE, &[&ids]), (FOUND_MANY, &[&ids])]).await?,
    };
    let locked: HashSet<&[u8]> =
        locked.iter().map(|row| row.try_get(0)).collect::<std::result::Result<_, _>>()?;
    let mut rows = HashMap::<SessionId, Found>::with_capacity(found.len());
    for row in &found {
        let found = rows::found(row)?;
        rows.insert(found.session.id, found);
    }
    let answer = |ask: &&Ask| match rows.remove(&ask.session) {
        None => Some(Rotation::Unknown),
        Some(found) if locked.contains(&ask.session.as_bytes()[..]) => judge(found, ask),
        // Another transaction holds it, and may be changing it.
        Some(_) => None,
    };
    let answers: Vec<_> = asks.iter().map(answer).collect();
    write(transaction, answers.iter().flatten()).await?;
    Ok(answers)
}

/// Answers one, whoever holds its row and whatever it takes.
pub(super) async fn alone(transaction: &Transaction<'_>, ask: &Ask) -> Result<Rotation> {
    let id: &[u8] = ask.session.as_bytes();
    let [_, found] = transaction.pipeline([(LOCK, &[&id]), (FOUND, &[&id])]).await?;
    let Some(found) = found.first().map(rows::found).transpose()? else { return Ok(Rotation::Unknown) };
    if let Some(answer) = judge(found, ask) {
        write(transaction, [&answer]).await?;
        return Ok(answer);
    }
    let mut plan = Plan::default();
    plan.end(ask.session, EndReason::RefreshTokenReused, ask.now);
    plan.commit(transaction).await?.event(0).map(Rotation::Revoked)
}

/// The answer, with the row as it is to be. `None`: its session is to be ended, for which the head is locked; nobody
/// else's refresh has to wait for that.
fn judge(mut found: Found, ask: &Ask) -> Option<Rotation> {
    Some(match refresh::decide(&found.session, &found.user, found.as_of, ask) {
        Decision::Rotate { adopt } => {
            found.session.rotate(adopt, found.as_of, ask);
            Rotation::Rotated(found)
        }
        Decision::Same { reason } => {
            found.session.answer_again(reason);
            Rotation::Same(found, reason)
        }
        Decision::Refuse(refusal) => Rotation::Refused(refusal),
        Decision::Revoke => return None,
    })
}

/// The row that an answer changes.
fn changed(answer: &Rotation) -> Option<&Session> {
    match answer {
        Rotation::Rotated(found) | Rotation::Same(found, SameReason::Strike) => Some(&found.session),
        Rotation::Same(_, SameReason::LostResponse | SameReason::Grace | SameReason::BoundKey)
        | Rotation::Refused(_)
        | Rotation::Revoked(_)
        | Rotation::Unknown => None,
    }
}

/// Writes the rows that these answers change, and commits.
async fn write(transaction: &Transaction<'_>, answers: impl IntoIterator<Item = &Rotation>) -> Result<()> {
    let rows: Vec<&Session> = answers.into_iter().filter_map(changed).collect();
    match rows.as_slice() {
        [] => return Ok(()),
        [row] => return session_row::update_and_commit(transaction, row).await,
        _ => {}
    }
    let ids: Vec<&[u8]> = rows.iter().map(|row| row.id.as_bytes().as_slice()).collect();
    let spent: Vec<_> = rows.iter().map(|row| row.spent.to_blob()).collect();
    let keyed: Vec<_> = rows.iter().map(|row| row.keyed).collect();
    let numbers = |of: fn(&Session) -> i64| rows.iter().map(|row| of(row)).collect::<Vec<_>>();
    let generations = numbers(|row| row.generation.into());
    let strikes = numbers(|row| row.strikes.into());
    let rvs = numbers(|row| row.rv.as_i64());
    let epochs = numbers(|row| row.written_epoch.into());
    let used = numbers(|row| row.last_used_at.as_millis());
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 8] =
        [&ids, &generations, &spent, &keyed, &strikes, &rvs, &epochs, &used];
    transaction.commit_with(&[(WRITE, &values)]).await.map(drop)
}
