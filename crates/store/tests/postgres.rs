//! What only a server on the other side of a network can do: migrations at once, killed connections, a restart,
//! another life, locks that are not given, deadlocks, a pool that is empty.
#![cfg(feature = "postgres")]
#![expect(clippy::unwrap_used, reason = "bodies of tests are functions")]
#![expect(clippy::wildcard_enum_match_arm, reason = "what else comes fails the test")]

#[path = "postgres/cleanup.rs"]
mod cleanup;
#[expect(dead_code, reason = "this suite uses a part of it")]
mod common;
#[path = "common/postgres.rs"]
mod database;
#[path = "postgres/deadlocks.rs"]
mod deadlocks;
#[path = "postgres/faults.rs"]
mod faults;
#[path = "postgres/lives.rs"]
mod lives;
#[path = "postgres/plans.rs"]
mod plans;
#[path = "../../../xtask/src/port.rs"]
mod port;
#[path = "postgres/races.rs"]
mod races;
#[path = "postgres/refreshes.rs"]
mod refreshes;
#[path = "postgres/relay.rs"]
mod relay;
#[cfg(feature = "redis")]
#[path = "common/redis.rs"]
mod sessions;
#[path = "postgres/sharing.rs"]
mod sharing;
#[path = "postgres/silence.rs"]
mod silence;
#[path = "postgres/tables.rs"]
mod tables;
#[path = "../../../xtask/src/throwaway.rs"]
mod throwaway;
#[path = "postgres/tls.rs"]
mod tls;
#[path = "../../../xtask/src/unprivileged.rs"]
mod unprivileged;
#[path = "postgres/vouching.rs"]
mod vouching;

use std::sync::Arc;

use cloakroom_auth::store::Store;
use cloakroom_store::{OpenError, Purpose};
use cloakroom_verify::{Revocation, Rv, TokenId};
use common::*;
use database::Database;
use tokio_postgres::Client;

type Shared = Arc<dyn Store>;

/// A store on this database with other options.
async fn open_with(database: &Database, options: &str) -> Shared {
    cloakroom_store::open(&database.url_with(options), Purpose::Serve, now()).await.unwrap()
}

fn token(a: u8, b: u8) -> Revocation {
    let mut id = [0; 16];
    (id[0], id[1]) = (a, b);
    Revocation::TokenRevoked(TokenId::from_bytes(id))
}

/// The numbers of all events in their order.
async fn numbers(store: &Shared) -> (Rv, Vec<Rv>) {
    let sync = store.read_since(None).await.unwrap();
    (sync.head, sync.events.iter().map(|event| event.rv).collect())
}

async fn migrations(client: &Client) -> i64 {
    client.query_one("SELECT count(*) FROM cloakroom_migrations", &[]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_migrate_at_once_each_finds_it_done() {
    let Some(database) = Database::new().await else { return };
    let url = database.url();
    let told = cloakroom_store::migrate(&url, true, now()).await.unwrap();
    assert_eq!(
        told,
        [
            "0001_initial",
            "0002_service_keys",
            "0003_endings",
            "0004_duties",
            "0005_session_marks",
            "0006_sessions_ended",
            "0007_feed_nodes"
        ]
    );
    let error = database.try_open().await.err().unwrap();
    assert!(matches!(error, OpenError::Unmigrated { pending: 7, .. }), "a dry run does nothing: {error}");
    let all = (0..8).map(|_| {
        let url = url.clone();
        tokio::spawn(async move { cloakroom_store::migrate(&url, false, now()).await })
    });
    for one in all.collect::<Vec<_>>() {
        one.await.unwrap().unwrap();
    }
    assert_eq!(migrations(&database.connect().await).await, 7);
    assert_eq!(database.migrate().await, Vec::<String>::new());
    database.try_open().await.unwrap();
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_newer_version_of_another_program_or_with_a_changed_migration_is_refused() {
    let Some(database) = Database::new().await else { return };
    let client = database.connect().await;
    client.batch_execute("CREATE TABLE users (name TEXT)").await.unwrap();
    let refused = async || {
        [
            database.try_open().await.err().unwrap(),
            cloakroom_store::migrate(&database.url(), false, now()).await.unwrap_err(),
        ]
    };
    for error in refused().await {
        assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
    }
    client.batch_execute("DROP TABLE users").await.unwrap();
    let server = database.open().await;
    client.batch_execute("INSERT INTO cloakroom_migrations VALUES (99, '0099_later', '', 0)").await.unwrap();
    for error in refused().await {
        assert!(matches!(error, OpenError::Newer { found: 99, known: 7, .. }), "{error}");
    }
    add(&server, 1, "alice@example.com").await;
    let changed = "DELETE FROM cloakroom_migrations WHERE version = 99; UPDATE cloakroom_migrations SET sql = sql || ' '";
    client.batch_execute(changed).await.unwrap();
    for error in refused().await {
        assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
    }
    database.drop().await;
}
