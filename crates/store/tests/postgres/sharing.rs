//! Revocations that arrive together share a transaction, and none suffers from another.

use std::pin::Pin;
use std::time::Duration;

use cloakroom_auth::session::{EndReason, RowStrategy};
use cloakroom_auth::store::Ended;
use cloakroom_auth::user::Status;
use cloakroom_verify::UserId;

use super::*;

/// Waits until somebody waits for what `client` holds.
pub(super) async fn somebody_waits(client: &Client) {
    so_many_wait(client, 1).await;
}

/// The same for so many connections.
pub(super) async fn so_many_wait(client: &Client, count: usize) {
    let busy =
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let look = async {
        loop {
            // Within a transaction, connections that were made since the last look are not seen.
            client.batch_execute("SELECT pg_stat_clear_snapshot()").await.unwrap();
            if client.query(busy, &[]).await.unwrap().len() >= count {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), look).await.expect("nobody waits, though somebody should");
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_all_of_the_feed_takes_no_connection_from_those_who_follow_it() {
    let Some(database) = Database::new().await else { return };
    let store = database.open().await;
    let told = store.append(token(7, 1), None, now()).await.unwrap();
    let client = database.connect().await;
    client.batch_execute("BEGIN; LOCK TABLE feed_events IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let readings: Vec<_> = (0..4)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.read_since(None).await })
        })
        .collect();
    so_many_wait(&client, 1).await;
    let others = store.others(&[1; 16], Duration::ZERO).await;
    assert_eq!(others.unwrap(), None, "the feed's own connections are free");
    client.batch_execute("COMMIT").await.unwrap();
    for reading in readings {
        assert_eq!(reading.await.unwrap().unwrap().head, told.rv);
    }
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_while_a_batch_is_written_goes_with_the_next() {
    let Some(database) = Database::new().await else { return };
    let store = database.open().await;
    let alice = add(&store, 1, "alice@example.com").await;
    for n in 0..40 {
        let row = row(&store, n, alice, RowStrategy::Session).await;
        start(&store, row).await;
    }
    let (before, _) = numbers(&store).await;
    let client = database.connect().await;
    client.batch_execute("BEGIN; SELECT 1 FROM feed_head FOR UPDATE").await.unwrap();
    let first = {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.append(token(9, 0), None, now()).await.unwrap().rv })
    };
    somebody_waits(&client).await;
    let mut told: Vec<Pin<Box<dyn Future<Output = Rv> + Send>>> = Vec::new();
    for n in 1..20 {
        let store = &store;
        told.push(Box::pin(async move { store.append(token(9, n), None, now()).await.unwrap().rv }));
    }
    for n in 0..40 {
        let store = &store;
        told.push(Box::pin(async move {
            match store.end(session_id(n), None, EndReason::Logout, now()).await.unwrap() {
                Ended::Now(event) => event.rv,
                other => panic!("{other:?}"),
            }
        }));
    }
    // After its first turn each of them stands in the queue, behind the batch that waits for the head.
    for one in &mut told {
        tokio::select! { biased; _ = one => panic!("the head is held"), () = std::future::ready(()) => {} }
    }
    client.batch_execute("ROLLBACK").await.unwrap();
    let mut given = vec![first.await.unwrap()];
    for one in told {
        given.push(one.await);
    }
    given.sort_unstable();
    let dense: Vec<_> = (1..=60).map(|n| Rv::new(before.epoch(), before.seq() + n)).collect();
    assert_eq!(given, dense, "each has its own number");
    let transactions: i64 =
        client.query_one("SELECT count(DISTINCT xmin::text) FROM feed_events", &[]).await.unwrap().get(0);
    assert_eq!(transactions, 2, "the one that waited, and all that came meanwhile");
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_does_not_go_takes_no_other_with_it() {
    let Some(database) = Database::new().await else { return };
    let store = database.open().await;
    let client = database.connect().await;
    client
        .batch_execute("ALTER TABLE feed_events ADD CHECK (key <> decode('0907' || repeat('00', 14), 'hex'))")
        .await
        .unwrap();
    client.batch_execute("BEGIN; SELECT 1 FROM feed_head FOR UPDATE").await.unwrap();
    let append = |n| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.append(token(9, n), None, now()).await })
    };
    let mut told = vec![append(0)];
    somebody_waits(&client).await;
    told.extend((1..20).map(append));
    client.batch_execute("ROLLBACK").await.unwrap();
    for (n, one) in told.into_iter().enumerate() {
        let done = one.await.unwrap();
        assert_eq!(done.is_err(), n == 7, "{n}: {done:?}");
        if let Err(error) = done {
            assert!(!error.to_string().contains("0907"), "rows are nobody's business: {error}");
        }
    }
    let (head, given) = numbers(&store).await;
    assert_eq!((head.seq(), given.len()), (19, 19), "what did not go took no number");
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledged_revocation_is_durable_whatever_the_server_defaults_to() {
    let Some(database) = Database::new().await else { return };
    database.migrate().await;
    let client = database.connect().await;
    client
        .batch_execute(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$; \
             CREATE TABLE seen (setting TEXT); \
             CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             INSERT INTO seen VALUES (current_setting('synchronous_commit')); RETURN NEW; END $$; \
             CREATE TRIGGER see BEFORE INSERT ON feed_events FOR EACH ROW EXECUTE FUNCTION see()",
        )
        .await
        .unwrap();
    let store = database.try_open().await.unwrap();
    store.append(token(1, 1), None, now()).await.unwrap();
    let seen: String = client.query_one("SELECT setting FROM seen", &[]).await.unwrap().get(0);
    assert_eq!(seen, "on");
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_shares_a_transaction_is_decided_one_after_the_other() {
    let Some(database) = Database::new().await else { return };
    let store = database.open().await;
    let users = [(1, "alice"), (2, "bob"), (3, "carol")];
    for (n, name) in users {
        let user = add(&store, n, &format!("{name}@example.com")).await;
        for session in [10 * n, 10 * n + 1] {
            let row = row(&store, session, user, RowStrategy::Session).await;
            start(&store, row).await;
        }
    }
    let [alice, bob, carol] = users.map(|(n, _)| UserId::from_bytes([n; 16]));
    let client = database.connect().await;
    client.batch_execute("BEGIN; SELECT 1 FROM feed_head FOR UPDATE").await.unwrap();
    let first = {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.append(token(9, 0), None, now()).await.unwrap() })
    };
    somebody_waits(&client).await;
    let end = |n| store.end(session_id(n), None, EndReason::Logout, now());
    let end_all = |user, keep| store.end_all(user, Some(session_id(keep)), EndReason::EndedByUser, now());
    let (mut all_but_one, mut another, mut kept) = (end_all(alice, 10), end(11), end(10));
    let (mut one, mut all_but_that, mut twice) = (end(20), end_all(bob, 20), end(20));
    let mut disabled = store.set_status(carol, Status::Disabled, now());
    let mut of_carol = end(30);
    tokio::select! {
        biased;
        _ = &mut all_but_one => panic!("the head is held"),
        _ = &mut another => panic!("the head is held"),
        _ = &mut kept => panic!("the head is held"),
        _ = &mut one => panic!("the head is held"),
        _ = &mut all_but_that => panic!("the head is held"),
        _ = &mut twice => panic!("the head is held"),
        _ = &mut disabled => panic!("the head is held"),
        _ = &mut of_carol => panic!("the head is held"),
        () = std::future::ready(()) => {}
    }
    client.batch_execute("ROLLBACK").await.unwrap();
    first.await.unwrap();
    assert_eq!(all_but_one.await.unwrap().unwrap().sessions, 1);
    assert!(matches!(another.await.unwrap(), Ended::Already), "it ended with the others");
    assert!(matches!(kept.await.unwrap(), Ended::Now(_)));
    assert!(matches!(one.await.unwrap(), Ended::Now(_)));
    assert!(all_but_that.await.unwrap().is_none(), "what was to be kept has ended");
    assert!(matches!(twice.await.unwrap(), Ended::Already));
    assert!(disabled.await.unwrap().unwrap().event.is_some());
    assert!(matches!(of_carol.await.unwrap(), Ended::Already));
    for (user, live) in [(alice, 0), (bob, 1), (carol, 0)] {
        assert_eq!(store.list_sessions(user, now()).await.unwrap().len(), live, "{user:?}");
    }
    let transactions: i64 =
        client.query_one("SELECT count(DISTINCT xmin::text) FROM feed_events", &[]).await.unwrap().get(0);
    assert_eq!(transactions, 2);
    database.drop().await;
}
