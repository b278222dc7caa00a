//! A database that an older version made and wrote, after it was migrated to the newest one: nothing is lost, logins go
//! on, and so do the numbers of the feed. What the older versions did is told by their own SQL.
#![expect(clippy::unwrap_used, reason = "bodies of tests are functions")]

#[cfg(feature = "postgres")]
#[path = "upgrades/beside.rs"]
mod beside;
#[expect(dead_code, reason = "this suite uses a part of it")]
mod common;
#[cfg(feature = "postgres")]
#[path = "common/postgres.rs"]
mod database;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cloakroom_auth::refresh::Ask;
use cloakroom_auth::session::{Dead, EndReason, Revoked};
use cloakroom_auth::store::{Ended, Rotation, Store};
use cloakroom_auth::user::LoginsEnded;
use cloakroom_verify::{OpaqueKind, Revocation, Roles, Rv, TokenId, UserId};
use common::*;

type Shared = Arc<dyn Store>;

/// Name and text of each migration, in order, as they are kept for this database.
fn migrations(database: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(database);
    let mut all: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .map(|file| {
            let name = file.file_stem().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(file).unwrap())
        })
        .collect();
    all.sort();
    all
}

/// What the program of this version wrote: a user with two logins and one that ended, and one who was logged out
/// everywhere. `X'..'` are bytes.
fn written_by(version: usize) -> String {
    let (alice, bob) = ("01".repeat(16), "02".repeat(16));
    let at = now().as_millis();
    let mut sql = String::from("UPDATE feed_head SET head = 2;");
    for (id, name) in [(&alice, "alice"), (&bob, "bob")] {
        sql += &format!(
            "INSERT INTO users (id, email, email_key, name, password_hash, roles, status, min_rv, created_at) VALUES \
             (X'{id}', '{name}@Example.com', '{name}@example.com', 'Name', '$1', '[\"a\",\"b\"]', 'active', 0, {at});"
        );
    }
    // The second was refreshed once: of the token before it is remembered when it was spent, and by no attempt.
    let spent = format!("00{}{at:016x}", "00".repeat(32));
    for (id, user, strategy, generation, spent) in [
        ("0b", &alice, "session", 0, ""),
        ("0c", &alice, "hybrid", 1, spent.as_str()),
        ("0d", &alice, "session", 0, ""),
        ("15", &bob, "session", 0, ""),
    ] {
        let (id, later) = (id.repeat(16), now().after(30 * DAY).as_millis());
        sql += &format!(
            "INSERT INTO sessions (id, user_id, strategy, transport, remember, secret, generation, floor, spent, keyed, \
             strikes, jkt, rv, written_epoch, device, ip, user_agent, auth_time, created_at, last_used_at, idle_timeout, \
             expires_at) VALUES (X'{id}', X'{user}', '{strategy}', 'body', FALSE, X'{id}', {generation}, 0, X'{spent}', \
             FALSE, 0, NULL, 0, 0, 'Firefox on Linux', '192.0.2.7', 'curl/8', {at}, {at}, {at}, 604800000, {later});"
        );
    }
    let ended = "0d".repeat(16);
    sql += &format!(
        "UPDATE sessions SET revoked_rv = 1, revoked_reason = 'logout' WHERE id = X'{ended}';\
         UPDATE users SET min_rv = 2 WHERE id = X'{bob}';\
         INSERT INTO feed_events (rv, kind, key, keep_until) VALUES (1, 'session_revoked', X'{ended}', {at});\
         INSERT INTO feed_events (rv, kind, key, keep_until) VALUES (2, 'user_before', X'{bob}', {at});"
    );
    let since = [
        (
            2,
            format!(
                "INSERT INTO service_keys (id, name, scopes, hash, created_at) \
                 VALUES (X'{alice}', 'shop', 'introspect', X'{alice}{alice}', {at})"
            ),
        ),
        (3, format!("UPDATE sessions SET revoked_at = {at} WHERE id = X'{ended}'")),
        (
            3,
            format!(
                "UPDATE users SET logins_ended_at = {at}, logins_ended_reason = 'ended_by_user' WHERE id = X'{bob}'"
            ),
        ),
        (4, format!("UPDATE duties SET until = {at} WHERE name = 'cleanup'")),
    ];
    for (_, more) in since.iter().filter(|(since, _)| *since <= version) {
        sql += &format!("{more};");
    }
    sql
}

/// The store tells everything that [`written_by`] wrote, and goes on with it.
async fn everything_goes_on(store: &Shared, version: usize) {
    let (alice, bob) = (UserId::from_bytes([1; 16]), UserId::from_bytes([2; 16]));
    let (user, _) = store.by_email(&key("alice@example.com")).await.unwrap().unwrap();
    assert_eq!(
        (user.id, user.email.as_str(), user.name.as_deref()),
        (alice, "alice@Example.com", Some("Name"))
    );
    assert_eq!((&user.password_hash, &user.roles), (&hash("$1"), &Roles::from_iter(["a", "b"])));
    // Since the third version it is written down when a login ended.
    let known = version >= 3;
    let (user, _) = store.by_id(bob).await.unwrap().unwrap();
    let ended = LoginsEnded { at: now(), reason: EndReason::EndedByUser };
    assert_eq!((user.min_rv, user.logins_ended), (Rv::new(0, 2), known.then_some(ended)));
    let keys = store.list_service_keys().await.unwrap();
    assert_eq!(
        keys.iter().map(|key| key.name.as_str()).collect::<Vec<_>>(),
        &["shop"][..usize::from(version >= 2)]
    );

    let judged = async |n| {
        let found = store.find(session_id(n)).await.unwrap().unwrap();
        (found.session.judge(&found.user, found.as_of, now()), found.session.revoked)
    };
    let logout = Revoked { rv: Rv::new(0, 1), at: known.then(now), reason: EndReason::Logout };
    assert_eq!(judged(11).await, (Ok(()), None));
    assert_eq!(judged(12).await, (Ok(()), None));
    assert_eq!(judged(13).await, (Err(Dead::Revoked), Some(logout)));
    assert_eq!(judged(21).await, (Err(Dead::Outdated), None));
    let ids = |found: &[cloakroom_auth::store::Found]| {
        found.iter().map(|found| found.session.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(&store.list_ended(alice, now(), 10).await.unwrap()), [session_id(13)]);
    assert_eq!(ids(&store.list_ended(bob, now(), 10).await.unwrap()), [session_id(21)]);
    let live = store.list_sessions(alice, now()).await.unwrap();
    assert_eq!(live.iter().map(|session| session.id).collect::<Vec<_>>(), [session_id(12), session_id(11)]);
    assert!(store.known_address(&key("alice@example.com"), "192.0.2.7").await.unwrap());

    let before = store.read_since(None).await.unwrap();
    let told: Vec<_> = before.events.iter().map(|event| (event.rv, event.revocation.clone())).collect();
    let expected = [Revocation::SessionRevoked(session_id(13)), Revocation::UserBefore(bob)];
    assert_eq!(told, [Rv::new(0, 1), Rv::new(0, 2)].into_iter().zip(expected).collect::<Vec<_>>());
    assert!(before.head >= Rv::new(0, 2), "{:?}", before.head);

    store.touch(&[(session_id(11), now().after(MINUTE))]).await.unwrap();
    assert_eq!(store.find(session_id(11)).await.unwrap().unwrap().session.last_used_at, now().after(MINUTE));
    let ask = |generation| Ask {
        session: session_id(12),
        kind: OpaqueKind::Refresh,
        generation,
        attempt: None,
        proof: None,
        now: now(),
        grace: Duration::from_secs(10),
        lives: 3,
    };
    let rotated = store.rotate(&ask(0)).await.unwrap();
    assert!(matches!(&rotated, Rotation::Same(found, _) if found.session.generation == 1), "{rotated:?}");
    let rotated = store.rotate(&ask(1)).await.unwrap();
    assert!(matches!(&rotated, Rotation::Rotated(found) if found.session.generation == 2), "{rotated:?}");
    let Ended::Now(one) = store.end(session_id(11), None, EndReason::Logout, now()).await.unwrap() else {
        panic!("it lived")
    };
    let two =
        store.append(Revocation::TokenRevoked(TokenId::from_bytes([7; 16])), None, now()).await.unwrap();
    assert_eq!(
        (one.rv, two.rv),
        (before.head.next(), before.head.next().next()),
        "numbers go on without a gap"
    );
    assert!(store.claim_cleanup(now(), now().after(MINUTE)).await.unwrap());
    store.announce(&[1; 16], MINUTE, Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn a_file_of_each_older_version_is_brought_up_to_date_and_nothing_of_it_is_lost() {
    const RAN: &str = "CREATE TABLE migrations (version INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, \
         sql TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT";
    let all = migrations("sqlite");
    for version in 1..all.len() {
        let file = File::new();
        let old = rusqlite::Connection::open(&file.path).unwrap();
        old.pragma_update(None, "application_id", 0x636c_6b72).unwrap();
        old.execute_batch(RAN).unwrap();
        for (number, (name, sql)) in (1..).zip(&all[..version]) {
            old.execute_batch(sql).unwrap();
            let ran = "INSERT INTO migrations (version, name, sql, applied_at) VALUES (?1, ?2, ?3, 0)";
            old.execute(ran, rusqlite::params![number, name, sql]).unwrap();
        }
        old.execute_batch(&written_by(version)).unwrap();
        drop(old);
        let done = file.migrate().await;
        assert_eq!(done, all[version..].iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>());
        everything_goes_on(&file.open().await, version).await;
    }
}

/// The tables as they were after so many migrations.
#[cfg(feature = "postgres")]
async fn make_older(client: &tokio_postgres::Client, all: &[(String, String)]) {
    const RAN: &str = "CREATE TABLE cloakroom_migrations (version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, \
         sql TEXT NOT NULL, applied_at BIGINT NOT NULL)";
    client.batch_execute(RAN).await.unwrap();
    for (number, (name, sql)) in (1_i64..).zip(all) {
        client.batch_execute(sql).await.unwrap();
        let ran = "INSERT INTO cloakroom_migrations (version, name, sql, applied_at) VALUES ($1, $2, $3, 0)";
        client.execute(ran, &[&number, name, sql]).await.unwrap();
    }
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_each_older_version_is_brought_up_to_date_and_nothing_of_it_is_lost() {
    let all = migrations("postgres");
    for version in 1..all.len() {
        let Some(database) = database::Database::new().await else { return };
        let old = database.connect().await;
        make_older(&old, &all[..version]).await;
        old.batch_execute(&written_by(version).replace("X'", "'\\x")).await.unwrap();
        let done = database.migrate().await;
        assert_eq!(done, all[version..].iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>());
        everything_goes_on(&database.open().await, version).await;
        database.drop().await;
    }
}
