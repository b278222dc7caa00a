//! Errors of the database are errors, soon, and never a refusal; and what was acknowledged stays.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cloakroom_auth::refresh::Ask;
use cloakroom_auth::session::{EndReason, RowStrategy};
use cloakroom_auth::store::{Ended, Rotation};

use super::refreshes::{ask, in_time};
use super::sharing::somebody_waits;
use super::*;

/// A clock of the outside: these waits are real.
#[expect(clippy::disallowed_methods, reason = "bounds of real waits")]
fn clock() -> Instant {
    Instant::now()
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_stay_dense_under_64_writers_with_aborts_and_killed_connections() {
    let Some(database) = Database::new().await else { return };
    let servers = [database.open().await, database.try_open().await.unwrap()];
    let (before, _) = numbers(&servers[0]).await;
    let client = database.connect().await;
    let enough = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..64_u8)
        .map(|writer| {
            let server = Arc::clone(&servers[usize::from(writer % 2)]);
            let enough = Arc::clone(&enough);
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                for n in 0..=u8::MAX {
                    if n >= 8 && enough.load(Ordering::Relaxed) {
                        break;
                    }
                    acknowledged.extend(server.append(token(writer, n), None, now()).await.ok());
                }
                acknowledged
            })
        })
        .collect();
    let mut killed = 0;
    while writers.iter().any(|writer| !writer.is_finished()) {
        // One that moves the head and takes it back, and one that is killed whatever it does.
        client.batch_execute("BEGIN; UPDATE feed_head SET head = head + 5; ROLLBACK").await.unwrap();
        killed += client
            .query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
                 AND pid <> pg_backend_pid() AND state <> 'idle' LIMIT 1",
                &[],
            )
            .await
            .unwrap()
            .len();
        enough.store(killed > 0, Ordering::Relaxed);
    }
    let mut acknowledged = Vec::new();
    for writer in writers {
        acknowledged.extend(writer.await.unwrap());
    }
    let sync = servers[1].read_since(None).await.unwrap();
    let given: Vec<_> = sync.events.iter().map(|event| event.rv).collect();
    let dense: Vec<_> = (1..=sync.head.seq()).map(|seq| Rv::new(before.epoch(), seq)).collect();
    assert_eq!(given, dense, "no gap and nothing twice");
    for event in &acknowledged {
        assert!(sync.events.contains(event), "acknowledged, and gone: {event:?}");
    }
    assert!(killed > 0 && !acknowledged.is_empty(), "{killed} killed, {} acknowledged", acknowledged.len());
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_not_given_is_an_error_in_time() {
    let Some(database) = Database::new().await else { return };
    let patient = database.open().await;
    let store = open_with(&database, "statement_timeout=200&pool_timeout=300").await;
    let id = add(&patient, 1, "alice@example.com").await;
    let login = row(&patient, 1, id, RowStrategy::Session).await;
    let client = database.connect().await;
    client.batch_execute("BEGIN; SELECT 1 FROM users FOR UPDATE").await.unwrap();
    let start = clock();
    let error = store.start(fresh(login.clone())).await.unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(2), "{error}");
    assert!(store.set_roles(id, cloakroom_verify::Roles::from_iter(["x"]), now()).await.is_err());
    client.batch_execute("ROLLBACK").await.unwrap();
    super::start(&patient, login).await;
    in_time(async { while store.by_id(id).await.is_err() {} }).await;
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_pool_is_an_error_in_time() {
    let Some(database) = Database::new().await else { return };
    drop(database.open().await);
    let store = open_with(&database, "pool_size=1&pool_timeout=100&statement_timeout=5000").await;
    let id = add(&store, 1, "alice@example.com").await;
    let client = database.connect().await;
    client.batch_execute("BEGIN; SELECT 1 FROM users FOR UPDATE").await.unwrap();
    let waiting = {
        let store = Arc::clone(&store);
        tokio::spawn(
            async move { store.set_roles(id, cloakroom_verify::Roles::from_iter(["x"]), now()).await },
        )
    };
    let busy =
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while client.query(busy, &[]).await.unwrap().is_empty() {}
    let start = clock();
    let error = store.by_id(id).await.unwrap_err();
    assert!(error.to_string().contains("in use"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(3));
    client.batch_execute("ROLLBACK").await.unwrap();
    waiting.await.unwrap().unwrap();
    store.by_id(id).await.unwrap();
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_gives_up_leaves_no_transaction_behind() {
    let Some(database) = Database::new().await else { return };
    drop(database.open().await);
    let store = open_with(&database, "pool_size=1").await;
    let id = add(&store, 1, "alice@example.com").await;
    let client = database.connect().await;
    client.batch_execute("BEGIN; SELECT 1 FROM users FOR UPDATE").await.unwrap();
    let waiting = {
        let store = Arc::clone(&store);
        tokio::spawn(
            async move { store.set_roles(id, cloakroom_verify::Roles::from_iter(["x"]), now()).await },
        )
    };
    let busy =
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while client.query(busy, &[]).await.unwrap().is_empty() {}
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    client.batch_execute("ROLLBACK").await.unwrap();
    // On the same, only connection: what was given up is taken back, and nothing of it holds a lock.
    let (user, _) = store.by_id(id).await.unwrap().unwrap();
    assert_eq!(user.roles, cloakroom_verify::Roles::from_iter(["a", "b"]));
    store.set_roles(id, cloakroom_verify::Roles::from_iter(["y"]), now()).await.unwrap().unwrap();
    database.drop().await;
}

/// Makes the next `times` events fail as a collision with another transaction would.
async fn collide(client: &Client, times: u32) {
    client
        .batch_execute(&format!(
            "DROP SEQUENCE IF EXISTS tries; CREATE SEQUENCE tries; \
             CREATE OR REPLACE FUNCTION collide() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF nextval('tries') <= {times} THEN RAISE EXCEPTION 'collision' USING ERRCODE = '40001'; END IF; \
             RETURN NEW; END $$; \
             CREATE OR REPLACE TRIGGER collide BEFORE INSERT ON feed_events FOR EACH ROW EXECUTE FUNCTION collide()"
        ))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_collides_is_run_again_within_a_bound() {
    let Some(database) = Database::new().await else { return };
    let store = database.open().await;
    let client = database.connect().await;
    let (before, _) = numbers(&store).await;
    collide(&client, 3).await;
    let event = store.append(token(1, 1), None, now()).await.unwrap();
    assert_eq!(event.rv, before.next(), "what collided took no number");
    collide(&client, 1_000_000).await;
    assert!(store.append(token(1, 2), None, now()).await.is_err());
    collide(&client, 0).await;
    assert_eq!(store.append(token(1, 2), None, now()).await.unwrap().rv, before.next().next());
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_every_connection_waits_for_one_row_the_feed_is_read_and_logins_end() {
    let Some(database) = Database::new().await else { return };
    drop(database.open().await);
    let store = open_with(&database, "pool_size=1&pool_timeout=100").await;
    let alice = add(&store, 1, "alice@example.com").await;
    for n in 1..=2 {
        let row = row(&store, n, alice, RowStrategy::Hybrid).await;
        start(&store, row).await;
    }
    let client = database.connect().await;
    client.batch_execute("BEGIN").await.unwrap();
    let id: &[u8] = &[1; 16];
    client.execute("SELECT 1 FROM sessions WHERE id = $1 FOR UPDATE", &[&id]).await.unwrap();
    let ask = ask(session_id(1));
    let waits = {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.rotate(&ask).await.unwrap() })
    };
    somebody_waits(&client).await;
    let error = store.find(session_id(2)).await.unwrap_err();
    assert!(error.to_string().contains("in use"), "{error}");
    let head = store.read_since(None).await.unwrap().head;
    let ended = store.end(session_id(2), None, EndReason::Logout, now()).await.unwrap();
    assert!(matches!(&ended, Ended::Now(event) if event.rv == head.next()), "{ended:?}");
    client.batch_execute("ROLLBACK").await.unwrap();
    let rotated = waits.await.unwrap();
    assert!(matches!(rotated, Rotation::Rotated(_)), "{rotated:?}");
    database.drop().await;
}

/// Batches of refreshes must not stand behind those that wait for the locks of others.
#[tokio::test(flavor = "multi_thread")]
async fn refreshes_that_wait_for_a_row_take_a_quarter_of_the_connections() {
    let Some(database) = Database::new().await else { return };
    drop(database.open().await);
    let store = open_with(&database, "pool_size=4&pool_timeout=100").await;
    let alice = add(&store, 1, "alice@example.com").await;
    for n in 1..=5 {
        let row = row(&store, n, alice, RowStrategy::Hybrid).await;
        start(&store, row).await;
    }
    let client = database.connect().await;
    client
        .batch_execute("BEGIN; SELECT 1 FROM sessions WHERE id <> decode(repeat('05', 16), 'hex') FOR UPDATE")
        .await
        .unwrap();
    let waiting: Vec<_> = (1..=4)
        .map(|n| {
            let (store, ask) = (Arc::clone(&store), ask(session_id(n)));
            tokio::spawn(async move { store.rotate(&ask).await.unwrap() })
        })
        .collect();
    somebody_waits(&client).await;
    for generation in 0..3 {
        let ask = Ask { generation, ..ask(session_id(5)) };
        let rotated = store.rotate(&ask).await.unwrap();
        assert!(matches!(rotated, Rotation::Rotated(_)), "{rotated:?}");
    }
    client.batch_execute("ROLLBACK").await.unwrap();
    for one in waiting {
        let rotated = one.await.unwrap();
        assert!(matches!(rotated, Rotation::Rotated(_)), "{rotated:?}");
    }
    database.drop().await;
}
