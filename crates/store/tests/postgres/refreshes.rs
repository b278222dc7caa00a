//! Refreshes that wait together share a transaction, and none suffers from another.

use std::pin::Pin;
use std::time::Duration;

use cloakroom_auth::refresh::{Ask, Refusal, SameReason};
use cloakroom_auth::session::{Dead, EndReason, RowStrategy, Session};
use cloakroom_auth::store::{Rotation, Stored};
use cloakroom_verify::{OpaqueKind, SessionId, UserId};

use super::sharing::{so_many_wait, somebody_waits};
use super::*;

type Asking<'s> = Pin<Box<dyn Future<Output = Stored<Rotation>> + Send + 's>>;

/// Everybody who reads a session waits for this.
const STOP: &str = "BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE";
/// Longer than any of these takes.
const LONG: Duration = Duration::from_secs(60);

/// A refresh with the first token of a login.
pub(super) fn ask(session: SessionId) -> Ask {
    Ask {
        session,
        kind: OpaqueKind::Refresh,
        generation: 0,
        attempt: None,
        proof: None,
        now: now(),
        grace: Duration::from_secs(10),
        lives: 3,
    }
}

fn asking(store: &Shared, ask: Ask) -> Asking<'_> {
    Box::pin(async move { store.rotate(&ask).await })
}

/// After its first turn each of them stands in the queue.
async fn begin(all: &mut [Asking<'_>]) {
    for one in all {
        tokio::select! { biased; _ = one => panic!("it has to wait"), () = std::future::ready(()) => {} }
    }
}

/// All but the first are one batch: the first one's is held until they stand behind it.
async fn begin_together(database: &Database, all: &mut [Asking<'_>]) {
    let client = database.connect().await;
    client.batch_execute(STOP).await.unwrap();
    begin(&mut all[..1]).await;
    somebody_waits(&client).await;
    begin(&mut all[1..]).await;
    client.batch_execute("ROLLBACK").await.unwrap();
}

pub(super) async fn in_time<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, what).await.expect("it is kept waiting")
}

async fn logins(store: &Shared, ids: impl IntoIterator<Item = u8>) {
    let mut alice = None;
    for (n, id) in ids.into_iter().enumerate() {
        // As many as one user may have.
        if n % 50 == 0 {
            alice = Some(add(store, id, &format!("user{n}@example.com")).await);
        }
        let login = row(store, id, alice.unwrap(), RowStrategy::Hybrid).await;
        start(store, login).await;
    }
}

async fn generation(store: &Shared, id: u8) -> u32 {
    store.find(session_id(id)).await.unwrap().unwrap().session.generation
}

fn rotated(done: Stored<Rotation>) -> Session {
    match done.unwrap() {
        Rotation::Rotated(found) => found.session,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_while_a_batch_is_written_goes_with_the_next() {
    let Some(database) = Database::new().await else { return };
    let store = database.open().await;
    logins(&store, 0..40).await;
    let mut all: Vec<_> = (0..40).map(|n| asking(&store, ask(session_id(n)))).collect();
    begin_together(&database, &mut all).await;
    for one in all {
        assert_eq!(rotated(one.await).generation, 1);
    }
    let transactions = "SELECT count(DISTINCT xmin::text) FROM sessions WHERE generation = 1";
    let client = database.connect().await;
    let transactions: i64 = client.query_one(transactions, &[]).await.unwrap().get(0);
    assert_eq!(transactions, 2, "the one that waited, and all that came meanwhile");
    for n in 0..40 {
        assert_eq!(generation(&store, n).await, 1);
    }
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_somebody_holds_keeps_no_other_waiting() {
    let Some(database) = Database::new().await else { return };
    let store = database.open().await;
    logins(&store, 0..20).await;
    let client = database.connect().await;
    client.batch_execute("BEGIN").await.unwrap();
    let id = session_id(5);
    let held = "SELECT 1 FROM sessions WHERE id = $1 FOR UPDATE";
    client.query_one(held, &[&id.as_bytes().as_slice()]).await.unwrap();
    let mut all: Vec<_> = (0..20).map(|n| asking(&store, ask(session_id(n)))).collect();
    begin_together(&database, &mut all).await;
    let mut held = all.remove(5);
    for one in all {
        rotated(in_time(one).await);
    }
    somebody_waits(&client).await;
    begin(std::slice::from_mut(&mut held)).await;
    client.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(rotated(in_time(held).await).generation, 1);
    database.drop().await;
}

/// Locks the rows' table as soon as whoever uses it is done, so that a batch waits before its first lock.
const BEFORE_THE_LOCKS: &str = "BEGIN; LOCK TABLE sessions IN EXCLUSIVE MODE";
const ALL_END: &str =
    "UPDATE feed_head SET head = head + 1; UPDATE users SET min_rv = (SELECT head FROM feed_head); COMMIT";

#[tokio::test(flavor = "multi_thread")]
async fn what_was_committed_before_the_locks_were_held_counts() {
    let Some(database) = Database::new().await else { return };
    let store = database.open().await;
    logins(&store, 0..20).await;
    // Once before, so that the statements are prepared: else it would wait for that.
    let mut all: Vec<_> = (0..20).map(|n| asking(&store, ask(session_id(n)))).collect();
    begin_together(&database, &mut all).await;
    for one in all {
        rotated(one.await);
    }
    let (stops, ends) = (database.connect().await, database.connect().await);
    stops.batch_execute(STOP).await.unwrap();
    let again = |n| Ask { generation: 1, ..ask(session_id(n)) };
    let mut all: Vec<_> = (0..20).map(|n| asking(&store, again(n))).collect();
    begin(&mut all[..1]).await;
    somebody_waits(&stops).await;
    begin(&mut all[1..]).await;
    let ending = tokio::spawn(async move {
        ends.batch_execute(BEFORE_THE_LOCKS).await.unwrap();
        ends
    });
    so_many_wait(&stops, 2).await;
    stops.batch_execute("ROLLBACK").await.unwrap();
    let ends = ending.await.unwrap();
    somebody_waits(&ends).await;
    ends.batch_execute(ALL_END).await.unwrap();
    rotated(all.remove(0).await);
    for one in all {
        let done = one.await.unwrap();
        assert!(matches!(done, Rotation::Refused(Refusal::Dead(Dead::Outdated))), "{done:?}");
    }
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thief_among_them_is_caught_and_keeps_no_other_waiting_for_the_feed() {
    let Some(database) = Database::new().await else { return };
    let store = database.open().await;
    logins(&store, 0..20).await;
    let thief = Ask { now: now().after(HOUR), lives: 0, ..ask(session_id(5)) };
    rotated(store.rotate(&ask(session_id(5))).await);
    let client = database.connect().await;
    client.batch_execute("BEGIN; SELECT 1 FROM feed_head FOR UPDATE").await.unwrap();
    let mut all: Vec<_> = (0..20).map(|n| asking(&store, ask(session_id(n)))).collect();
    all[5] = asking(&store, thief);
    begin_together(&database, &mut all).await;
    let thief = all.remove(5);
    for one in all {
        rotated(in_time(one).await);
    }
    somebody_waits(&client).await;
    client.batch_execute("ROLLBACK").await.unwrap();
    let caught = in_time(thief).await.unwrap();
    assert!(matches!(caught, Rotation::Revoked(_)), "{caught:?}");
    let revoked = store.find(session_id(5)).await.unwrap().unwrap().session.revoked.unwrap();
    assert_eq!(revoked.reason, EndReason::RefreshTokenReused);
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_does_not_go_takes_no_other_with_it() {
    let Some(database) = Database::new().await else { return };
    let store = database.open().await;
    logins(&store, 0..20).await;
    let client = database.connect().await;
    let seven = "ALTER TABLE sessions ADD CHECK (generation = 0 OR id <> decode(repeat('07', 16), 'hex'))";
    client.batch_execute(seven).await.unwrap();
    let mut all: Vec<_> = (0..20).map(|n| asking(&store, ask(session_id(n)))).collect();
    begin_together(&database, &mut all).await;
    for (n, one) in all.into_iter().enumerate() {
        let done = one.await;
        assert_eq!(done.is_err(), n == 7, "{n}: {done:?}");
        assert_eq!(generation(&store, n as u8).await, u32::from(n != 7));
    }
    database.drop().await;
}

/// The second statement that writes refreshes breaks a constraint, and the fifth kills its connection.
const TRIES: &str = "CREATE SEQUENCE tries; CREATE FUNCTION try() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
     CASE nextval('tries') WHEN 2 THEN RAISE check_violation; \
     WHEN 5 THEN PERFORM pg_terminate_backend(pg_backend_pid()); ELSE NULL; END CASE; RETURN NULL; END $$; \
     CREATE TRIGGER try BEFORE UPDATE ON sessions FOR EACH STATEMENT EXECUTE FUNCTION try()";

#[tokio::test(flavor = "multi_thread")]
async fn where_the_database_itself_is_gone_nothing_more_is_tried() {
    let Some(database) = Database::new().await else { return };
    let store = database.open().await;
    logins(&store, 0..20).await;
    let client = database.connect().await;
    client.batch_execute(TRIES).await.unwrap();
    let mut all: Vec<_> = (0..20).map(|n| asking(&store, ask(session_id(n)))).collect();
    begin_together(&database, &mut all).await;
    // The first is a batch of its own; of the next, the first two go alone.
    for (n, one) in all.into_iter().enumerate() {
        let done = in_time(one).await;
        assert_eq!(done.is_ok(), n < 3, "{n}: {done:?}");
    }
    let tries: i64 = client.query_one("SELECT last_value FROM tries", &[]).await.unwrap().get(0);
    assert_eq!(tries, 5);
    rotated(store.rotate(&ask(session_id(4))).await);
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_refreshes_with_one_token_at_two_servers_exactly_one_rotates() {
    let Some(database) = Database::new().await else { return };
    let servers = [database.open().await, database.try_open().await.unwrap()];
    logins(&servers[0], 0..4).await;
    for round in 0..16 {
        let racers: Vec<_> = (0..64)
            .map(|n| {
                let server = Arc::clone(&servers[n % 2]);
                // Each batch has others in it, so that it takes its time.
                let ask = Ask { generation: round, ..ask(session_id(if n < 48 { 0 } else { n as u8 % 4 })) };
                tokio::spawn(async move { (ask.session, server.rotate(&ask).await.unwrap()) })
            })
            .collect();
        let mut rotations = [0; 4];
        for racer in racers {
            let (session, done) = racer.await.unwrap();
            let found = match done {
                Rotation::Rotated(found) => {
                    rotations[usize::from(session.as_bytes()[0])] += 1;
                    found
                }
                Rotation::Same(found, SameReason::Grace) => found,
                other => panic!("one lineage, one child: {other:?}"),
            };
            assert_eq!(found.session.generation, round + 1);
        }
        assert_eq!(rotations, [1; 4], "{round}");
    }
    database.drop().await;
}

/// Of 96 logins in each round half end while all are refreshed again and again at two servers.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_minted_beside_a_revocation_survives_it() {
    const USERS: u8 = 8;
    const LOGINS: u8 = 6;
    let Some(database) = Database::new().await else { return };
    let servers = [database.open().await, database.try_open().await.unwrap()];
    let mut users = Vec::new();
    for n in 0..USERS {
        users.push(add(&servers[0], n, &format!("user{n}@example.com")).await);
    }
    for round in 0..24_u8 {
        let mut refreshing = Vec::new();
        for (n, user) in users.iter().enumerate() {
            for login in 0..LOGINS {
                let mut row = row(&servers[0], 0, *user, RowStrategy::Hybrid).await;
                row.id =
                    SessionId::from_bytes([round, n as u8, login, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
                let (server, user, id) = (Arc::clone(&servers[n % 2]), *user, row.id);
                start(&server, row).await;
                refreshing.push(tokio::spawn(refresh_until_refused(server, user, id)));
            }
        }
        let other = &servers[usize::from(round % 2)];
        let mut ended = Vec::new();
        for user in users.iter().take(usize::from(USERS / 2)) {
            let event =
                other.end_all(*user, None, EndReason::EndedByUser, now()).await.unwrap().unwrap().event;
            ended.push((*user, event.rv));
        }
        let floor = other.append(Revocation::EverythingBefore, None, now()).await.unwrap().rv;
        for one in refreshing {
            let (user, minted) = one.await.unwrap();
            let end = ended.iter().find(|(of, _)| *of == user).map_or(floor, |(_, end)| *end);
            for rv in minted {
                assert!(rv < end, "round {round}: minted at {rv:?}, ended at {end:?}");
            }
        }
    }
    database.drop().await;
}

/// The numbers of the access tokens that it got.
async fn refresh_until_refused(server: Shared, user: UserId, id: SessionId) -> (UserId, Vec<Rv>) {
    let mut minted = Vec::new();
    for generation in 0.. {
        match server.rotate(&Ask { generation, ..ask(id) }).await.unwrap() {
            Rotation::Rotated(found) => minted.push(found.as_of.head().max(found.session.rv)),
            Rotation::Refused(Refusal::Dead(Dead::Outdated)) => break,
            other => panic!("{other:?}"),
        }
    }
    (user, minted)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_before_his_turn_takes_nothing_back() {
    let Some(database) = Database::new().await else { return };
    let store = database.open().await;
    logins(&store, 0..2).await;
    let client = database.connect().await;
    client.batch_execute(STOP).await.unwrap();
    let mut all: Vec<_> = (0..2).map(|n| asking(&store, ask(session_id(n)))).collect();
    begin(&mut all[..1]).await;
    somebody_waits(&client).await;
    begin(&mut all[1..]).await;
    drop(all);
    client.batch_execute("ROLLBACK").await.unwrap();
    in_time(async { while generation(&store, 0).await + generation(&store, 1).await < 2 {} }).await;
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_stops_answering_is_an_error_in_time_for_all() {
    let Some(database) = Database::new().await else { return };
    logins(&database.open().await, 0..=255).await;
    let store = open_with(&database, "statement_timeout=200&pool_timeout=300&pool_size=2").await;
    let client = database.connect().await;
    client.batch_execute(STOP).await.unwrap();
    let mut all: Vec<_> = (0..4).flat_map(|_| 0..=255).map(|n| asking(&store, ask(session_id(n)))).collect();
    begin(&mut all).await;
    // Twice what a step may take, and what a busy machine adds.
    tokio::time::timeout(Duration::from_secs(5), async {
        for one in all {
            let error = one.await.unwrap_err();
            assert!(!error.to_string().is_empty());
        }
    })
    .await
    .expect("some of them wait");
    client.batch_execute("ROLLBACK").await.unwrap();
    // So impatient that a busy machine may be too slow for it.
    let again = in_time(async {
        loop {
            if let Ok(rotation) = store.rotate(&ask(session_id(9))).await {
                break rotation;
            }
        }
    });
    assert!(matches!(again.await, Rotation::Rotated(_) | Rotation::Same(..)));
    database.drop().await;
}

/// A task that is spawned there is dropped at once, and must not begin the next one for ever.
#[test]
fn a_runtime_that_ends_leaves_nobody_waiting() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (theirs, ours) = (runtime(), runtime());
    let Some(database) = ours.block_on(Database::new()) else { return };
    ours.block_on(async { drop(database.open().await) });
    let store = theirs.block_on(async {
        let store = open_with(&database, "").await;
        logins(&store, 1..=3).await;
        store
    });
    ours.block_on(async {
        // Nobody drives the other runtime, so no batch begins.
        let mut all: Vec<_> = (1..=3).map(|n| asking(&store, ask(session_id(n)))).collect();
        begin(&mut all).await;
        theirs.shutdown_background();
        for one in all {
            assert!(in_time(one).await.is_err());
        }
        assert!(in_time(asking(&store, ask(session_id(1)))).await.is_err(), "nor whoever comes later");
    });
    drop(store);
    ours.block_on(database.drop());
}
