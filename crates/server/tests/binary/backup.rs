//! `backup` beside a running server, and what comes of putting one back.

use std::os::unix::fs::PermissionsExt;

use super::common::*;

fn backup(place: &Place) {
    let ran = place.run(&["backup", "backup.db", "--dev", "--output", "json"]);
    let told = ran.json();
    assert_eq!((&told["users"], &told["file"]), (&1.into(), &"backup.db".into()), "{told}");
    assert!(ran.stderr.contains("the keys are not in it: cloakroom-dev-keys"), "{ran:?}");
}

/// With an issuer that stays the same: what an earlier server signed is good at the next one.
fn dev(place: &Place) -> Server {
    place.dev(&["--public-url", "http://127.0.0.1:1"])
}

/// As an operator does it, with no server running.
fn put_back(place: &Place) {
    for beside in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(place.file(&format!("cloakroom-dev.db{beside}")));
    }
    std::fs::copy(place.file("backup.db"), place.file("cloakroom-dev.db")).unwrap();
}

#[test]
fn a_backup_is_taken_while_serving_and_never_over_another() {
    let place = Place::new();
    let server = dev(&place);
    server.signup("alice");
    let token = server.login("alice", "session");
    backup(&place);
    assert_eq!(server.me(&token), 200, "nobody noticed");
    let mode = std::fs::metadata(place.file("backup.db")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let before = std::fs::read(place.file("backup.db")).unwrap();
    place.run(&["backup", "backup.db", "--dev"]).fails(4, "backup.db is there already");
    assert_eq!(std::fs::read(place.file("backup.db")).unwrap(), before);
    place.run(&["backup", "nowhere/backup.db", "--dev"]).fails(5, "nowhere/backup.db");
}

#[test]
fn a_login_that_ended_after_the_backup_stays_ended_when_it_is_put_back() {
    let place = Place::new();
    let mut server = dev(&place);
    server.signup("alice");
    let [session, jwt] = ["session", "jwt"].map(|strategy| server.login("alice", strategy));
    backup(&place);
    server.kill();
    // A start after the backup, which the backup knows nothing of.
    let mut server = dev(&place);
    assert_eq!((server.me(&session), server.me(&jwt)), (200, 200));
    place.run(&["revoke", "user", "alice@example.com", "--dev"]);
    server.kill();
    put_back(&place);
    let server = dev(&place);
    assert_eq!((server.me(&session), server.me(&jwt)), (401, 401));
    let again = server.login("alice", "session");
    assert_eq!(server.me(&again), 200, "the account is there");
}

#[test]
fn migrate_restored_ends_every_login_where_nothing_else_tells() {
    let place = Place::new();
    let mut server = dev(&place);
    server.signup("alice");
    let tokens = ["session", "jwt", "hybrid"].map(|strategy| server.login("alice", strategy));
    backup(&place);
    place.run(&["migrate", "--restored", "--dev"]).fails(4, "held by another running server");
    assert!(tokens.iter().all(|token| server.me(token) == 200));
    server.kill();
    let mut server = dev(&place);
    assert!(tokens.iter().all(|token| server.me(token) == 200), "a restart alone ends nothing");
    server.kill();
    put_back(&place);
    // As on another machine, or in a copy of the whole folder.
    std::fs::remove_file(place.file("cloakroom-dev.db.head")).unwrap();
    let ran = place.run(&["migrate", "--restored", "--dev"]);
    assert!(ran.code == 0 && ran.stderr.contains("everyone has to log in again"), "{ran:?}");
    let server = dev(&place);
    assert!(tokens.iter().all(|token| server.me(token) == 401));
    place.run(&["migrate", "--restored", "--dry-run", "--dev"]).fails(2, "--restored");
}
