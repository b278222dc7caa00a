//! Two processes decide about the same logins.

use cloakroom_auth::refresh::{Refusal, SameReason};
use cloakroom_auth::store::SteppedUp;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn of_64_refreshes_in_two_processes_exactly_one_rotates() {
    let Some(world) = World::new(&[]).await else { return };
    let stores = [world.serve().await, world.beside().await];
    let alice = add(&stores[0], 1, "alice@example.com").await;
    let id = login(&stores[0], 1, alice, RowStrategy::Hybrid).await;
    for generation in 0..8 {
        let racers = (0..64).map(|n| {
            let store = Arc::clone(&stores[n % 2]);
            tokio::spawn(async move { store.rotate(&ask(id, generation)).await.unwrap() })
        });
        let mut rotated = 0;
        for racer in racers.collect::<Vec<_>>() {
            match racer.await.unwrap() {
                Rotation::Rotated(found) => {
                    rotated += 1;
                    assert_eq!(found.session.generation, generation + 1);
                }
                Rotation::Same(found, SameReason::Grace) => {
                    assert_eq!(found.session.generation, generation + 1);
                }
                other => panic!("one lineage, one child: {other:?}"),
            }
        }
        assert_eq!(rotated, 1);
    }
}

/// The refresh moves the row in Redis while the step-up is told in SQL: whichever comes first, the token of the refresh
/// is from before the step-up, and dead.
#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_in_another_process_never_survives_a_step_up() {
    let Some(world) = World::new(&[]).await else { return };
    let (one, two) = (world.serve().await, world.beside().await);
    let alice = add(&one, 1, "alice@example.com").await;
    let mut refreshed = 0;
    for n in 0..100 {
        let id = login(&one, n, alice, RowStrategy::Hybrid).await;
        let (refresher, changer) = (Arc::clone(&one), Arc::clone(&two));
        let refresh = async move {
            for _ in 0..n % 20 {
                refresher.touch(&[(session_id(255), now())]).await.unwrap();
            }
            refresher.rotate(&ask(id, 0)).await.unwrap()
        };
        let change = async move { changer.step_up(&step_up(alice, id)).await.unwrap() };
        // Before the other, behind it, or somewhere in the midst of it.
        let (rotation, stepped) = match n % 20 {
            0 => (refresh.await, change.await),
            19 => {
                let stepped = change.await;
                (refresh.await, stepped)
            }
            _ => {
                let (refreshing, changing) = (tokio::spawn(refresh), tokio::spawn(change));
                (refreshing.await.unwrap(), changing.await.unwrap())
            }
        };
        let SteppedUp::Done(found, _) = stepped else { panic!("it is renewed: {stepped:?}") };
        let current = found.session.generation;
        let child = match rotation {
            Rotation::Rotated(found) => {
                refreshed += 1;
                found.session.generation
            }
            Rotation::Refused(Refusal::BelowFloor) => 0,
            other => panic!("{other:?}"),
        };
        assert!(child < current, "round {n}: both hold generation {child}");
        let old = two.rotate(&ask(id, child)).await.unwrap();
        assert!(matches!(old, Rotation::Refused(Refusal::BelowFloor)), "round {n}: {old:?}");
        rotate(&one, id, current).await;
    }
    assert!((1..100).contains(&refreshed), "both orders were met: {refreshed}");
}

/// Between the look at the row and the write another Redis has taken over, whose row is the same, or an older one that
/// happens to be.
#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_that_a_failover_meets_is_not_written() {
    let Some(world) = World::new(&["--enable-debug-command", "yes"]).await else { return };
    let Some(database) = database::Database::new().await else { return };
    database.migrate().await;
    let (url, sessions) = (database.url(), world.redis.url());
    let store = cloakroom_store::open_with_sessions(&url, &sessions, Purpose::Serve, now()).await.unwrap();
    let alice = add(&store, 1, "alice@example.com").await;
    let id = login(&store, 1, alice, RowStrategy::Hybrid).await;
    let (holder, watcher) = (database.connect().await, database.connect().await);
    holder.batch_execute("BEGIN; LOCK TABLE session_marks").await.unwrap();
    let refreshing = {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.rotate(&ask(id, 0)).await.unwrap() })
    };
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    while watcher.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        tokio::task::yield_now().await;
    }
    world.tell::<()>(&["DEBUG", "CHANGE-REPL-ID"]);
    holder.batch_execute("COMMIT").await.unwrap();
    let refreshed = refreshing.await.unwrap();
    assert!(matches!(refreshed, Rotation::Unknown), "{refreshed:?}");
    drop(store);
    database.drop().await;
}
