//! Redis loses what it had, or does not answer.

use std::time::Duration;

use cloakroom_auth::exchange::ExchangeAsk;
use cloakroom_auth::refresh::Refusal;
use cloakroom_auth::session::{Dead, EndReason, Timeouts};
use cloakroom_auth::store::{Ended, Exchanged, SteppedUp, Trouble};
use cloakroom_verify::Transport;
use tokio::time::{Instant, timeout};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn after_a_flush_everybody_logs_in_again_and_nobody_is_revived() {
    let Some(world) = World::new(&[]).await else { return };
    let store = world.serve().await;
    let alice = add(&store, 1, "alice@example.com").await;
    let (kept, ended) = (
        login(&store, 1, alice, RowStrategy::Session).await,
        login(&store, 2, alice, RowStrategy::Hybrid).await,
    );
    assert!(matches!(store.end(ended, None, EndReason::Logout, now()).await.unwrap(), Ended::Now(_)));
    world.tell::<()>(&["FLUSHALL"]);
    assert!(matches!(store.rotate(&ask(ended, 0)).await.unwrap(), Rotation::Unknown));
    for id in [kept, ended] {
        assert!(store.find(id).await.unwrap().is_none());
        // Nothing that comes late puts a row back.
        store.touch(&[(id, now())]).await.unwrap();
        assert!(matches!(store.step_up(&step_up(alice, id)).await.unwrap(), SteppedUp::Unknown));
        assert!(store.find(id).await.unwrap().is_none());
    }
    assert_eq!(world.tell::<u32>(&["DBSIZE"]), 0);
    assert_eq!(store.list_sessions(alice, now()).await.unwrap(), []);
    let again = login(&store, 3, alice, RowStrategy::Hybrid).await;
    rotate(&store, again, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_without_its_data_the_same_store_goes_on() {
    let Some(mut world) = World::new(&[]).await else { return };
    let store = world.serve().await;
    let alice = add(&store, 1, "alice@example.com").await;
    let before = login(&store, 1, alice, RowStrategy::Hybrid).await;
    world.redis.kill().unwrap();
    assert!(store.find(before).await.is_err());
    assert!(store.rotate(&ask(before, 0)).await.is_err(), "not refused: nobody knows");
    world.redis.resume().unwrap();
    // It may hear of the outage for another moment.
    let again = row(&store, 2, alice, RowStrategy::Session).await;
    let id = again.id;
    let started = async {
        while store.start(fresh(again.clone())).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(10), started).await.expect("it finds the way back by itself");
    assert!(lives(&store, id).await);
    assert!(!lives(&store, before).await);
}

/// Everything after the snapshot is lost: whatever was spent or taken away after it stays so.
#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_goes_back_in_time_gives_nothing_back() {
    let Some(mut world) = World::new(&[]).await else { return };
    let store = world.serve().await;
    let alice = add(&store, 1, "alice@example.com").await;
    let bob = add(&store, 2, "bob@example.com").await;
    let mut ids = Vec::new();
    for n in 1..=6 {
        let strategy = if n <= 3 { RowStrategy::Session } else { RowStrategy::Hybrid };
        ids.push(login(&store, n, alice, strategy).await);
    }
    let [untouched, ended, renewed, rotated, exchanged, revoked] = ids[..] else { panic!("there are six") };
    let of_bob = login(&store, 7, bob, RowStrategy::Session).await;
    world.tell::<()>(&["SAVE"]);
    let snapshot = std::fs::read(world.redis.file()).unwrap();

    assert!(matches!(store.end(ended, None, EndReason::Logout, now()).await.unwrap(), Ended::Now(_)));
    for generation in 1..=2 {
        let SteppedUp::Done(found, _) = store.step_up(&step_up(alice, renewed)).await.unwrap() else {
            panic!("it is renewed")
        };
        assert_eq!(found.session.generation, generation);
    }
    rotate(&store, rotated, 0).await;
    let exchange = ExchangeAsk {
        session: exchanged,
        kind: OpaqueKind::Refresh,
        generation: 0,
        attempt: None,
        proof: None,
        to: RowStrategy::Session,
        transport: Transport::Cookie,
        timeouts: Timeouts { idle: HOUR, absolute: DAY },
        now: now(),
    };
    assert!(matches!(store.exchange(&exchange).await.unwrap(), Exchanged::Done(..)));
    rotate(&store, revoked, 0).await;
    let late = Ask { now: now().after(HOUR), ..ask(revoked, 0) };
    assert!(matches!(store.rotate(&late).await.unwrap(), Rotation::Revoked(_)));
    store.end_all(bob, None, EndReason::EndedByUser, now()).await.unwrap().unwrap();

    world.redis.kill().unwrap();
    std::fs::write(world.redis.file(), snapshot).unwrap();
    world.redis.resume().unwrap();
    drop(store);
    let store = world.serve().await;
    assert!(lives(&store, untouched).await, "nothing happened to it that could be lost");
    for dead in [ended, of_bob] {
        assert!(!lives(&store, dead).await);
    }
    assert_eq!(
        store.find(ended).await.unwrap().unwrap().session.revoked.map(|revoked| revoked.reason),
        Some(EndReason::Logout)
    );
    let renewed = store.find(renewed).await.unwrap();
    assert!(renewed.is_none_or(|found| found.session.floor == 2), "its older tokens stay dead");
    let spent = store.rotate(&ask(rotated, 0)).await.unwrap();
    assert!(matches!(spent, Rotation::Unknown), "a spent token would rotate again: {spent:?}");
    let of_another_kind = store.rotate(&ask(exchanged, 0)).await.unwrap();
    assert!(
        matches!(of_another_kind, Rotation::Unknown | Rotation::Refused(Refusal::WrongKind)),
        "{of_another_kind:?}"
    );
    for generation in [0, 1] {
        let thief = store.rotate(&ask(revoked, generation)).await.unwrap();
        assert!(matches!(thief, Rotation::Refused(Refusal::Dead(Dead::Revoked))), "{thief:?}");
    }
}

/// Its process died between SQL and Redis: what SQL says of the row is the row.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_never_reached_redis_holds_all_the_same() {
    let Some(world) = World::new(&[]).await else { return };
    let store = world.serve().await;
    let alice = add(&store, 1, "alice@example.com").await;
    let id = login(&store, 1, alice, RowStrategy::Hybrid).await;
    let old = world.row(id);
    assert!(matches!(store.step_up(&step_up(alice, id)).await.unwrap(), SteppedUp::Done(..)));
    world.put_back(id, &old);
    let before_it = store.rotate(&ask(id, 0)).await.unwrap();
    assert!(matches!(before_it, Rotation::Refused(Refusal::BelowFloor)), "{before_it:?}");
    rotate(&store, id, 1).await;
}

/// The same, but a refresh was quicker in Redis: of two rows nobody can tell which is the one.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_met_a_refresh_and_was_left_alone_ends_the_login() {
    let Some(world) = World::new(&[]).await else { return };
    let store = world.serve().await;
    let alice = add(&store, 1, "alice@example.com").await;
    let id = login(&store, 1, alice, RowStrategy::Hybrid).await;
    let old = world.row(id);
    rotate(&store, id, 0).await;
    let raw = rusqlite::Connection::open(&world.file.path).unwrap();
    let mark = "INSERT INTO session_marks (id, user_id, version, change_number, change_base, change_row, until) \
         VALUES (?1, ?2, 1, 1, 0, ?3, 9e15)";
    raw.execute(mark, rusqlite::params![id.as_bytes(), alice.as_bytes(), old]).unwrap();
    assert!(store.find(id).await.unwrap().is_none());
    for generation in [0, 1] {
        assert!(matches!(store.rotate(&ask(id, generation)).await.unwrap(), Rotation::Unknown));
    }
    assert!(matches!(store.end(id, None, EndReason::Logout, now()).await.unwrap(), Ended::Now(_)));
}

/// Bytes of before are put back, by whatever way, while the same Redis runs on.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_from_before_two_privilege_changes_is_no_row() {
    let Some(world) = World::new(&[]).await else { return };
    let store = world.serve().await;
    let alice = add(&store, 1, "alice@example.com").await;
    let id = login(&store, 1, alice, RowStrategy::Session).await;
    let old = world.row(id);
    for _ in 0..2 {
        assert!(matches!(store.step_up(&step_up(alice, id)).await.unwrap(), SteppedUp::Done(..)));
    }
    world.put_back(id, &old);
    assert!(!lives(&store, id).await);
    assert!(matches!(store.step_up(&step_up(alice, id)).await.unwrap(), SteppedUp::Unknown));
    assert!(matches!(store.end(id, None, EndReason::Logout, now()).await.unwrap(), Ended::Now(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_hangs_is_an_error_within_the_bound_and_serves_again_afterwards() {
    let Some(mut world) = World::new(&[]).await else { return };
    let store = world.serve().await;
    let alice = add(&store, 1, "alice@example.com").await;
    let id = login(&store, 1, alice, RowStrategy::Hybrid).await;
    world.redis.signal("STOP").unwrap();
    let begin = Instant::now();
    let all = (0..64).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(
            async move { (store.find(id).await.is_err(), store.touch(&[(id, now())]).await.is_err()) },
        )
    });
    let mut failed = 0;
    for one in all.collect::<Vec<_>>() {
        let (found, touched) = timeout(Duration::from_secs(20), one).await.expect("nobody waits on").unwrap();
        failed += usize::from(found && touched);
    }
    let waited = begin.elapsed();
    assert!(store.rotate(&ask(id, 0)).await.is_err());
    // What SQL does alone goes on.
    assert!(store.by_email(&alices()).await.unwrap().is_some());
    let other = login_ends(&store).await;
    world.redis.signal("CONT").unwrap();
    assert_eq!(failed, 64);
    assert!(waited < Duration::from_secs(10), "they wait side by side: {waited:?}");
    let back = async {
        while store.find(id).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(10), back).await.expect("it finds the way back by itself");
    assert!(lives(&store, id).await && other, "what hung ended nobody's login");
}

/// Logout everywhere needs no Redis.
async fn login_ends(store: &Arc<dyn Store>) -> bool {
    let bob = add(store, 2, "bob@example.com").await;
    store.end_all(bob, None, EndReason::EndedByAdmin, now()).await.unwrap().is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_full_takes_no_login_and_serves_those_it_has() {
    let Some(world) = World::new(&[]).await else { return };
    let store = world.serve().await;
    let alice = add(&store, 1, "alice@example.com").await;
    let id = login(&store, 1, alice, RowStrategy::Session).await;
    world.tell::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
    let row = row(&store, 2, alice, RowStrategy::Session).await;
    let error = store.start(fresh(row.clone())).await.unwrap_err().to_string();
    assert!(error.contains("OOM"), "{error}");
    assert!(lives(&store, id).await);
    assert!(matches!(store.end(id, None, EndReason::Logout, now()).await.unwrap(), Ended::Now(_)));
    assert!(!lives(&store, id).await, "an ending needs no memory there");
    world.tell::<()>(&["CONFIG", "SET", "maxmemory", "0"]);
    start(&store, row).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_finds_out_whether_a_login_would_be_taken_and_writes_nothing() {
    let Some(mut world) = World::new(&[]).await else { return };
    let store = world.serve().await;
    let looked = async || {
        let found = store.look().await;
        assert_eq!(store.trouble(), found, "it is remembered");
        found
    };
    assert_eq!(looked().await, None);
    for (setting, wrong, well) in [("maxmemory", "1", "0"), ("min-replicas-to-write", "1", "0")] {
        world.tell::<()>(&["CONFIG", "SET", setting, wrong]);
        assert_eq!(looked().await, Some(Trouble::NoWrites), "{setting}");
        world.tell::<()>(&["CONFIG", "SET", setting, well]);
        assert_eq!(looked().await, None, "{setting}");
    }
    world.tell::<()>(&["REPLICAOF", "127.0.0.1", "1"]);
    assert_eq!(looked().await, Some(Trouble::NoWrites));
    world.tell::<()>(&["REPLICAOF", "NO", "ONE"]);
    let back = async || {
        while looked().await.is_some() {
            tokio::task::yield_now().await;
        }
    };
    let back = async || timeout(Duration::from_secs(10), back()).await.expect("it finds the way back");
    back().await;
    assert_eq!(world.tell::<u32>(&["DBSIZE"]), 0);
    world.redis.signal("STOP").unwrap();
    let hung = timeout(Duration::from_secs(10), looked()).await.expect("it is not waited for without end");
    assert_eq!(hung, Some(Trouble::NoAnswer));
    world.redis.signal("CONT").unwrap();
    back().await;
    world.redis.kill().unwrap();
    assert_eq!(looked().await, Some(Trouble::NoAnswer));
    world.redis.resume().unwrap();
    back().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_broke_is_no_redis_that_is_gone() {
    let Some(world) = World::new(&[]).await else { return };
    let store = world.serve().await;
    for _ in 0..3 {
        assert!(world.tell::<u32>(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]) > 0);
        assert_eq!(store.look().await, None);
    }
}
