//! Migrations: forward only, each whole or not at all, and none changed after it ran.

use std::path::Path;

use cloakroom_verify::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::open::{classify, connect, connect_or_create, use_wal};
use crate::OpenError;

/// Marks a file as ours: "clkr".
const APPLICATION_ID: i64 = 0x636c_6b72;

/// One step from a schema to the next.
pub(super) struct Migration {
    version: i64,
    name: &'static str,
    sql: &'static str,
}

/// In order. A new one is a file and a line; an old one is never touched.
pub(super) const KNOWN: &[Migration] = &[
    Migration {
        version: 1,
        name: "0001_initial",
        sql: include_str!("../../migrations/sqlite/0001_initial.sql"),
    },
    Migration {
        version: 2,
        name: "0002_service_keys",
        sql: include_str!("../../migrations/sqlite/0002_service_keys.sql"),
    },
    Migration {
        version: 3,
        name: "0003_endings",
        sql: include_str!("../../migrations/sqlite/0003_endings.sql"),
    },
    Migration {
        version: 4,
        name: "0004_duties",
        sql: include_str!("../../migrations/sqlite/0004_duties.sql"),
    },
    Migration {
        version: 5,
        name: "0005_session_marks",
        sql: include_str!("../../migrations/sqlite/0005_session_marks.sql"),
    },
    Migration {
        version: 6,
        name: "0006_sessions_ended",
        sql: include_str!("../../migrations/sqlite/0006_sessions_ended.sql"),
    },
    Migration {
        version: 7,
        name: "0007_feed_nodes",
        sql: include_str!("../../migrations/sqlite/0007_feed_nodes.sql"),
    },
];

/// Applies what is missing and tells the names.
pub fn migrate(path: &Path, dry_run: bool, now: Timestamp) -> Result<Vec<String>, OpenError> {
    if dry_run && !path.exists() {
        return Ok(KNOWN.iter().map(|migration| migration.name.to_owned()).collect());
    }
    let mut connection = if dry_run { connect(path)? } else { connect_or_create(path)? };
    let pending = pending(&connection, path)?;
    if !dry_run {
        use_wal(&connection, path)?;
        for migration in &pending {
            apply(&mut connection, migration, now).map_err(|error| classify(path, &error))?;
        }
    }
    Ok(pending.iter().map(|migration| migration.name.to_owned()).collect())
}

fn apply(connection: &mut Connection, migration: &Migration, now: Timestamp) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.execute_batch(
        "CREATE TABLE IF NOT EXISTS migrations (version INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, \
         sql TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT",
    )?;
    // Two processes may migrate at once: the second finds it done.
    let done = "SELECT 1 FROM migrations WHERE version = ?1";
    if transaction.query_row(done, [migration.version], |_| Ok(())).optional()?.is_none() {
        transaction.execute_batch(migration.sql)?;
        transaction.execute(
            "INSERT INTO migrations (version, name, sql, applied_at) VALUES (?1, ?2, ?3, ?4)",
            params![migration.version, migration.name, migration.sql, now.as_millis()],
        )?;
    }
    transaction.commit()
}

/// What is missing; an error if the file is not one of ours, or of a newer version.
pub(super) fn pending(connection: &Connection, path: &Path) -> Result<Vec<&'static Migration>, OpenError> {
    let applied = applied(connection, path)?;
    let known = KNOWN.last().map_or(0, |migration| migration.version);
    if let Some(newest) = applied.last().filter(|newest| newest.0 > known) {
        return Err(OpenError::Newer { path: path.to_owned(), found: newest.0, known });
    }
    for (version, sql) in &applied {
        if KNOWN.iter().any(|migration| migration.version == *version && migration.sql != sql) {
            let detail = format!("migration {version} is not the one that this version knows");
            return Err(OpenError::Foreign { path: path.to_owned(), detail });
        }
    }
    let missing = |migration: &&Migration| !applied.iter().any(|(version, _)| *version == migration.version);
    Ok(KNOWN.iter().filter(missing).collect())
}

/// Version and text of each migration that ran.
fn applied(connection: &Connection, path: &Path) -> Result<Vec<(i64, String)>, OpenError> {
    let failed = |error: rusqlite::Error| classify(path, &error);
    let id: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(failed)?;
    if id != APPLICATION_ID {
        let tables: i64 = connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
            .map_err(failed)?;
        if id == 0 && tables == 0 {
            return Ok(Vec::new());
        }
        let detail = String::from("it has tables of another program");
        return Err(OpenError::Foreign { path: path.to_owned(), detail });
    }
    let read = || -> rusqlite::Result<_> {
        let mut rows = connection.prepare("SELECT version, sql FROM migrations ORDER BY version")?;
        rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()
    };
    read().map_err(failed)
}
