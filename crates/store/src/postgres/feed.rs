//! The feed: one head, dense numbers, events that tell of changes in the transaction that makes them.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use cloakroom_auth::feed::{AsOf, Retention, Sync};
use cloakroom_auth::node::REMEMBERED;
use cloakroom_auth::store::{Feed, LONGEST_CLAIM, Stored};
use cloakroom_verify::{Event, Revocation, Rv, Timestamp};
use tokio_postgres::Row;

use super::Postgres;
use super::coalesce::{Answer, Wish};
use super::fault::{Fault, Result};
use super::pool::Pool;
use super::rows::{self, clock, earlier_clock, head_columns};
use super::step::{single, transaction};
use crate::words;

/// What is told of these, `$1` and `$2` being the columns of kind and key.
pub(super) const TOLD: &str = "SELECT e.rv, e.kind, e.key, e.keep_until FROM feed_events e, \
     unnest($1::text[], $2::bytea[]) AS n (kind, key) WHERE e.kind = n.kind AND e.key = n.key ORDER BY e.rv";

/// The head, of the life that the database lives now.
pub(super) async fn head(pool: &Arc<Pool>) -> Stored<AsOf> {
    const HEAD: &str = concat!("SELECT ", head_columns!(), " FROM feed_head h");
    single!(pool, connection => {
        let row = connection.row(HEAD, &[]).await?.ok_or(Fault::Unreadable("feed_head"))?;
        rows::as_of(&row, 0)
    })
}

#[async_trait]
impl Feed for Postgres {
    async fn append(
        &self,
        revocation: Revocation,
        keep_at_least: Option<Timestamp>,
        now: Timestamp,
    ) -> Stored<Event> {
        let answer = self.coalescer.ask(Wish::Append { revocation, keep_at_least, now }).await?;
        let Answer::Event(event) = answer else { return Err(answer.of_another_wish()) };
        Ok(event)
    }

    async fn read_since(&self, since: Option<Rv>) -> Stored<Sync> {
        const BEAT: &str = "UPDATE feed_beat SET beat = beat + 1";
        // Of another epoch than the head's, `since` says nothing: then everything is read.
        const READ: &str = concat!(
            "SELECT ",
            head_columns!(),
            ", e.rv, e.kind, e.key, e.keep_until FROM feed_head h LEFT JOIN feed_events e \
             ON e.rv > CASE WHEN $1::bigint >> 32 = h.head >> 32 THEN $1 ELSE 0 END ORDER BY e.rv"
        );
        let pool = if since.is_some() { &self.feed } else { &self.whole };
        let since = since.unwrap_or(Rv::ZERO).as_i64();
        if self.is_fenced() {
            // Read first: what commits later is told by the next read. A primary that lost its standbys cannot commit.
            return transaction!(pool, transaction => {
                let sync = sync(&transaction.rows(READ, &[&since]).await?)?;
                transaction.commit_with(&[(BEAT, &[])]).await?;
                Ok(sync)
            });
        }
        single!(pool, connection => sync(&connection.rows(READ, &[&since]).await?))
    }

    async fn told(&self, revocations: &[Revocation]) -> Stored<Vec<Event>> {
        let (kinds, keys): (Vec<_>, Vec<_>) = revocations.iter().map(words::kind_and_key).unzip();
        single!(self.pool, connection => {
            let told = connection.rows(TOLD, &[&kinds, &keys]).await?;
            told.iter().map(|row| rows::event(row, 0)).collect()
        })
    }

    async fn retain(&self, duration: Duration, now: Timestamp) -> Stored<()> {
        const READ: &str =
            concat!("SELECT retention, retention_until, ", clock!(), " FROM feed_head FOR UPDATE");
        const WRITE: &str = "UPDATE feed_head SET retention = $1, retention_until = $2";
        transaction!(self.pool, transaction => {
            let row = transaction.row(READ, &[]).await?.ok_or(Fault::Unreadable("feed_head"))?;
            let until = Timestamp::from_millis(row.try_get(1)?);
            let stored = Retention { duration: words::duration(row.try_get(0)?), until };
            let theirs = Timestamp::from_millis(row.try_get(2)?);
            let announced = stored.announce(duration, now.min(theirs), now.max(theirs));
            let (millis, until) = (words::millis(announced.duration), announced.until.as_millis());
            transaction.commit_with(&[(WRITE, &[&millis, &until])]).await.map(drop)
        })
    }

    async fn claim_cleanup(&self, now: Timestamp, until: Timestamp) -> Stored<bool> {
        const CLAIM: &str =
            "UPDATE duties SET until = $3 WHERE name = 'cleanup' AND (until <= $1 OR until > $2)";
        let [now, wrong, until] = [now, now.after(LONGEST_CLAIM), until].map(Timestamp::as_millis);
        let claimed =
            single!(self.pool, connection => connection.execute(CLAIM, &[&now, &wrong, &until]).await);
        Ok(claimed? == 1)
    }

    async fn purge_events(&self, now: Timestamp, limit: u32) -> Stored<u64> {
        const PURGE: &str = concat!(
            "DELETE FROM feed_events WHERE rv = ANY (ARRAY(SELECT rv FROM feed_events WHERE keep_until < ",
            earlier_clock!("$1"),
            " ORDER BY keep_until LIMIT $2 FOR UPDATE SKIP LOCKED))"
        );
        let (now, limit) = (now.as_millis(), i64::from(limit));
        single!(self.pool, connection => connection.execute(PURGE, &[&now, &limit]).await)
    }

    async fn purge_marks(&self, now: Timestamp, limit: u32) -> Stored<u64> {
        const PURGE: &str = concat!(
            "DELETE FROM session_marks WHERE id = ANY (ARRAY(SELECT id FROM session_marks WHERE until < ",
            earlier_clock!("$1"),
            " ORDER BY until LIMIT $2 FOR UPDATE SKIP LOCKED))"
        );
        let (now, limit) = (now.as_millis(), i64::from(limit));
        single!(self.pool, connection => connection.execute(PURGE, &[&now, &limit]).await)
    }

    fn takes_writes(&self) -> bool {
        self.pool.takes_writes.load(Ordering::Relaxed)
    }

    /// By a connection of requests: where nothing can be written, it waits, and those of the feed have to go on.
    async fn announce(&self, node: &[u8; 16], bound: Duration, _: Duration) -> Stored<Option<Timestamp>> {
        const ANNOUNCE: &str = concat!(
            "INSERT INTO feed_nodes AS n (id, bound, beat) VALUES ($1, $2, clock_timestamp()) \
             ON CONFLICT (id) DO UPDATE SET bound = excluded.bound, beat = excluded.beat, left_at = NULL RETURNING ",
            clock!()
        );
        const FORGET: &str = "DELETE FROM feed_nodes WHERE id IN (SELECT id FROM feed_nodes WHERE id <> $1 \
             AND beat < clock_timestamp() - $2 * interval '1 millisecond' FOR UPDATE SKIP LOCKED)";
        let (id, bound): (&[u8], _) = (node, words::millis(bound));
        let remembered = words::millis(REMEMBERED) as f64;
        let told: Stored<_> = single!(self.pool, connection => {
            connection.execute(FORGET, &[&id, &remembered]).await?;
            // Last: the less lies between it and the answer, the better the clocks can be compared.
            let row = connection.row(ANNOUNCE, &[&id, &bound]).await?.ok_or(Fault::Unreadable("feed_nodes"))?;
            Ok(Timestamp::from_millis(row.try_get(0)?))
        });
        let told = told?;
        self.pool.takes_writes.store(true, Ordering::Relaxed);
        Ok(Some(told))
    }

    async fn leave(&self, node: &[u8; 16]) -> Stored<()> {
        const LEAVE: &str = "UPDATE feed_nodes SET left_at = clock_timestamp() WHERE id = $1";
        let id: &[u8] = node;
        single!(self.feed, connection => connection.execute(LEAVE, &[&id]).await.map(drop))
    }

    async fn others(&self, node: &[u8; 16], _: Duration) -> Stored<Option<Duration>> {
        // Of one that has left, the last answer may still be trusted for its bound, and a second for its clock.
        const LONGEST: &str = "SELECT max(bound) FROM feed_nodes WHERE id <> $1 AND (left_at IS NULL \
             OR left_at > clock_timestamp() - (bound + 1000) * interval '1 millisecond')";
        let id: &[u8] = node;
        single!(self.feed, connection => {
            let row = connection.row(LONGEST, &[&id]).await?.ok_or(Fault::Unreadable("feed_nodes"))?;
            Ok(row.try_get::<_, Option<i64>>(0)?.map(words::duration))
        })
    }

    async fn rung(&self) {
        self.doorbell.rung().await;
    }

    fn fence(&self) -> bool {
        self.fenced.store(true, Ordering::Relaxed);
        true
    }

    fn is_fenced(&self) -> bool {
        self.fenced.load(Ordering::Relaxed)
    }
}

fn sync(found: &[Row]) -> Result<Sync> {
    let as_of = rows::as_of(found.first().ok_or(Fault::Unreadable("feed_head"))?, 0)?;
    let mut events = Vec::new();
    for row in found {
        if row.try_get::<_, Option<i64>>(3)?.is_some() {
            events.push(rows::event(row, 3)?);
        }
    }
    Ok(Sync { head: as_of.head(), floor: as_of.floor(), events })
}
