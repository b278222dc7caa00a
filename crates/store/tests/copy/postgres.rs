//! To and from PostgreSQL, where a lock keeps everybody else away.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::*;

/// Nobody waits longer, on a machine that is busy.
const LONGEST: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_the_same_on_postgres_and_back_again() {
    let Some(database) = database::Database::new().await else { return };
    let (from, to) = (filled().await, File::new());
    many(&from, 600).await;
    database.migrate().await;
    let between = cloakroom_store::open_shelf(&database.url(), now()).await.unwrap();
    assert_eq!(run(&*shelf(&from).await, &*between).await.unwrap(), expected(602));
    assert_eq!(run(&*between, &*shelf(&to).await).await.unwrap(), expected(602));
    let source = marks(&*shelf(&from).await).await;
    assert_eq!(source, marks(&*between).await);
    assert_eq!(source, marks(&*shelf(&to).await).await);
    let state = between.feed().await.unwrap();
    drop(between);
    let (from, to) =
        (from.try_open(Purpose::Serve).await.unwrap(), to.try_open(Purpose::Serve).await.unwrap());
    let store = database.try_open().await.unwrap();
    let source = seen(&from).await;
    assert_eq!(source, seen(&store).await);
    assert_eq!(source, seen(&to).await);
    assert!(store.read_since(None).await.unwrap().head > state.head, "no number is given out twice");
    drop(store);
    database.drop().await;
}

/// Plans that were made for empty tables must not be kept.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_copy_the_database_knows_how_large_its_tables_are() {
    let Some(database) = database::Database::new().await else { return };
    let from = filled().await;
    many(&from, 600).await;
    database.migrate().await;
    let target = cloakroom_store::open_shelf(&database.url(), now()).await.unwrap();
    run(&*shelf(&from).await, &*target).await.unwrap();
    let known = "SELECT reltuples::bigint FROM pg_class WHERE oid = $1::text::regclass";
    let client = database.connect().await;
    for (table, rows) in
        [("feed_events", 7), ("service_keys", 3), ("users", 602), ("session_marks", 2), ("sessions", 4)]
    {
        let known: i64 = client.query_one(known, &[&table]).await.unwrap().get(0);
        assert_eq!(known, rows, "{table}");
    }
    drop(target);
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_in_use_is_not_copied() {
    let Some(database) = database::Database::new().await else { return };
    let server = database.open().await;
    let _another = database.try_open().await.unwrap();
    let error = cloakroom_store::open_shelf(&database.url(), now()).await.err().unwrap();
    assert!(matches!(error, OpenError::Held(_)), "{error}");
    assert!(server.read_since(None).await.is_ok());
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_go_on_in_a_new_epoch_whatever_life_the_target_had() {
    let Some(database) = database::Database::new().await else { return };
    let from = filled().await;
    // It lived before, and its head was moved in the life that goes on now.
    drop(database.open().await);
    let (source, target) =
        (shelf(&from).await, cloakroom_store::open_shelf(&database.url(), now()).await.unwrap());
    run(&*source, &*target).await.unwrap();
    let copied = source.feed().await.unwrap();
    drop(target);
    let store = database.try_open().await.unwrap();
    let next = store.append(Revocation::EverythingBefore, None, now()).await.unwrap();
    assert!(
        next.rv.epoch() > copied.head.epoch(),
        "{next:?} after {copied:?}: the source may give it out too"
    );
    drop(store);
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_while_it_is_copied_waits_for_the_end() {
    let Some(database) = database::Database::new().await else { return };
    database.migrate().await;
    let copying = cloakroom_store::open_shelf(&database.url(), now()).await.unwrap();
    let url = database.url();
    let server = tokio::spawn(async move { cloakroom_store::open(&url, Purpose::Serve, now()).await });
    let url = database.url();
    let migrating = tokio::spawn(async move { cloakroom_store::migrate(&url, false, now()).await });
    // Each look of theirs is a connection of its own.
    let watcher = database.connect().await;
    let looks = "SELECT max(pid) FROM pg_stat_activity WHERE datname = current_database() \
         AND application_name = 'cloakroom' AND query LIKE '%pg_try_advisory_lock_shared%'";
    let mut seen = std::collections::HashSet::new();
    let looked = async {
        while seen.len() < 3 {
            seen.extend(watcher.query_one(looks, &[]).await.unwrap().get::<_, Option<i32>>(0));
        }
    };
    timeout(LONGEST, looked).await.expect("they look again and again");
    assert!(!server.is_finished() && !migrating.is_finished());
    drop(copying);
    timeout(LONGEST, server).await.expect("it goes on").unwrap().unwrap();
    assert_eq!(timeout(LONGEST, migrating).await.expect("it goes on").unwrap().unwrap(), [""; 0]);
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_copy_without_end() {
    let Some(database) = database::Database::new().await else { return };
    database.migrate().await;
    let copying = cloakroom_store::open_shelf(&database.url(), now()).await.unwrap();
    let begin = Instant::now();
    let error = timeout(LONGEST, database.try_open()).await.expect("it gives up").err().unwrap();
    assert!(matches!(error, OpenError::Held(_)), "{error}");
    assert!(begin.elapsed() > Duration::from_secs(9), "it did wait: {:?}", begin.elapsed());
    assert!(copying.feed().await.is_ok(), "and the copy went on");
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_lost_its_lock_does_not_go_on() {
    let Some(database) = database::Database::new().await else { return };
    database.migrate().await;
    let copying = cloakroom_store::open_shelf(&database.url(), now()).await.unwrap();
    let admin = database.connect().await;
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND application_name = 'cloakroom'";
    assert_eq!(admin.query(kill, &[]).await.unwrap().len(), 1, "one connection, all along");
    let server = database.try_open().await.unwrap();
    let told = async {
        loop {
            let error = copying.count(Table::Users).await.expect_err("a server may have written meanwhile");
            if error.to_string().contains("kept others away") {
                return;
            }
        }
    };
    timeout(LONGEST, told).await.expect("it says why");
    assert!(copying.put(Vec::new()).await.is_err());
    // Nor does it keep anybody away.
    drop(server);
    let again = async { while cloakroom_store::open_shelf(&database.url(), now()).await.is_err() {} };
    timeout(LONGEST, again).await.expect("the same copy can be run again");
    database.drop().await;
}
