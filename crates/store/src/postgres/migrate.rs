//! Migrations: forward only, each whole or not at all, and none changed after it ran. Running servers of the version
//! before go on through each of them: a migration adds, and only a later version takes away what nobody uses by then.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_verify::Timestamp;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::address::Address;
use super::fault::{Fault, Result};
use super::pool::{PATIENT, Pool};
use crate::OpenError;

/// One step from a schema to the next.
pub(super) struct Migration {
    version: i64,
    name: &'static str,
    sql: &'static str,
}

/// In order. A new one is a file and a line; an old one is never touched.
const KNOWN: &[Migration] = &[
    Migration {
        version: 1,
        name: "0001_initial",
        sql: include_str!("../../migrations/postgres/0001_initial.sql"),
    },
    Migration {
        version: 2,
        name: "0002_service_keys",
        sql: include_str!("../../migrations/postgres/0002_service_keys.sql"),
    },
    Migration {
        version: 3,
        name: "0003_endings",
        sql: include_str!("../../migrations/postgres/0003_endings.sql"),
    },
    Migration {
        version: 4,
        name: "0004_duties",
        sql: include_str!("../../migrations/postgres/0004_duties.sql"),
    },
    Migration {
        version: 5,
        name: "0005_session_marks",
        sql: include_str!("../../migrations/postgres/0005_session_marks.sql"),
    },
    Migration {
        version: 6,
        name: "0006_sessions_ended",
        sql: include_str!("../../migrations/postgres/0006_sessions_ended.sql"),
    },
    Migration {
        version: 7,
        name: "0007_feed_nodes",
        sql: include_str!("../../migrations/postgres/0007_feed_nodes.sql"),
    },
];

/// "clkr": of two that migrate at once, one waits for the other.
const LOCK: &str = "SELECT pg_advisory_xact_lock(1668049778)";
const TABLE: &str = "CREATE TABLE IF NOT EXISTS cloakroom_migrations (version BIGINT NOT NULL PRIMARY KEY, \
     name TEXT NOT NULL, sql TEXT NOT NULL, applied_at BIGINT NOT NULL)";

/// Applies what is missing and tells the names.
pub async fn migrate(
    url: &str,
    dry_run: bool,
    now: Timestamp,
) -> std::result::Result<Vec<String>, OpenError> {
    let pool = Arc::new(Pool::new(Address::parse(url)?)?);
    enter(&pool, PATIENT).await?;
    let pending = pending_in(&pool).await?;
    if !dry_run {
        let lent = pool.lend().await.map_err(|fault| failed(&pool, &fault))?;
        for migration in &pending {
            let applied = lent.work(apply(&lent.client, migration, now)).await;
            applied.map_err(|fault| failed(&pool, &fault))?;
        }
    }
    Ok(pending.iter().map(|migration| migration.name.to_owned()).collect())
}

async fn apply(client: &Client, migration: &Migration, now: Timestamp) -> Result<()> {
    // Building an index may take long; waiting for a table's lock may not, since everybody else waits behind.
    client.batch_execute("BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '60s'").await?;
    lock(client).await?;
    client.batch_execute("SET LOCAL lock_timeout = '5s'").await?;
    client.batch_execute(TABLE).await?;
    // Two may migrate at once: the second finds it done. Without the lock it waits here, for the first one's commit.
    let insert = "INSERT INTO cloakroom_migrations (version, name, sql, applied_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (version) DO NOTHING";
    let applied_at = now.as_millis();
    let values: super::connect::Values<'_> =
        &[&migration.version, &migration.name, &migration.sql, &applied_at];
    if client.execute(insert, values).await? == 1 {
        client.batch_execute(migration.sql).await?;
    }
    Ok(client.batch_execute("COMMIT").await?)
}

/// Engines without advisory locks have the primary key of the migrations instead.
async fn lock(client: &Client) -> Result<()> {
    client.batch_execute("SAVEPOINT locking").await?;
    match client.batch_execute(LOCK).await.map_err(Fault::from) {
        Err(fault) if fault.is(&[SqlState::UNDEFINED_FUNCTION, SqlState::FEATURE_NOT_SUPPORTED]) => {
            Ok(client.batch_execute("ROLLBACK TO SAVEPOINT locking").await?)
        }
        done => done,
    }
}

/// Makes the first connection, once nobody has the database alone.
pub(super) async fn enter(pool: &Arc<Pool>, patience: Duration) -> std::result::Result<(), OpenError> {
    pool.enter(patience).await.map_err(|fault| failed(pool, &fault))
}

/// What is missing; an error if the database is not one of ours, or of a newer version.
pub(super) async fn pending_in(pool: &Arc<Pool>) -> std::result::Result<Vec<&'static Migration>, OpenError> {
    let lent = pool.lend().await.map_err(|fault| failed(pool, &fault))?;
    let applied = applied(&lent.client).await.map_err(|fault| failed(pool, &fault))?;
    let path = || pool.address.name.clone().into();
    let applied = applied.map_err(|detail| OpenError::Foreign { path: path(), detail })?;
    let known = KNOWN.last().map_or(0, |migration| migration.version);
    if let Some(newest) = applied.last().filter(|newest| newest.0 > known) {
        return Err(OpenError::Newer { path: path(), found: newest.0, known });
    }
    for (version, sql) in &applied {
        if KNOWN.iter().any(|migration| migration.version == *version && migration.sql != sql) {
            let detail = format!("migration {version} is not the one that this version knows");
            return Err(OpenError::Foreign { path: path(), detail });
        }
    }
    let missing = |migration: &&Migration| !applied.iter().any(|(version, _)| *version == migration.version);
    Ok(KNOWN.iter().filter(missing).collect())
}

type Applied = Vec<(i64, String)>;

/// Version and text of each migration that ran, or why this is no database of ours.
async fn applied(client: &Client) -> Result<std::result::Result<Applied, String>> {
    let ours = "SELECT to_regclass('cloakroom_migrations') IS NOT NULL";
    if client.query_one(ours, &[]).await?.try_get(0)? {
        let rows =
            client.query("SELECT version, sql FROM cloakroom_migrations ORDER BY version", &[]).await?;
        let read = |row: &tokio_postgres::Row| Ok((row.try_get(0)?, row.try_get(1)?));
        return rows.iter().map(read).collect::<Result<Applied>>().map(Ok);
    }
    let taken = "SELECT name FROM unnest(ARRAY['users', 'sessions', 'feed_head', 'feed_events', 'service_keys']) \
         AS t (name) WHERE to_regclass(name) IS NOT NULL";
    Ok(match client.query(taken, &[]).await?.first() {
        Some(row) => Err(format!("it has a table {} of another program", row.try_get::<_, String>(0)?)),
        None => Ok(Vec::new()),
    })
}

fn failed(pool: &Pool, fault: &Fault) -> OpenError {
    match fault {
        Fault::Held => OpenError::Held(pool.address.name.clone().into()),
        Fault::Driver { .. }
        | Fault::AnotherLineage
        | Fault::Unreadable(_)
        | Fault::Exhausted
        | Fault::NotAlone
        | Fault::Late => OpenError::Failed(format!("{}: {fault}", pool.address.name)),
    }
}
