//! Rows as they are, for a copy.

use std::time::Duration;

use async_trait::async_trait;
use cloakroom_auth::feed::Retention;
use cloakroom_auth::session::Session;
use cloakroom_auth::store::Stored;
use cloakroom_verify::{Rv, Timestamp};

use super::connect::Connection;
use super::fault::{Fault, Result};
use super::marks::{self, mark_insert};
use super::rows::{self, mark_columns, session_columns, user_columns};
use super::step::{single, transaction};
use super::{Postgres, service_keys, session_row, sizes};
use crate::copy::{FeedState, Row, Shelf, Table};
use crate::words;

/// A table in the order of its keys, `$1` being the one before and `$2` how many.
macro_rules! page {
    ($columns:expr, $from:literal, $key:literal) => {
        concat!("SELECT ", $columns, " FROM ", $from, " WHERE ", $key, " > $1 ORDER BY ", $key, " LIMIT $2")
    };
}

#[async_trait]
impl Shelf for Postgres {
    async fn feed(&self) -> Stored<FeedState> {
        const READ: &str = "SELECT head, floor, retention, retention_until FROM feed_head";
        single!(self.pool, connection => {
            let row = connection.row(READ, &[]).await?.ok_or(Fault::Unreadable("feed_head"))?;
            let rv = |number| Rv::from_i64(number).ok_or(Fault::Unreadable("feed_head"));
            let millis = u64::try_from(row.try_get::<_, i64>(2)?).unwrap_or(0);
            let until = Timestamp::from_millis(row.try_get(3)?);
            Ok(FeedState {
                head: rv(row.try_get(0)?)?,
                floor: rv(row.try_get(1)?)?,
                retention: Retention { duration: Duration::from_millis(millis), until },
            })
        })
    }

    /// As after a restore, whoever opens it next begins an epoch: else this database and the source, which both stand
    /// at this head, would give out the same numbers from here on.
    async fn raise_feed(&self, to: FeedState) -> Stored<()> {
        const RAISE: &str = "UPDATE feed_head SET head = greatest(head, $1), floor = greatest(floor, $2), \
             retention = greatest(retention, $3), retention_until = greatest(retention_until, $4), lineage = ''";
        let (head, floor) = (to.head.as_i64(), to.floor.as_i64());
        let (millis, until) = (words::millis(to.retention.duration), to.retention.until.as_millis());
        single!(self.pool, connection => connection.execute(RAISE, &[&head, &floor, &millis, &until]).await)
            .map(drop)
    }

    async fn count(&self, table: Table) -> Stored<u64> {
        let count = match table {
            Table::Events => "SELECT count(*) FROM feed_events",
            Table::ServiceKeys => "SELECT count(*) FROM service_keys",
            Table::Users => "SELECT count(*) FROM users",
            Table::Marks => "SELECT count(*) FROM session_marks",
            Table::Sessions => "SELECT count(*) FROM sessions",
        };
        single!(self.pool, connection => {
            let row = connection.row(count, &[]).await?.ok_or(Fault::Unreadable("a count"))?;
            Ok(u64::try_from(row.try_get::<_, i64>(0)?).unwrap_or(0))
        })
    }

    async fn newest(&self, table: Table) -> Stored<Option<u128>> {
        let newest = match table {
            // As the key of all others is read: big endian.
            Table::Events => "SELECT int8send(rv) FROM feed_events ORDER BY rv DESC LIMIT 1",
            Table::ServiceKeys => "SELECT id FROM service_keys ORDER BY id DESC LIMIT 1",
            Table::Users => "SELECT id FROM users ORDER BY id DESC LIMIT 1",
            Table::Marks => "SELECT id FROM session_marks ORDER BY id DESC LIMIT 1",
            Table::Sessions => "SELECT id FROM sessions ORDER BY id DESC LIMIT 1",
        };
        single!(self.pool, connection => {
            let Some(row) = connection.row(newest, &[]).await? else { return Ok(None) };
            let bytes: &[u8] = row.try_get(0)?;
            Ok(Some(bytes.iter().fold(0, |key, byte| key << 8 | u128::from(*byte))))
        })
    }

    async fn rows(&self, table: Table, after: Option<u128>, limit: u32) -> Stored<Vec<Row>> {
        single!(self.pool, connection => page(connection, table, after, limit).await)
    }

    async fn put(&self, rows: Vec<Row>) -> Stored<()> {
        transaction!(self.pool, transaction => {
            for row in &rows {
                put(transaction, row).await?;
            }
            Ok(())
        })
    }

    async fn settle(&self) {
        const ANALYZE: &str = "ANALYZE feed_events, service_keys, users, session_marks, sessions";
        sizes::learn(&self.pool, ANALYZE).await;
    }
}

async fn page(connection: &Connection, table: Table, after: Option<u128>, limit: u32) -> Result<Vec<Row>> {
    let limit = i64::from(limit);
    // Before every key: below each number, and the empty text below each other.
    let rv = after.map_or(-1, |rv| i64::try_from(rv).unwrap_or(i64::MAX));
    let id = after.map_or_else(Vec::new, |id| id.to_be_bytes().to_vec());
    match table {
        Table::Events => {
            const EVENTS: &str = page!("e.rv, e.kind, e.key, e.keep_until", "feed_events e", "e.rv");
            let found = connection.rows(EVENTS, &[&rv, &limit]).await?;
            found.iter().map(|row| rows::event(row, 0).map(Row::Event)).collect()
        }
        Table::ServiceKeys => {
            const KEYS: &str = page!(service_keys::columns!(), "service_keys", "id");
            let found = connection.rows(KEYS, &[&id, &limit]).await?;
            found.iter().map(|row| service_keys::read(row).map(Row::ServiceKey)).collect()
        }
        Table::Users => {
            const USERS: &str = page!(user_columns!(), "users u", "u.id");
            let found = connection.rows(USERS, &[&id, &limit]).await?;
            found.iter().map(|row| rows::user(row, 0).map(Row::User)).collect()
        }
        Table::Marks => {
            const MARKS: &str = page!(mark_columns!(), "session_marks m", "m.id");
            let found = connection.rows(MARKS, &[&id, &limit]).await?;
            found.iter().map(|row| rows::session_mark(row).map(Row::Mark)).collect()
        }
        Table::Sessions => {
            const SESSIONS: &str = page!(session_columns!(), "sessions s", "s.id");
            let found = connection.rows(SESSIONS, &[&id, &limit]).await?;
            found.iter().map(|row| rows::session(row).map(Row::Session)).collect()
        }
    }
}

async fn put(connection: &Connection, row: &Row) -> Result<()> {
    match row {
        Row::Event(event) => {
            const PUT: &str = "INSERT INTO feed_events (rv, kind, key, keep_until) VALUES ($1, $2, $3, $4)";
            let (kind, key) = words::kind_and_key(&event.revocation);
            let (rv, keep_until) = (event.rv.as_i64(), event.keep_until.as_millis());
            connection.execute(PUT, &[&rv, &kind, &key, &keep_until]).await.map(drop)
        }
        Row::ServiceKey(key) => {
            const PUT: &str = "INSERT INTO service_keys (id, name, scopes, hash, created_at, revoked_at) \
                 VALUES ($1, $2, $3, $4, $5, $6)";
            let scopes: Vec<_> = key.scopes.iter().map(|scope| scope.as_str()).collect();
            let (id, hash): (&[u8], &[u8]) = (key.id.as_bytes(), &key.hash);
            let (created, revoked) = (key.created_at.as_millis(), key.revoked_at.map(Timestamp::as_millis));
            let scopes = scopes.join(" ");
            connection.execute(PUT, &[&id, &key.name, &scopes, &hash, &created, &revoked]).await.map(drop)
        }
        Row::User(user) => {
            const PUT: &str = "INSERT INTO users (id, email, email_key, name, password_hash, roles, status, min_rv, \
                 created_at, logins_ended_at, logins_ended_reason) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
            let (id, roles): (&[u8], _) = (user.id.as_bytes(), words::roles_json(&user.roles));
            let (key, hash, status) =
                (user.email_key.as_str(), user.password_hash.as_str(), user.status.as_str());
            let (min_rv, created) = (user.min_rv.as_i64(), user.created_at.as_millis());
            let ended = user.logins_ended.map(|ended| ended.at.as_millis());
            let why = user.logins_ended.map(|ended| ended.reason.as_str());
            let values: super::connect::Values<'_> = &[
                &id,
                &user.email,
                &key,
                &user.name,
                &hash,
                &roles,
                &status,
                &min_rv,
                &created,
                &ended,
                &why,
            ];
            connection.execute(PUT, values).await.map(drop)
        }
        Row::Mark(marked) => {
            connection.execute(mark_insert!(), &marks::Columns::of(marked).all()).await.map(drop)
        }
        Row::Session(session) => put_session(connection, session).await,
    }
}

async fn put_session(connection: &Connection, session: &Session) -> Result<()> {
    const END: &str =
        "UPDATE sessions SET revoked_rv = $2, revoked_at = $3, revoked_reason = $4 WHERE id = $1";
    session_row::insert(connection, session).await?;
    let Some(revoked) = &session.revoked else { return Ok(()) };
    let (id, rv): (&[u8], _) = (session.id.as_bytes(), revoked.rv.as_i64());
    let (at, reason) = (revoked.at.map(Timestamp::as_millis), revoked.reason.as_str());
    connection.execute(END, &[&id, &rv, &at, &reason]).await.map(drop)
}
