//! What a SQLite file must be before it is used, and what survives.

#[expect(dead_code, reason = "this suite uses a part of it")]
mod common;

use cloakroom_auth::refresh::Ask;
use cloakroom_auth::session::RowStrategy;
use cloakroom_auth::store::Rotation;
use cloakroom_auth::user::Status;
use cloakroom_store::{OpenError, Purpose};
use cloakroom_verify::{OpaqueKind, Revocation};
use common::*;

#[tokio::test]
async fn what_was_written_is_there_after_a_restart_in_a_new_epoch() {
    let file = File::new();
    let store = file.open().await;
    let alice = add(&store, 1, "alice@example.com").await;
    let row = row(&store, 1, alice, RowStrategy::Session).await;
    start(&store, row.clone()).await;
    let head = store.read_since(None).await.unwrap().head;
    drop(store);
    let store = file.try_open(Purpose::Serve).await.unwrap();
    let found = store.find(row.id).await.unwrap().unwrap();
    assert_eq!(found.session, row);
    assert!(
        found.as_of.head().epoch() > head.epoch(),
        "alone on the file: numbers are never given out twice"
    );
    assert_eq!(found.session.judge(&found.user, found.as_of, now()), Ok(()), "a restart logs nobody out");
}

/// The trigger is a logout everywhere right after the row is written: what is minted must be older.
#[tokio::test]
async fn a_rotation_is_stamped_with_the_head_from_before_its_write() {
    let file = File::new();
    let store = file.open().await;
    let alice = add(&store, 1, "alice@example.com").await;
    let row = row(&store, 1, alice, RowStrategy::Hybrid).await;
    start(&store, row.clone()).await;
    let raw = rusqlite::Connection::open(&file.path).unwrap();
    raw.execute_batch(
        "CREATE TRIGGER later AFTER UPDATE OF generation ON sessions BEGIN \
         UPDATE feed_head SET head = head + 1; UPDATE users SET min_rv = (SELECT head FROM feed_head); END",
    )
    .unwrap();
    let ask = Ask {
        session: row.id,
        kind: OpaqueKind::Refresh,
        generation: 0,
        attempt: None,
        proof: None,
        now: now(),
        grace: MINUTE,
        lives: 0,
    };
    let Rotation::Rotated(found) = store.rotate(&ask).await.unwrap() else { panic!("it is current") };
    let stamp = found.as_of.head().max(found.session.rv);
    let (user, _) = store.by_id(alice).await.unwrap().unwrap();
    assert!(stamp < user.min_rv, "an access token of it would outlive the logout");
}

#[tokio::test]
async fn a_file_that_is_not_there_is_not_made_by_opening_it() {
    let file = File::new();
    let error = file.try_open(Purpose::Serve).await.err().unwrap();
    assert!(matches!(error, OpenError::Unmigrated { pending: 4, .. }), "{error}");
    assert!(!file.path.exists());
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let file = File::new();
    let told = cloakroom_store::migrate(&file.url(), true, now()).await.unwrap();
    assert_eq!(told, ["0001_initial", "0002_service_keys", "0003_endings", "0004_duties"]);
    assert!(!file.path.exists());
    assert_eq!(file.migrate().await, ["0001_initial", "0002_service_keys", "0003_endings", "0004_duties"]);
    assert_eq!(file.migrate().await, Vec::<String>::new());
}

#[tokio::test]
async fn garbage_and_truncated_files_are_refused_and_left_as_they_are() {
    let file = File::new();
    let store = file.open().await;
    for n in 0..100 {
        add(&store, n, &format!("user{n}@example.com")).await;
    }
    drop(store);
    let whole = checkpointed(&file);
    let mut cut = whole.clone();
    cut.truncate(whole.len() / 2);
    let mut scratched = whole.clone();
    // Every page but the first, so that the schema still reads well.
    scratched.iter_mut().skip(4096).step_by(7).for_each(|byte| *byte = !*byte);
    for damaged in [vec![b'x'; 8192], cut, scratched] {
        std::fs::write(&file.path, &damaged).unwrap();
        let error = file.try_open(Purpose::Serve).await.err().unwrap();
        assert!(matches!(error, OpenError::Corrupt { .. }), "{error}");
        assert_eq!(std::fs::read(&file.path).unwrap(), damaged, "nothing is recreated");
    }
}

/// The bytes of the file with everything in it, and no journal beside it.
fn checkpointed(file: &File) -> Vec<u8> {
    let connection = rusqlite::Connection::open(&file.path).expect("it opens");
    let mode: String = connection
        .query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0))
        .expect("nobody else has it");
    assert_eq!(mode, "delete");
    drop(connection);
    std::fs::read(&file.path).expect("the file is there")
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    let file = File::new();
    file.migrate().await;
    let connection = rusqlite::Connection::open(&file.path).unwrap();
    connection.execute("INSERT INTO migrations VALUES (99, '0099_later', '', 0)", []).unwrap();
    let error = file.try_open(Purpose::Serve).await.err().unwrap();
    assert!(matches!(error, OpenError::Newer { found: 99, known: 4, .. }), "{error}");
    let error = cloakroom_store::migrate(&file.url(), false, now()).await.unwrap_err();
    assert!(matches!(error, OpenError::Newer { .. }), "{error}");
}

#[tokio::test]
async fn a_database_of_another_program_is_refused() {
    let file = File::new();
    let connection = rusqlite::Connection::open(&file.path).unwrap();
    connection.execute_batch("CREATE TABLE recipes (name TEXT)").unwrap();
    for error in [
        file.try_open(Purpose::Serve).await.err().unwrap(),
        cloakroom_store::migrate(&file.url(), false, now()).await.unwrap_err(),
    ] {
        assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_migration_that_was_changed_after_it_ran_is_noticed() {
    let file = File::new();
    file.migrate().await;
    let connection = rusqlite::Connection::open(&file.path).unwrap();
    connection.execute("UPDATE migrations SET sql = sql || ' '", []).unwrap();
    let error = file.try_open(Purpose::Serve).await.err().unwrap();
    assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
}

#[tokio::test]
async fn a_file_has_one_server() {
    let file = File::new();
    let first = file.open().await;
    let error = file.try_open(Purpose::Serve).await.err().unwrap();
    assert!(matches!(error, OpenError::Held(_)), "{error}");
    drop(first);
    file.try_open(Purpose::Serve).await.unwrap();
}

#[tokio::test]
async fn what_a_command_does_beside_a_server_is_seen_by_it_in_the_same_epoch() {
    let file = File::new();
    let server = file.open().await;
    let alice = add(&server, 1, "alice@example.com").await;
    let before = server.read_since(None).await.unwrap().head;
    let command = file.try_open(Purpose::Command).await.unwrap();
    command.set_status(alice, Status::Disabled, now()).await.unwrap();
    let sync = server.read_since(Some(before)).await.unwrap();
    assert_eq!(sync.head.epoch(), before.epoch());
    assert_eq!(
        sync.events.into_iter().map(|event| event.revocation).collect::<Vec<_>>(),
        [Revocation::UserBefore(alice)]
    );
}

#[tokio::test]
async fn a_step_that_fails_takes_back_nothing_but_itself() {
    let file = File::new();
    let store = file.open().await;
    // Two with one id: the second breaks a constraint that no rule expects, in the same group as the first.
    let (first, second, third) = tokio::join!(
        store.add(new_user(1, "one@example.com")),
        store.add(new_user(1, "two@example.com")),
        store.add(new_user(3, "three@example.com")),
    );
    assert!(first.is_ok() && second.is_err() && third.is_ok());
    let emails: Vec<_> =
        store.list_users("", None, 10).await.unwrap().into_iter().map(|user| user.email).collect();
    assert_eq!(emails, ["one@example.com", "three@example.com"]);
}

#[tokio::test]
async fn what_waits_behind_another_process_is_told_together_and_is_not_done_later() {
    let file = File::new();
    let store = file.open().await;
    let other = rusqlite::Connection::open(&file.path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let waiting: Vec<_> = (0..8)
        .map(|n| {
            let store = std::sync::Arc::clone(&store);
            tokio::spawn(async move { store.add(new_user(n, &format!("{n}@example.com"))).await.is_err() })
        })
        .collect();
    for told in waiting {
        assert!(told.await.unwrap(), "nothing can be written");
    }
    other.execute_batch("ROLLBACK").unwrap();
    add(&store, 9, "after@example.com").await;
    let emails: Vec<_> =
        store.list_users("", None, 10).await.unwrap().into_iter().map(|user| user.email).collect();
    assert_eq!(emails, ["after@example.com"]);
}
