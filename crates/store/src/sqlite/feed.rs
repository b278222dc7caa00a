//! The feed: one head, dense numbers, events that tell of changes in the transaction that makes them.

use std::time::Duration;

use async_trait::async_trait;
use cloakroom_auth::feed::{self, AsOf, Retention, Sync};
use cloakroom_auth::node::LONGEST_BOUND;
use cloakroom_auth::store::{Feed, LONGEST_CLAIM, Stored};
use cloakroom_verify::{Event, Revocation, Rv, Timestamp};
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::{Sqlite, published, rows};
use crate::words;

pub(super) const PURGE_MARKS: &str = "DELETE FROM session_marks WHERE id IN \
     (SELECT id FROM session_marks WHERE until < ?1 ORDER BY until LIMIT ?2)";
pub(super) const PURGE: &str = "DELETE FROM feed_events WHERE rv IN \
     (SELECT rv FROM feed_events WHERE keep_until < ?1 ORDER BY keep_until LIMIT ?2)";

#[async_trait]
impl Feed for Sqlite {
    async fn append(
        &self,
        revocation: Revocation,
        keep_at_least: Option<Timestamp>,
        now: Timestamp,
    ) -> Stored<Event> {
        self.write(move |transaction| {
            let event = append(transaction, revocation, keep_at_least, now)?;
            match event.revocation {
                Revocation::EverythingBefore => {
                    transaction.execute("UPDATE feed_head SET floor = ?1", [event.rv.as_i64()])?;
                }
                Revocation::SessionRevoked(_)
                | Revocation::TokenRevoked(_)
                | Revocation::UserBefore(_)
                | Revocation::ClaimsBefore(_)
                | Revocation::SessionChanged(_)
                | Revocation::KeyRevoked(_)
                | Revocation::ServiceKeyRevoked(_) => {}
            }
            Ok(event)
        })
        .await
    }

    async fn read_since(&self, since: Option<Rv>) -> Stored<Sync> {
        self.read(move |connection| {
            // Of another epoch than the head's, `since` says nothing: then everything is read.
            let mut statement = connection.prepare_cached(
                "SELECT h.head, h.floor, e.rv, e.kind, e.key, e.keep_until FROM feed_head h \
                 LEFT JOIN feed_events e ON e.rv > iif(?1 >> 32 = h.head >> 32, ?1, 0) ORDER BY e.rv",
            )?;
            let mut found = statement.query([since.unwrap_or(Rv::ZERO).as_i64()])?;
            let mut sync: Option<Sync> = None;
            while let Some(row) = found.next()? {
                if sync.is_none() {
                    let as_of = rows::as_of(row, 0)?;
                    sync = Some(Sync { head: as_of.head(), floor: as_of.floor(), events: Vec::new() });
                }
                if let (Some(sync), Some(_)) = (&mut sync, row.get::<_, Option<i64>>(2)?) {
                    sync.events.push(rows::event(row, 2)?);
                }
            }
            sync.ok_or(rusqlite::Error::QueryReturnedNoRows)
        })
        .await
    }

    async fn told(&self, revocations: &[Revocation]) -> Stored<Vec<Event>> {
        let wanted: Vec<_> = revocations.iter().map(words::kind_and_key).collect();
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT rv, kind, key, keep_until FROM feed_events WHERE kind = ?1 AND key = ?2",
            )?;
            let mut told = Vec::new();
            for (kind, key) in wanted {
                told.extend(statement.query_row(params![kind, key], |row| rows::event(row, 0)).optional()?);
            }
            Ok(told)
        })
        .await
    }

    async fn retain(&self, duration: Duration, now: Timestamp) -> Stored<()> {
        let head = self.write(move |transaction| {
            let announced = retention(transaction)?.announce(duration, now, now);
            transaction
                .prepare_cached("UPDATE feed_head SET retention = ?1, retention_until = ?2")?
                .execute([words::millis(announced.duration), announced.until.as_millis()])?;
            as_of(transaction).map(AsOf::head)
        });
        let head = head.await?;
        // Servers come here every minute: often enough to tell an older file from this one.
        published::write(&self.path, head);
        Ok(())
    }

    async fn claim_cleanup(&self, now: Timestamp, until: Timestamp) -> Stored<bool> {
        self.write(move |transaction| {
            let claimed = transaction
                .prepare_cached(
                    "UPDATE duties SET until = ?3 WHERE name = 'cleanup' AND (until <= ?1 OR until > ?2)",
                )?
                .execute([now, now.after(LONGEST_CLAIM), until].map(Timestamp::as_millis))?;
            Ok(claimed == 1)
        })
        .await
    }

    async fn purge_events(&self, now: Timestamp, limit: u32) -> Stored<u64> {
        self.write(move |transaction| {
            let mut statement = transaction.prepare_cached(PURGE)?;
            statement.execute([now.as_millis(), i64::from(limit)]).map(|deleted| deleted as u64)
        })
        .await
    }

    async fn purge_marks(&self, now: Timestamp, limit: u32) -> Stored<u64> {
        self.write(move |transaction| {
            let mut statement = transaction.prepare_cached(PURGE_MARKS)?;
            statement.execute([now.as_millis(), i64::from(limit)]).map(|deleted| deleted as u64)
        })
        .await
    }

    fn takes_writes(&self) -> bool {
        self.threads.take_writes()
    }

    /// Its lock is on the file: no other process serves from it, and those that did have ended.
    async fn announce(&self, node: &[u8; 16], bound: Duration, up: Duration) -> Stored<Option<Timestamp>> {
        let (node, bound, up) = (*node, words::millis(bound), words::millis(up));
        let news = self.read(move |connection| {
            connection
                .prepare_cached(
                    "SELECT count(*) FILTER (WHERE id = ?1) = 0 OR count(*) FILTER (WHERE id <> ?1 AND bound < ?2) > 0 \
                     FROM feed_nodes",
                )?
                .query_row(params![node, up], |row| row.get::<_, bool>(0))
        });
        // Nearly always there is none, and nothing is written.
        if news.await? {
            self.write(move |transaction| {
                transaction
                    .prepare_cached("INSERT OR IGNORE INTO feed_nodes (id, bound) VALUES (?1, ?2)")?
                    .execute(params![node, bound])?;
                transaction
                    .prepare_cached("DELETE FROM feed_nodes WHERE id <> ?1 AND bound < ?2")?
                    .execute(params![node, up])
            })
            .await?;
        }
        Ok(None)
    }

    async fn others(&self, node: &[u8; 16], up: Duration) -> Stored<Option<Duration>> {
        let (node, up) = (*node, words::millis(up));
        let longest = self.read(move |connection| {
            connection
                .prepare_cached("SELECT max(bound) FROM feed_nodes WHERE id <> ?1 AND bound >= ?2")?
                .query_row(params![node, up], |row| row.get::<_, Option<i64>>(0))
        });
        Ok(longest.await?.map(words::duration))
    }
}

/// This was made of another database, and who served that one last is not in here: verifiers may trust what they were
/// told for the longest bound that there is.
pub(super) fn somebody_served_before(connection: &Connection) -> Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO feed_nodes (id, bound) VALUES (zeroblob(16), ?1)")?
        .execute([words::millis(LONGEST_BOUND)])
        .map(drop)
}

/// How long events are kept, as this transaction sees it.
pub(super) fn retention(connection: &Connection) -> Result<Retention> {
    connection.prepare_cached("SELECT retention, retention_until FROM feed_head")?.query_row([], |row| {
        let (duration, until) = (words::duration(row.get(0)?), Timestamp::from_millis(row.get(1)?));
        Ok(Retention { duration, until })
    })
}

/// Head and floor as this transaction sees them.
pub(super) fn as_of(connection: &Connection) -> Result<AsOf> {
    connection.prepare_cached("SELECT head, floor FROM feed_head")?.query_row([], |row| rows::as_of(row, 0))
}

/// Moves the head and appends an event, unless it would say nothing new.
pub(super) fn append(
    connection: &Connection,
    revocation: Revocation,
    keep_at_least: Option<Timestamp>,
    now: Timestamp,
) -> Result<Event> {
    let (kind, key) = words::kind_and_key(&revocation);
    let stored = connection
        .prepare_cached("SELECT rv, kind, key, keep_until FROM feed_events WHERE kind = ?1 AND key = ?2")?
        .query_row(params![kind, key], |row| rows::event(row, 0))
        .optional()?;
    let mut keep_until = feed::keep_until(&revocation, now, retention(connection)?.duration);
    keep_until = keep_until.max(keep_at_least.unwrap_or(keep_until));
    if let Some(stored) = stored {
        if feed::says_nothing_twice(&revocation) {
            return Ok(stored);
        }
        keep_until = keep_until.max(stored.keep_until);
    }
    let rv = as_of(connection)?.head().next();
    connection.prepare_cached("UPDATE feed_head SET head = ?1")?.execute([rv.as_i64()])?;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO feed_events (rv, kind, key, keep_until) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![rv.as_i64(), kind, key, keep_until.as_millis()])?;
    Ok(Event { rv, revocation, keep_until })
}
