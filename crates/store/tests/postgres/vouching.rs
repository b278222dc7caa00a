//! Servers of one database that vouch for the feed to verifiers.

use std::time::Duration;

use cloakroom_auth::session::RowStrategy;
use cloakroom_verify::Timestamp;

use super::sharing::so_many_wait;
use super::*;

const BOUND: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn another_process_counts_until_nobody_can_trust_it() {
    let Some(database) = Database::new().await else { return };
    let (one, other) = (database.open().await, database.open().await);
    let (first, second) = ([1; 16], [2; 16]);
    let others = async || one.others(&first, Duration::ZERO).await.unwrap();
    one.announce(&first, BOUND, Duration::ZERO).await.unwrap();
    assert_eq!(others().await, None);
    other.announce(&second, 2 * BOUND, Duration::ZERO).await.unwrap();
    assert_eq!(others().await, Some(2 * BOUND));
    other.leave(&second).await.unwrap();
    assert_eq!(others().await, Some(2 * BOUND), "what it told last may still be trusted");
    let client = database.connect().await;
    client.batch_execute("UPDATE feed_nodes SET left_at = left_at - interval '6 seconds'").await.unwrap();
    assert_eq!(others().await, None);
    // One that was killed said nothing.
    other.announce(&second, BOUND, Duration::ZERO).await.unwrap();
    assert_eq!(others().await, Some(BOUND));
    let long_ago =
        "UPDATE feed_nodes SET beat = beat - interval '2 hours' WHERE id <> decode(repeat('01', 16), 'hex')";
    client.batch_execute(long_ago).await.unwrap();
    one.announce(&first, BOUND, Duration::ZERO).await.unwrap();
    assert_eq!(others().await, None);
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_server_commits_rings_at_the_other_even_after_its_connection_was_lost() {
    let Some(database) = Database::new().await else { return };
    let (teller, listener) = (database.open().await, database.open().await);
    let rings = async |number: u8| {
        // The first is for what was told before it listened.
        let until = tokio::time::Instant::now() + Duration::from_secs(20);
        let mut told = 0_u8;
        while told < 3 {
            teller.append(token(7 + number, told), None, now()).await.unwrap();
            let rung = tokio::time::timeout_at(until, listener.rung()).await;
            assert!(rung.is_ok(), "nobody rang in 20 seconds");
            told += 1;
        }
    };
    rings(0).await;
    let client = database.connect().await;
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND pid <> pg_backend_pid()";
    client.batch_execute(cut).await.unwrap();
    rings(1).await;
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fenced_read_gives_nothing_where_it_cannot_commit() {
    let Some(database) = Database::new().await else { return };
    let store = database.open().await;
    let told = store.append(token(7, 1), None, now()).await.unwrap();
    let client = database.connect().await;
    let beats = async || client.query_one("SELECT beat FROM feed_beat", &[]).await.unwrap().get::<_, i64>(0);
    assert_eq!(store.read_since(None).await.unwrap().head, told.rv);
    assert_eq!(beats().await, 0);
    assert!(store.fence());
    assert_eq!(store.read_since(None).await.unwrap().events, [told]);
    assert_eq!(beats().await, 1, "each read commits something, too");
    // As a primary whose standbys went on without it: it reads what it has, and can commit nothing.
    client
        .batch_execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'isolated'; END $$; \
             CREATE CONSTRAINT TRIGGER isolated AFTER UPDATE ON feed_beat DEFERRABLE INITIALLY DEFERRED \
             FOR EACH ROW EXECUTE FUNCTION refuse()",
        )
        .await
        .unwrap();
    assert!(store.read_since(None).await.is_err());
    client.batch_execute("DROP TRIGGER isolated ON feed_beat").await.unwrap();
    assert!(store.read_since(None).await.is_ok());
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_told_by_a_slow_clock_is_kept_as_long_as_any() {
    let Some(database) = Database::new().await else { return };
    let store = database.open().await;
    store.retain(Duration::from_secs(600), now()).await.unwrap();
    let before = clock(&database.connect().await).await;
    let long_ago = before.before(Duration::from_secs(86_400));
    let event = store.append(token(7, 200), None, long_ago).await.unwrap();
    assert!(event.keep_until >= before.after(Duration::from_secs(600)), "{event:?}");
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_clock_is_ahead_deletes_and_shortens_nothing_before_its_time() {
    let Some(database) = Database::new().await else { return };
    let store = database.open().await;
    let now = clock(&database.connect().await).await;
    let tomorrow = now.after(DAY);
    store.retain(HOUR, now).await.unwrap();
    let event = store.append(token(7, 201), None, now).await.unwrap();
    let alice = add(&store, 1, "alice@example.com").await;
    let mut row = row(&store, 1, alice, RowStrategy::Session).await;
    row.expires_at = now.after(HOUR);
    start(&store, row).await;
    assert_eq!(store.purge_events(tomorrow, 10).await.unwrap(), 0);
    assert_eq!(store.purge_sessions(tomorrow, 10).await.unwrap(), 0);
    // Tokens of the longer kind still live.
    store.retain(MINUTE, tomorrow).await.unwrap();
    let next = store.append(token(7, 202), None, now).await.unwrap();
    assert!(next.keep_until >= now.after(HOUR), "{next:?}");
    assert_eq!(store.read_since(None).await.unwrap().events, [event, next]);
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_is_read_while_nobody_can_be_announced() {
    let Some(database) = Database::new().await else { return };
    database.migrate().await;
    let store = open_with(&database, "statement_timeout=60000&pool_timeout=10000").await;
    let client = database.connect().await;
    client.batch_execute("BEGIN; LOCK TABLE feed_nodes").await.unwrap();
    let announcing: Vec<_> = (0..4)
        .map(|node| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.announce(&[node; 16], BOUND, Duration::ZERO).await })
        })
        .collect();
    so_many_wait(&client, announcing.len()).await;
    assert!(store.read_since(None).await.is_ok());
    client.batch_execute("ROLLBACK").await.unwrap();
    for one in announcing {
        one.await.unwrap().unwrap();
    }
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_announced_is_told_the_time_of_the_database() {
    let Some(database) = Database::new().await else { return };
    let (store, client) = (database.open().await, database.connect().await);
    let before = clock(&client).await;
    let told = store.announce(&[1; 16], BOUND, Duration::ZERO).await.unwrap().unwrap();
    assert!((before..=clock(&client).await).contains(&told), "{told:?}");
    database.drop().await;
}

/// What the database's clock says.
async fn clock(client: &Client) -> Timestamp {
    let clock = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
    Timestamp::from_millis(client.query_one(clock, &[]).await.unwrap().get(0))
}
