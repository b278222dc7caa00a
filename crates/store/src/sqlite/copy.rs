//! Rows as they are, for a copy.

use async_trait::async_trait;
use cloakroom_auth::service_key::ServiceKey;
use cloakroom_auth::session::{Revoked, Session};
use cloakroom_auth::store::Stored;
use cloakroom_auth::user::User;
use cloakroom_verify::Event;
use rusqlite::{Connection, Result, params};

use super::rows::{self, SESSION, USER};
use super::{Sqlite, feed, marks, service_keys, session_row};
use crate::copy::{FeedState, Row, Shelf, Table};
use crate::words;

#[async_trait]
impl Shelf for Sqlite {
    async fn feed(&self) -> Stored<FeedState> {
        self.read(state).await
    }

    async fn raise_feed(&self, to: FeedState) -> Stored<()> {
        self.write(move |transaction| {
            let mine = state(transaction)?;
            let (head, floor) = (mine.head.max(to.head), mine.floor.max(to.floor));
            let duration = mine.retention.duration.max(to.retention.duration);
            let until = mine.retention.until.max(to.retention.until);
            feed::somebody_served_before(transaction)?;
            transaction
                .execute(
                    "UPDATE feed_head SET head = ?1, floor = ?2, retention = ?3, retention_until = ?4",
                    [head.as_i64(), floor.as_i64(), words::millis(duration), until.as_millis()],
                )
                .map(drop)
        })
        .await
    }

    async fn count(&self, table: Table) -> Stored<u64> {
        let query = format!("SELECT count(*) FROM {}", name(table));
        let count: i64 =
            self.read(move |connection| connection.query_row(&query, [], |row| row.get(0))).await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    async fn newest(&self, table: Table) -> Stored<Option<u128>> {
        let newest = self.read(move |connection| read(connection, table, None, 1, "DESC")).await?;
        Ok(newest.first().map(Row::key))
    }

    async fn rows(&self, table: Table, after: Option<u128>, limit: u32) -> Stored<Vec<Row>> {
        self.read(move |connection| read(connection, table, after, limit, "ASC")).await
    }

    async fn put(&self, rows: Vec<Row>) -> Stored<()> {
        self.write(move |transaction| rows.iter().try_for_each(|row| put(transaction, row))).await
    }
}

fn state(connection: &Connection) -> Result<FeedState> {
    let (as_of, retention) = (feed::as_of(connection)?, feed::retention(connection)?);
    Ok(FeedState { head: as_of.head(), floor: as_of.floor(), retention })
}

fn name(table: Table) -> &'static str {
    match table {
        Table::Events => "feed_events",
        Table::ServiceKeys => "service_keys",
        Table::Users => "users",
        Table::Marks => "session_marks",
        Table::Sessions => "sessions",
    }
}

fn read(
    connection: &Connection,
    table: Table,
    after: Option<u128>,
    limit: u32,
    order: &str,
) -> Result<Vec<Row>> {
    let (columns, from, key) = match table {
        Table::Events => ("rv, kind, key, keep_until", "feed_events", "rv"),
        Table::ServiceKeys => (service_keys::COLUMNS, "service_keys", "id"),
        Table::Users => (USER, "users u", "u.id"),
        Table::Marks => (marks::COLUMNS, "session_marks m", "m.id"),
        Table::Sessions => (SESSION, "sessions s", "s.id"),
    };
    // Before every key: below each number, and the empty blob below each other.
    let after: Box<dyn rusqlite::ToSql> = match (table, after) {
        (Table::Events, after) => Box::new(after.map_or(-1, |rv| i64::try_from(rv).unwrap_or(i64::MAX))),
        (Table::ServiceKeys | Table::Users | Table::Marks | Table::Sessions, None) => Box::new(Vec::new()),
        (Table::ServiceKeys | Table::Users | Table::Marks | Table::Sessions, Some(id)) => {
            Box::new(id.to_be_bytes().to_vec())
        }
    };
    connection
        .prepare_cached(&format!(
            "SELECT {columns} FROM {from} WHERE {key} > ?1 ORDER BY {key} {order} LIMIT ?2"
        ))?
        .query_map(params![after, limit], |row| {
            Ok(match table {
                Table::Events => Row::Event(rows::event(row, 0)?),
                Table::ServiceKeys => Row::ServiceKey(service_keys::read(row)?),
                Table::Users => Row::User(rows::user(row, 0)?),
                Table::Marks => Row::Mark(marks::read(row)?),
                Table::Sessions => Row::Session(rows::session(row, 0)?),
            })
        })?
        .collect()
}

fn put(connection: &Connection, row: &Row) -> Result<()> {
    match row {
        Row::Event(event) => put_event(connection, event),
        Row::ServiceKey(key) => put_service_key(connection, key),
        Row::User(user) => put_user(connection, user),
        Row::Mark(marked) => marks::add(connection, marked),
        Row::Session(session) => put_session(connection, session),
    }
}

fn put_event(connection: &Connection, event: &Event) -> Result<()> {
    let (kind, key) = words::kind_and_key(&event.revocation);
    connection
        .prepare_cached("INSERT INTO feed_events (rv, kind, key, keep_until) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![event.rv.as_i64(), kind, key, event.keep_until.as_millis()])
        .map(drop)
}

fn put_service_key(connection: &Connection, key: &ServiceKey) -> Result<()> {
    let scopes: Vec<_> = key.scopes.iter().map(|scope| scope.as_str()).collect();
    connection
        .prepare_cached(
            "INSERT INTO service_keys (id, name, scopes, hash, created_at, revoked_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            key.id.as_bytes(),
            key.name,
            scopes.join(" "),
            key.hash,
            key.created_at.as_millis(),
            key.revoked_at.map(|at| at.as_millis()),
        ])
        .map(drop)
}

fn put_user(connection: &Connection, user: &User) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO users (id, email, email_key, name, password_hash, roles, status, min_rv, created_at, \
             logins_ended_at, logins_ended_reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            user.id.as_bytes(),
            user.email,
            user.email_key.as_str(),
            user.name,
            user.password_hash.as_str(),
            words::roles_json(&user.roles),
            user.status.as_str(),
            user.min_rv.as_i64(),
            user.created_at.as_millis(),
            user.logins_ended.map(|ended| ended.at.as_millis()),
            user.logins_ended.map(|ended| ended.reason.as_str()),
        ])
        .map(drop)
}

fn put_session(connection: &Connection, session: &Session) -> Result<()> {
    session_row::insert(connection, session)?;
    let Some(Revoked { rv, at, reason }) = &session.revoked else { return Ok(()) };
    connection
        .prepare_cached(
            "UPDATE sessions SET revoked_rv = ?2, revoked_at = ?3, revoked_reason = ?4 WHERE id = ?1",
        )?
        .execute(params![session.id.as_bytes(), rv.as_i64(), at.map(|at| at.as_millis()), reason.as_str(),])
        .map(drop)
}
