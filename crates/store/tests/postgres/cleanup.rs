//! What is spent is found by an index, in tables that are large, by the very statements that run: PostgreSQL counts how
//! often it reads a table from end to end, and by which index.

use cloakroom_verify::Timestamp;

use super::*;

/// Past by every clock.
const LONG_AGO: i64 = 1_500_000_000_000;
/// Enough that is spent, among more that is not.
const FILL: &str = "INSERT INTO users (id, email, email_key, password_hash, status, created_at) \
     VALUES (decode(repeat('01', 16), 'hex'), 'a@example.com', 'a@example.com', '$1', 'active', 0); \
     INSERT INTO sessions (id, user_id, strategy, transport, remember, secret, generation, floor, spent, keyed, strikes, \
     rv, written_epoch, device, auth_time, created_at, last_used_at, idle_timeout, expires_at) \
     SELECT uuid_send(gen_random_uuid()), decode(repeat('01', 16), 'hex'), 'hybrid', 'body', false, \
     uuid_send(gen_random_uuid()), 0, 0, '', false, 0, 0, 0, 'Firefox on Linux', 0, 0, 0, 1, \
     CASE WHEN n % 4 = 0 THEN 1500000000000 - n ELSE 4000000000000 + n END FROM generate_series(1, 40000) AS n; \
     INSERT INTO feed_events (rv, kind, key, keep_until) \
     SELECT n, 'token_revoked', uuid_send(gen_random_uuid()), \
     CASE WHEN n % 4 = 0 THEN 1500000000000 - n ELSE 4000000000000 + n END FROM generate_series(1, 40000) AS n; \
     INSERT INTO session_marks (id, user_id, version, until) \
     SELECT uuid_send(gen_random_uuid()), decode(repeat('01', 16), 'hex'), 0, \
     CASE WHEN n % 4 = 0 THEN 1500000000000 - n ELSE 4000000000000 + n END FROM generate_series(1, 40000) AS n; \
     ANALYZE users, sessions, feed_events, session_marks";
/// How often a table was read from end to end, an index was searched, and rows were deleted.
const COUNTED: &str = "SELECT (SELECT sum(seq_scan)::bigint FROM pg_stat_user_tables WHERE relname = $1), \
     (SELECT sum(idx_scan)::bigint FROM pg_stat_user_indexes WHERE indexrelname = $2), \
     (SELECT sum(n_tup_del)::bigint FROM pg_stat_user_tables WHERE relname = $1)";
/// More often than PostgreSQL plans a statement for its values: after five times it may choose a plan for any.
const TIMES: i64 = 8;
/// How many rows at once, as a server asks for; for a few any plan would do.
const LIMIT: u32 = 500;
/// One connection, which remembers its plans; then those that it would choose for any values.
const PLANS: [&str; 2] = ["pool_size=1", "pool_size=1&options=-cplan_cache_mode%3Dforce_generic_plan"];

/// Once nobody else is connected, who might have something to tell.
async fn counted(client: &Client, table: &str, index: &str) -> (i64, i64, i64) {
    let others =
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let alone = async { while !client.query(others, &[]).await.unwrap().is_empty() {} };
    tokio::time::timeout(std::time::Duration::from_secs(60), alone).await.expect("the store is closed");
    let row = client.query_one(COUNTED, &[&table, &index]).await.unwrap();
    (row.get(0), row.get(1), row.get(2))
}

async fn filled() -> Option<Database> {
    let database = Database::new().await?;
    database.migrate().await;
    // Gone before anything is counted, and so has told everything.
    database.connect().await.batch_execute(FILL).await.unwrap();
    Some(database)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_spent_is_found_by_an_index_however_often_it_is_looked_for() {
    let Some(database) = filled().await else { return };
    let client = database.connect().await;
    for (table, index) in [("sessions", "sessions_expires_at"), ("feed_events", "feed_events_keep_until")] {
        for plans in PLANS {
            let before = counted(&client, table, index).await;
            let store = open_with(&database, plans).await;
            for _ in 0..TIMES {
                let now = Timestamp::from_millis(LONG_AGO);
                let gone = match table {
                    "sessions" => store.purge_sessions(now, LIMIT).await.unwrap(),
                    _ => store.purge_events(now, LIMIT).await.unwrap(),
                };
                assert_eq!(gone, u64::from(LIMIT));
            }
            drop(store);
            found_by_index(before, counted(&client, table, index).await, table);
        }
    }
    database.drop().await;
}

#[cfg(feature = "redis")]
#[tokio::test(flavor = "multi_thread")]
async fn marks_that_are_spent_are_found_by_an_index_however_often_they_are_looked_for() {
    let Some(sessions) = sessions::sessions() else { return };
    let Some(database) = filled().await else { return };
    let client = database.connect().await;
    let (table, index) = ("session_marks", "session_marks_until");
    for plans in PLANS {
        let before = counted(&client, table, index).await;
        let store = sessions::open(&database.url_with(plans), &sessions).await;
        for _ in 0..TIMES {
            store.purge_marks(Timestamp::from_millis(LONG_AGO), LIMIT).await.unwrap();
        }
        drop(store);
        found_by_index(before, counted(&client, table, index).await, table);
    }
    database.drop().await;
}

fn found_by_index(before: (i64, i64, i64), after: (i64, i64, i64), table: &str) {
    assert_eq!(after.2 - before.2, TIMES * i64::from(LIMIT), "{table}: rows deleted");
    assert_eq!(after.0, before.0, "{table}: never read from end to end");
    assert!(after.1 >= before.1 + TIMES, "{table}: {} searches of the index", after.1 - before.1);
}
