//! Where Redis is: nowhere, behind a failover, in a cluster.

use cloakroom_auth::session::EndReason;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_does_not_start_without_redis_and_a_command_still_ends_logins() {
    let Some(mut world) = World::new(&[]).await else { return };
    let store = world.serve().await;
    let alice = add(&store, 1, "alice@example.com").await;
    let id = login(&store, 1, alice, RowStrategy::Session).await;
    drop(store);
    world.tell::<()>(&["SAVE"]);
    world.redis.kill().unwrap();
    let error = world.open(Purpose::Serve).await.err().unwrap().to_string();
    assert!(error.contains("store.sessions") && !error.contains(&world.redis.url()), "{error}");
    let command = world.beside().await;
    assert!(command.end_all(alice, None, EndReason::EndedByAdmin, now()).await.unwrap().is_some());
    world.redis.resume().unwrap();
    assert!(!lives(&world.serve().await, id).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_without_tls_is_not_spoken_to_in_the_clear() {
    let Some(world) = World::new(&[]).await else { return };
    let url = world.redis.url().replacen("redis://", "rediss://", 1);
    let error = world.open_at(&url, Purpose::Serve).await.err().unwrap();
    assert!(matches!(error, OpenError::Failed(_)), "{error}");
}

/// The replica has everything, and might as well lack the last second: nobody can tell.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_failover_refresh_tokens_are_not_trusted_and_sessions_go_on() {
    let Some(world) = World::new(&["--repl-diskless-sync-delay", "0"]).await else { return };
    let Some(replica) = server(&[]) else { return };
    let password = world.redis.url().split(['@', ':']).nth(2).unwrap().to_owned();
    let port = world.redis.url().rsplit(':').next().unwrap().to_owned();
    tell::<()>(&replica.url(), &["CONFIG", "SET", "masterauth", &password]);
    tell::<()>(&replica.url(), &["REPLICAOF", "127.0.0.1", &port]);
    while !tell::<String>(&replica.url(), &["INFO", "replication"]).contains("master_link_status:up") {
        std::thread::yield_now();
    }
    let store = world.serve().await;
    let alice = add(&store, 1, "alice@example.com").await;
    let session = login(&store, 1, alice, RowStrategy::Session).await;
    let hybrid = login(&store, 2, alice, RowStrategy::Hybrid).await;
    rotate(&store, hybrid, 0).await;
    while tell::<u32>(&world.redis.url(), &["WAIT", "1", "5000"]) != 1 {}
    let elsewhere = world.open_at(&replica.url(), Purpose::Command).await.unwrap();
    assert!(elsewhere.find(session).await.is_err(), "what a replica tells may be old");
    tell::<()>(&replica.url(), &["REPLICAOF", "NO", "ONE"]);
    assert!(lives(&elsewhere, session).await);
    for generation in [0, 1] {
        assert!(matches!(elsewhere.rotate(&ask(hybrid, generation)).await.unwrap(), Rotation::Unknown));
    }
    let again = login(&elsewhere, 3, alice, RowStrategy::Hybrid).await;
    rotate(&elsewhere, again, 0).await;
    // Its access tokens may live: it can be ended all the same.
    let ended = elsewhere.end(hybrid, None, EndReason::EndedByAdmin, now()).await.unwrap();
    assert!(matches!(ended, cloakroom_auth::store::Ended::Now(_)), "{ended:?}");
}

/// One node has every slot, and refuses what touches two of them at once as any cluster does.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_has_a_place_for_every_key() {
    let Some(world) = World::new(&["--cluster-enabled", "yes"]).await else { return };
    world.tell::<()>(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    while !world.tell::<String>(&["CLUSTER", "INFO"]).contains("cluster_state:ok") {
        std::thread::yield_now();
    }
    let url = world.redis.url().replacen("redis://", "redis-cluster://", 1);
    let store = world.open_at(&url, Purpose::Serve).await.unwrap();
    let alice = add(&store, 1, "alice@example.com").await;
    let mut ids = Vec::new();
    for n in 1..=5 {
        ids.push(login(&store, n, alice, RowStrategy::Hybrid).await);
    }
    assert_eq!(store.list_sessions(alice, now()).await.unwrap().len(), 5);
    for id in &ids {
        rotate(&store, *id, 0).await;
        store.touch(&[(*id, now().after(MINUTE))]).await.unwrap();
    }
    let row = row(&store, 6, alice, RowStrategy::Session).await;
    let new = cloakroom_auth::session::NewSession { row, max_per_user: 3 };
    let started = store.start(new).await.unwrap();
    let cloakroom_auth::store::Started::Row { evicted } = started else { panic!("it starts") };
    assert_eq!(evicted.len(), 3);
    assert_eq!(store.find_many(&ids).await.unwrap().len(), 5);
    assert_eq!(store.list_sessions(alice, now()).await.unwrap().len(), 3);
    assert_eq!(store.purge_sessions(now().after(31 * DAY), 100).await.unwrap(), 6);
    assert!(store.find_many(&ids).await.unwrap().is_empty());
}
