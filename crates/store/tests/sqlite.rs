//! What a SQLite file must be before it is used, and what survives.

#[expect(dead_code, reason = "this suite uses a part of it")]
mod common;

use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloakroom_auth::node::LONGEST_BOUND;
use cloakroom_auth::refresh::{Ask, Attempt, AttemptHash};
use cloakroom_auth::session::{EndReason, RowStrategy};
use cloakroom_auth::store::{Rotation, Store};
use cloakroom_auth::user::{NewUser, Status};
use cloakroom_store::{BackedUp, OpenError, Purpose};
use cloakroom_verify::{OpaqueKind, Revocation, Rv};
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
    assert!(matches!(error, OpenError::Unmigrated { pending: 7, .. }), "{error}");
    assert!(!file.path.exists());
}

#[tokio::test]
async fn only_its_owner_reads_a_new_database_and_what_is_beside_it() {
    let file = File::new();
    let store = file.open().await;
    add(&store, 1, "alice@example.com").await;
    for beside in ["", "-wal", "-shm"] {
        let path = format!("{}{beside}", file.path.display());
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{path}");
    }
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let file = File::new();
    let told = cloakroom_store::migrate(&file.url(), true, now()).await.unwrap();
    assert_eq!(
        told,
        [
            "0001_initial",
            "0002_service_keys",
            "0003_endings",
            "0004_duties",
            "0005_session_marks",
            "0006_sessions_ended",
            "0007_feed_nodes"
        ]
    );
    assert!(!file.path.exists());
    assert_eq!(
        file.migrate().await,
        [
            "0001_initial",
            "0002_service_keys",
            "0003_endings",
            "0004_duties",
            "0005_session_marks",
            "0006_sessions_ended",
            "0007_feed_nodes"
        ]
    );
    assert_eq!(file.migrate().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_reason_of_a_newer_version_is_an_end_all_the_same() {
    let file = File::new();
    let store = file.open().await;
    let alice = add(&store, 1, "alice@example.com").await;
    let login = row(&store, 1, alice, RowStrategy::Session).await;
    start(&store, login).await;
    store.end(session_id(1), None, EndReason::Logout, now()).await.unwrap();
    store.end_all(alice, None, EndReason::EndedByUser, now()).await.unwrap();
    let other = rusqlite::Connection::open(&file.path).unwrap();
    for word in ["'of_a_newer_version'", "NULL"] {
        let sql = format!(
            "UPDATE sessions SET revoked_reason = {word}; UPDATE users SET logins_ended_reason = {word}"
        );
        other.execute_batch(&sql).unwrap();
        let found = store.find(session_id(1)).await.unwrap().unwrap();
        assert_eq!(found.session.revoked.unwrap().reason, EndReason::EndedByAdmin, "{word}");
        assert_eq!(found.user.logins_ended.unwrap().reason, EndReason::EndedByAdmin, "{word}");
    }
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
    assert!(matches!(error, OpenError::Newer { found: 99, known: 7, .. }), "{error}");
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
            let store = Arc::clone(&store);
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

async fn backup(file: &File, to: &std::path::Path) -> Result<BackedUp, OpenError> {
    cloakroom_store::backup(&file.url(), to.to_owned(), Box::new(|_, _| ())).await
}

/// Puts a backup in the place of the file, as an operator does.
fn put_back(file: &File, backup: &std::path::Path) {
    for beside in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{beside}", file.path.display()));
    }
    std::fs::copy(backup, &file.path).expect("it is copied");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_beside_a_busy_writer_is_whole_and_of_one_moment() {
    let file = File::new();
    let store = file.open().await;
    for n in 0..50 {
        add(&store, n, &format!("user{n}@example.com")).await;
    }
    let (copy, writes) = (file.path.with_extension("copy"), Arc::new(AtomicBool::new(true)));
    let writer = {
        let (store, writes) = (Arc::clone(&store), Arc::clone(&writes));
        tokio::spawn(async move {
            let mut n = 50;
            while writes.load(Ordering::Relaxed) && n < 250 {
                add(&store, n, &format!("user{n}@example.com")).await;
                n += 1;
            }
        })
    };
    let told = backup(&file, &copy).await.unwrap();
    writes.store(false, Ordering::Relaxed);
    writer.await.unwrap();
    assert!(told.users >= 50 && told.bytes == std::fs::metadata(&copy).unwrap().len(), "{told:?}");
    assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    let names = std::fs::read_dir(file.path.parent().unwrap()).unwrap();
    let beside =
        names.filter(|name| name.as_ref().unwrap().file_name().to_string_lossy().starts_with("test.copy"));
    assert_eq!(beside.count(), 1, "one file, without a journal");

    let restored = File::new();
    put_back(&restored, &copy);
    let users = restored.try_open(Purpose::Serve).await.unwrap().list_users("", None, 1000).await.unwrap();
    let last = users.iter().map(|user| user.id.as_bytes()[0]).max().unwrap();
    assert_eq!(
        (users.len() as u64, u64::from(last) + 1),
        (told.users, told.users),
        "the first so many, no other"
    );
}

#[tokio::test]
async fn writes_during_a_backup_do_not_begin_it_anew() {
    let file = File::new();
    let store = file.open().await;
    for n in 0..100 {
        let long = Some("x".repeat(3000));
        store.add(NewUser { name: long, ..new_user(n, &format!("user{n}@example.com")) }).await.unwrap();
    }
    let (path, steps) = (file.path.clone(), Arc::new(Mutex::new(Vec::new())));
    let told = Arc::clone(&steps);
    let write_between_steps = move |done: u64, of: u64| {
        let mut told = told.lock().unwrap();
        told.push(done);
        assert!(done < of);
        if told.len() < 20 {
            let other = rusqlite::Connection::open(&path).unwrap();
            let grown = "UPDATE users SET name = name || 'y' WHERE id = (SELECT min(id) FROM users)";
            assert_eq!(other.execute(grown, []).unwrap(), 1);
        }
    };
    let copy = file.path.with_extension("copy");
    cloakroom_store::backup(&file.url(), copy.clone(), Box::new(write_between_steps)).await.unwrap();
    let steps = steps.lock().unwrap();
    assert!(!steps.is_empty() && steps.is_sorted_by(|one, next| one < next), "{steps:?}");
    let name: String = rusqlite::Connection::open(&copy)
        .unwrap()
        .query_row("SELECT name FROM users ORDER BY id LIMIT 1", [], |row| row.get(0))
        .unwrap();
    assert_eq!(name.len(), 3000, "as it was when the backup began");
}

#[tokio::test]
async fn a_backup_takes_the_place_of_no_file_and_leaves_none_when_it_fails() {
    let file = File::new();
    drop(file.open().await);
    let copy = file.path.with_extension("copy");
    std::fs::write(&copy, "somebody's").unwrap();
    assert!(matches!(backup(&file, &copy).await.unwrap_err(), OpenError::Exists(_)));
    assert_eq!(std::fs::read(&copy).unwrap(), b"somebody's");
    let file = File::new();
    assert!(matches!(backup(&file, &copy).await.unwrap_err(), OpenError::Unmigrated { .. }));
    std::fs::write(&file.path, vec![b'x'; 8192]).unwrap();
    let copy = file.path.with_extension("copy");
    assert!(matches!(backup(&file, &copy).await.unwrap_err(), OpenError::Corrupt { .. }));
    assert!(!copy.exists() && !copy.with_extension("copy.part").exists());
}

#[tokio::test]
async fn a_backup_that_is_put_back_brings_no_ended_login_back() {
    let file = File::new();
    let store = file.open().await;
    let alice = add(&store, 1, "alice@example.com").await;
    let row = row(&store, 1, alice, RowStrategy::Session).await;
    start(&store, row.clone()).await;
    let copy = file.path.with_extension("copy");
    backup(&file, &copy).await.unwrap();
    store.end(row.id, None, EndReason::Logout, now()).await.unwrap();
    // What a server does every minute.
    store.retain(HOUR, now()).await.unwrap();
    let published = store.read_since(None).await.unwrap().head;
    drop(store);

    put_back(&file, &copy);
    let store = file.try_open(Purpose::Serve).await.unwrap();
    let found = store.find(row.id).await.unwrap().unwrap();
    assert_eq!(found.session.revoked, None, "the row does not know");
    assert!(found.session.judge(&found.user, found.as_of, now()).is_err(), "its number does");
    let sync = store.read_since(None).await.unwrap();
    assert_eq!(sync.events.last().unwrap().revocation, Revocation::EverythingBefore);
    assert!(sync.floor > published, "also what was issued after the backup is dead");
    waits_for_whoever_served_before(&store).await;

    drop(store);
    let again = file.try_open(Purpose::Serve).await.unwrap().read_since(None).await.unwrap();
    assert_eq!(again.floor, sync.floor, "once, not at every start");
}

/// A receipt does, as long as verifiers may trust what they were told: what was put back does not say by whom.
async fn waits_for_whoever_served_before(store: &Arc<dyn Store>) {
    let (this, short) = ([9; 16], Duration::from_secs(2));
    store.announce(&this, short, Duration::ZERO).await.expect("it answers");
    assert_eq!(store.others(&this, short).await.expect("it answers"), Some(LONGEST_BOUND));
    let later = LONGEST_BOUND + Duration::from_millis(1);
    assert_eq!(store.others(&this, later).await.expect("it answers"), None);
}

#[tokio::test]
async fn a_database_that_its_operator_calls_restored_does_not_know_the_bound_of_those_before() {
    let file = File::new();
    drop(file.open().await);
    drop(cloakroom_store::open_restored(&file.url(), now()).await.unwrap());
    waits_for_whoever_served_before(&file.try_open(Purpose::Serve).await.unwrap()).await;
}

#[tokio::test]
async fn a_start_after_a_clean_end_or_a_crash_logs_nobody_out() {
    let file = File::new();
    for _ in 0..3 {
        let store = file.open().await;
        store
            .append(Revocation::TokenRevoked(cloakroom_verify::TokenId::from_bytes([1; 16])), None, now())
            .await
            .unwrap();
        store.retain(HOUR, now()).await.unwrap();
        assert_eq!(store.read_since(None).await.unwrap().floor, Rv::ZERO);
    }
}

/// What was decided is written in the step that decided it, not after a caller who may be gone by then.
#[tokio::test]
async fn a_thief_who_hangs_up_is_caught_all_the_same() {
    let file = File::new();
    let store = file.open().await;
    let alice = add(&store, 1, "alice@example.com").await;
    let row = row(&store, 1, alice, RowStrategy::Hybrid).await;
    let id = row.id;
    start(&store, row).await;
    let ask = |attempt: &str, later| Ask {
        session: id,
        kind: OpaqueKind::Refresh,
        generation: 0,
        attempt: Some(AttemptHash::of(id, 0, &Attempt::parse(attempt).unwrap())),
        proof: None,
        now: now().after(later),
        grace: Duration::from_secs(10),
        lives: 3,
    };
    store.rotate(&ask("the-victims-attempt", Duration::ZERO)).await.unwrap();
    let thief = ask("the-thiefs-attempt", HOUR);
    {
        let mut asked = std::pin::pin!(store.rotate(&thief));
        std::future::poll_fn(|context| {
            let _ = asked.as_mut().poll(context);
            std::task::Poll::Ready(())
        })
        .await;
        // Behind it in the queue: by then it is done, and nobody has looked at its answer.
        store.touch(&[(session_id(99), now())]).await.unwrap();
    }
    let revoked = store.find(id).await.unwrap().unwrap().session.revoked;
    assert_eq!(revoked.map(|revoked| revoked.reason), Some(EndReason::RefreshTokenReused));
}

#[tokio::test]
async fn the_bound_of_the_process_before_counts_until_its_answers_have_run_out() {
    let file = File::new();
    let (before, this) = ([1; 16], [2; 16]);
    let [long, short] = [10_000, 2_000].map(Duration::from_millis);
    let store = file.open().await;
    store.announce(&before, long, Duration::ZERO).await.unwrap();
    drop(store);
    let store = file.try_open(Purpose::Serve).await.unwrap();
    store.announce(&this, short, Duration::ZERO).await.unwrap();
    assert_eq!(store.others(&this, short).await.unwrap(), Some(long));
    store.announce(&this, short, long).await.unwrap();
    assert_eq!(
        store.others(&this, long).await.unwrap(),
        Some(long),
        "it may have told the last one as it ended"
    );
    let later = long + Duration::from_millis(1);
    assert_eq!(store.others(&this, later).await.unwrap(), None);
    store.announce(&this, short, later).await.unwrap();
    let raw = rusqlite::Connection::open(&file.path).unwrap();
    let rows: i64 = raw.query_row("SELECT count(*) FROM feed_nodes", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 1, "nobody needs the other any more");
}
