//! Another life of the database: restarted, crashed, restored, promoted. No number is given out twice, what was
//! acknowledged is there, and the store comes back by itself.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::throwaway::Throwaway;
use super::*;
use crate::common::skip::skip;

/// What comes back comes back within this, on a machine that is busy.
const LONGEST: Duration = Duration::from_secs(30);

/// A server that may be stopped; `None`, said loudly, where its programs are not installed.
pub(super) fn server() -> Option<Throwaway> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        folders.extend(versions.flatten().map(|version| version.path().join("bin")));
    }
    let found = folders.iter().map(|folder| folder.join("postgres")).find(|file| file.is_file());
    let Some(program) = found else {
        skip("the life of a PostgreSQL server", "apt-get install postgresql");
        return None;
    };
    let program = program.canonicalize().unwrap();
    Some(Throwaway::start(program.parent().unwrap()).unwrap())
}

/// The answer, once there is one. Nobody waits for it without end; what was answered until then is told.
async fn once_it_answers<T, E: std::fmt::Debug>(mut ask: impl AsyncFnMut() -> Result<T, E>) -> T {
    let (begin, mut last) = (Instant::now(), None);
    loop {
        assert!(begin.elapsed() < LONGEST, "it does not come back: {last:?}");
        match tokio::time::timeout(LONGEST, ask()).await.expect("it answers, if only with an error") {
            Ok(answer) => return answer,
            Err(error) => last = Some(error),
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_crashes_under_load_loses_nothing_acknowledged_and_begins_an_epoch() {
    let Some(mut server) = server() else { return };
    let database = Database::on(server.url()).await;
    let store = database.open().await;
    let (mut before, _) = numbers(&store).await;
    for (round, signal) in (0..).zip(["QUIT", "INT"]) {
        let stopped = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..16_u8)
            .map(|writer| {
                let (store, stopped) = (Arc::clone(&store), Arc::clone(&stopped));
                tokio::spawn(async move {
                    let mut acknowledged = Vec::new();
                    for n in 0..=255 {
                        match store.append(token(round * 16 + writer, n), None, now()).await {
                            Ok(event) => acknowledged.push(event),
                            Err(_) if stopped.load(Ordering::Relaxed) => break,
                            // A disk that is busy for longer than a statement may take.
                            Err(_) => {}
                        }
                    }
                    acknowledged
                })
            })
            .collect();
        let begin = Instant::now();
        while once_it_answers(async || store.read_since(None).await).await.head.seq() < 32 {
            assert!(begin.elapsed() < LONGEST, "they do not write");
        }
        stopped.store(true, Ordering::Relaxed);
        server.stop(signal).unwrap();
        assert!(store.read_since(None).await.is_err(), "no answer is no answer");
        server.resume().unwrap();
        let sync = once_it_answers(async || store.read_since(None).await).await;
        for writer in writers {
            for event in writer.await.unwrap() {
                assert!(sync.events.contains(&event), "acknowledged, and gone: {event:?}");
            }
        }
        assert!(sync.head.epoch() > before.epoch() && sync.head.seq() == 0, "{:?}", sync.head);
        let event = once_it_answers(async || store.append(token(99, round), None, now()).await).await;
        assert_eq!(event.rv, sync.head.next());
        before = event.rv;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_was_restored_never_repeats_a_number() {
    let Some(database) = Database::new().await else { return };
    let store = database.open().await;
    let first = store.append(token(1, 1), None, now()).await.unwrap();
    let client = database.connect().await;
    // As a restore leaves it: the head of long ago, moved last in another life.
    let restored = format!("UPDATE feed_head SET lineage = 'another', head = {}", Rv::new(1, 7).as_i64());
    client.batch_execute(&restored).await.unwrap();
    let (head, _) = numbers(&store).await;
    assert!(head.epoch() >= first.rv.epoch(), "not before what this clock has seen");
    // A write that comes first begins the epoch itself.
    client.batch_execute("UPDATE feed_head SET lineage = 'another'").await.unwrap();
    let event = store.append(token(1, 2), None, now()).await.unwrap();
    assert!(event.rv.epoch() > head.epoch() && event.rv.seq() == 1, "{:?}", event.rv);
    assert_eq!(numbers(&store).await.0, event.rv, "and once is enough");
    // A clock that was set back: the stored epoch counts.
    let later =
        format!("UPDATE feed_head SET lineage = 'another', head = {}", Rv::new(0x7000_0000, 7).as_i64());
    client.batch_execute(&later).await.unwrap();
    assert_eq!(numbers(&store).await.0, Rv::new(0x7000_0001, 0));
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_is_not_asked_and_a_promoted_one_begins_an_epoch() {
    let Some(mut server) = server() else { return };
    let database = Database::on(server.url()).await;
    let store = database.open().await;
    let (before, _) = numbers(&store).await;
    server.stop("INT").unwrap();
    server.place("data/standby.signal", b"").unwrap();
    server.resume().unwrap();
    assert!(store.read_since(None).await.is_err(), "its head may be behind");
    until_it_says(&store, false).await;
    let error = database.try_open().await.err().unwrap();
    assert!(matches!(error, OpenError::Failed(_)), "{error}");
    let client = database.connect().await;
    assert!(client.query_one("SELECT pg_promote()", &[]).await.unwrap().get::<_, bool>(0));
    let sync = once_it_answers(async || store.read_since(None).await).await;
    assert!(sync.head.epoch() > before.epoch(), "{:?} after {before:?}", sync.head);
    until_it_says(&store, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_made_read_only_says_that_it_takes_no_writes_until_it_does() {
    let Some(server) = server() else { return };
    let database = Database::on(server.url()).await;
    let store = database.open().await;
    store.announce(&[1; 16], MINUTE, Duration::ZERO).await.unwrap();
    assert!(store.takes_writes());
    let client = database.connect().await;
    let set = async |command: &str| {
        client.batch_execute(command).await.unwrap();
        client.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    };
    set("ALTER SYSTEM SET default_transaction_read_only = on").await;
    until_it_says(&store, false).await;
    assert!(store.announce(&[1; 16], MINUTE, Duration::ZERO).await.is_err());
    set("ALTER SYSTEM RESET default_transaction_read_only").await;
    until_it_says(&store, true).await;
}

/// Announces a process again and again, as a server does, until the store takes writes or does not.
async fn until_it_says(store: &Shared, takes_writes: bool) {
    once_it_answers(async || {
        let announced = store.announce(&[1; 16], MINUTE, Duration::ZERO).await;
        if store.takes_writes() == takes_writes { Ok(()) } else { Err(announced) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_that_was_read_into_the_same_life_repeats_no_number_once_it_is_told() {
    let Some(database) = Database::new().await else { return };
    let store = database.open().await;
    let given = store.append(token(1, 1), None, now()).await.unwrap();
    let url = database.url();
    let error = cloakroom_store::open_restored(&url, now()).await.err().unwrap();
    assert!(matches!(error, OpenError::Held(_)), "a server would go on with what it remembers: {error}");
    drop(store);
    let client = database.connect().await;
    client.batch_execute("DELETE FROM feed_events; UPDATE feed_head SET head = head - 1").await.unwrap();
    let store = once_it_answers(async || cloakroom_store::open_restored(&url, now()).await).await;
    let event = store.append(token(1, 2), None, now()).await.unwrap();
    assert!(event.rv.epoch() > given.rv.epoch(), "{:?} after {:?}", event.rv, given.rv);
    drop(store);
    database.drop().await;
}
