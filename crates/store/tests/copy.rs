//! Moving everything from one database to another.
#![expect(clippy::unwrap_used, reason = "the suite is functions that several tests call")]

#[expect(dead_code, reason = "this suite uses a part of it")]
mod common;
#[cfg(feature = "postgres")]
#[path = "common/postgres.rs"]
mod database;
#[cfg(feature = "postgres")]
#[path = "copy/postgres.rs"]
mod postgres;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use cloakroom_auth::node::LONGEST_BOUND;
use cloakroom_auth::service_key::{Scope, ServiceKey};
use cloakroom_auth::session::{EndReason, RowStrategy, Session};
use cloakroom_auth::store::{Store, StoreError, Stored};
use cloakroom_auth::user::{NewUser, Status};
use cloakroom_store::copy::{CopyError, FeedState, Row, Shelf, Table, copy};
use cloakroom_store::{OpenError, Purpose};
use cloakroom_verify::{KeyId, Revocation, TokenId, UserId};
use common::*;
use rusqlite::params;
use rusqlite::types::Null;

/// A database with something of everything.
async fn filled() -> File {
    let file = File::new();
    // Each opening begins an epoch: these numbers are far beyond those of a new database.
    for _ in 0..5 {
        drop(file.open().await);
    }
    let store = file.open().await;
    store.append(Revocation::EverythingBefore, None, now()).await.unwrap();
    let alice = add(&store, 1, "Alice@Example.com").await;
    let plain = NewUser { name: None, ..new_user(2, "bob@example.com") };
    store.add(plain).await.unwrap();
    let bob = UserId::from_bytes([2; 16]);
    for (n, user) in [(1, alice), (2, alice), (3, alice), (4, bob)] {
        let strategy = if n % 2 == 0 { RowStrategy::Hybrid } else { RowStrategy::Session };
        let full = Session {
            ip: Some("::1".into()),
            user_agent: Some("curl".into()),
            jkt: Some("thumb".into()),
            remember: n == 1,
            strikes: u32::from(n),
            ..row(&store, n, user, strategy).await
        };
        start(&store, full).await;
    }
    store.end(session_id(2), None, EndReason::Logout, now()).await.unwrap();
    store.set_status(bob, Status::Disabled, now()).await.unwrap();
    for name in ["shop", "shop"] {
        let (key, _) = ServiceKey::make(name.into(), vec![Scope::Introspect, Scope::Feed], now());
        assert!(store.add_service_key(key).await.unwrap());
        store.revoke_service_key(name, now()).await.unwrap();
    }
    let (key, _) = ServiceKey::make("shop".into(), vec![Scope::Admin], now());
    assert!(store.add_service_key(key).await.unwrap());
    let kid: KeyId = "2026-11".parse().unwrap();
    store.append(Revocation::KeyRevoked(kid), None, now()).await.unwrap();
    store.append(Revocation::TokenRevoked(TokenId::from_bytes([1; 16])), None, now()).await.unwrap();
    store.retain(HOUR, now()).await.unwrap();
    mark(&file);
    file
}

/// What a database knows of two logins whose rows are in a Redis: one was changed, the other one kept and then ended.
fn mark(file: &File) {
    let alice = [1_u8; 16];
    let insert = "INSERT INTO session_marks (id, user_id, version, rv, change_number, change_base, change_row, \
         ended_rv, ended_at, ended_reason, until) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    let raw = rusqlite::Connection::open(&file.path).unwrap();
    raw.execute(insert, params![[5_u8; 16], alice, 1, 0, 1, 7, [0_u8, 255, 7], Null, Null, Null, 9]).unwrap();
    raw.execute(insert, params![[6_u8; 16], alice, 2, 8, Null, Null, Null, 9, 10, "logout", 11]).unwrap();
}

/// All of it, whatever the database writes it like.
async fn marks(shelf: &dyn Shelf) -> String {
    format!("{:?}", shelf.rows(Table::Marks, None, 10).await.unwrap())
}

async fn many(file: &File, users: u16) {
    let store = file.try_open(Purpose::Command).await.unwrap();
    let adding = (0..users).map(|n| {
        let [high, low] = n.to_be_bytes();
        let mut id = [7; 16];
        (id[0], id[1]) = (high, low);
        let new = NewUser { id: UserId::from_bytes(id), ..new_user(0, &format!("user{n}@example.com")) };
        let store = Arc::clone(&store);
        async move { store.add(new).await.unwrap() }
    });
    for add in adding.map(tokio::spawn).collect::<Vec<_>>() {
        add.await.unwrap();
    }
}

async fn shelf(file: &File) -> Arc<dyn Shelf> {
    file.migrate().await;
    cloakroom_store::open_shelf(&file.url(), now()).await.unwrap()
}

async fn run(from: &dyn Shelf, to: &dyn Shelf) -> Result<Vec<(String, u64, u64)>, CopyError> {
    let copied = copy(from, to, &|done, of| assert!(done <= of, "{done} of {of}")).await?;
    Ok(copied.iter().map(|copied| (copied.table.to_string(), copied.rows, copied.before)).collect())
}

/// What is told of a copy of [`filled`], with so many users.
fn expected(users: u64) -> Vec<(String, u64, u64)> {
    [("events", 7), ("service keys", 3), ("users", users), ("session marks", 2), ("sessions", 4)]
        .map(|(table, rows)| (table.to_owned(), rows, 0))
        .to_vec()
}

/// What the rules see of a database.
async fn seen(store: &Arc<dyn Store>) -> String {
    let mut seen = String::new();
    for user in store.list_users("", None, 10_000).await.unwrap() {
        seen += &format!("{user:?} {}\n", user.password_hash.as_str());
    }
    for n in 1..=4 {
        let found = store.find(session_id(n)).await.unwrap().unwrap();
        let judged = found.session.judge(&found.user, found.as_of, now());
        seen += &format!("{:?} {:?} {judged:?}\n", found.session, found.session.secret.0);
    }
    let sync = store.read_since(None).await.unwrap();
    seen + &format!("{:?} {:?} {:?}", store.list_service_keys().await.unwrap(), sync.floor, sync.events)
}

#[tokio::test]
async fn everything_is_the_same_on_the_other_side() {
    let (from, to) = (filled().await, File::new());
    let told = run(&*shelf(&from).await, &*shelf(&to).await).await.unwrap();
    assert_eq!(told, expected(2));
    assert_eq!(marks(&*shelf(&from).await).await, marks(&*shelf(&to).await).await);
    let (from, to) =
        (from.try_open(Purpose::Serve).await.unwrap(), to.try_open(Purpose::Serve).await.unwrap());
    assert_eq!(seen(&from).await, seen(&to).await);
    let newest = to.read_since(None).await.unwrap();
    assert!(newest.events.iter().all(|event| event.rv < newest.head), "no number is given out twice");
    let this = [9; 16];
    to.announce(&this, Duration::from_secs(2), Duration::ZERO).await.unwrap();
    let waited_for = to.others(&this, Duration::from_secs(2)).await.unwrap();
    assert_eq!(waited_for, Some(LONGEST_BOUND), "verifiers may still trust what they heard of the source");
}

/// Fails when it is written to for the last time.
struct Stops(Arc<dyn Shelf>, AtomicUsize);
/// Loses the end of each session.
struct Forgets(Arc<dyn Shelf>);
/// The same of each session whose row is in Redis.
struct Unmarks(Arc<dyn Shelf>);

macro_rules! but_for_put {
    ($name:ident, $self:ident, $rows:ident, $put:expr) => {
        #[async_trait]
        impl Shelf for $name {
            async fn feed(&self) -> Stored<FeedState> {
                self.0.feed().await
            }
            async fn raise_feed(&self, to: FeedState) -> Stored<()> {
                self.0.raise_feed(to).await
            }
            async fn count(&self, table: Table) -> Stored<u64> {
                self.0.count(table).await
            }
            async fn newest(&self, table: Table) -> Stored<Option<u128>> {
                self.0.newest(table).await
            }
            async fn rows(&self, table: Table, after: Option<u128>, limit: u32) -> Stored<Vec<Row>> {
                self.0.rows(table, after, limit).await
            }
            async fn put(&$self, mut $rows: Vec<Row>) -> Stored<()> {
                $put
            }
        }
    };
}

but_for_put!(Stops, self, rows, {
    if self.1.fetch_sub(1, Ordering::Relaxed) == 0 {
        return Err(StoreError::new("stopped"));
    }
    rows.shrink_to_fit();
    self.0.put(rows).await
});
but_for_put!(Forgets, self, rows, {
    for row in &mut rows {
        if let Row::Session(session) = row {
            session.revoked = None;
        }
    }
    self.0.put(rows).await
});
but_for_put!(Unmarks, self, rows, {
    for row in &mut rows {
        if let Row::Mark(marked) = row {
            marked.mark.ended = None;
        }
    }
    self.0.put(rows).await
});

#[tokio::test]
async fn a_copy_that_stopped_goes_on_where_it_was() {
    let (from, to) = (filled().await, File::new());
    many(&from, 1200).await;
    let (from, to) = (shelf(&from).await, shelf(&to).await);
    // Events, service keys, 500 users, 500 more; then nothing.
    let stops = Stops(Arc::clone(&to), AtomicUsize::new(4));
    assert!(matches!(run(&*from, &stops).await.unwrap_err(), CopyError::Store(_)));
    assert_eq!((to.count(Table::Users).await.unwrap(), to.count(Table::Sessions).await.unwrap()), (1000, 0));
    let told = run(&*from, &*to).await.unwrap();
    assert_eq!(told[0], ("events".to_owned(), 7, 7), "revocations were there before what they kill");
    let rest = [("users", 1202, 1000), ("session marks", 2, 0), ("sessions", 4, 0)];
    assert_eq!(told[2..], rest.map(|(table, rows, before)| (table.to_owned(), rows, before)));
    assert_eq!(
        run(&*from, &*to).await.unwrap()[2],
        ("users".to_owned(), 1202, 1202),
        "and again does nothing"
    );
}

#[tokio::test]
async fn a_target_with_rows_of_its_own_is_refused_and_left_as_it_is() {
    let (from, to) = (filled().await, File::new());
    let store = to.open().await;
    add(&store, 1, "alice@example.com").await;
    drop(store);
    let (from, to) = (shelf(&from).await, shelf(&to).await);
    assert!(matches!(run(&*from, &*to).await.unwrap_err(), CopyError::Occupied(Table::Users)));
    assert_eq!(to.count(Table::Events).await.unwrap(), 0);
}

#[tokio::test]
async fn a_row_that_arrives_changed_is_noticed() {
    let (from, to) = (filled().await, File::new());
    let (from, to) = (shelf(&from).await, shelf(&to).await);
    let error = run(&*from, &Forgets(to)).await.unwrap_err();
    assert!(matches!(error, CopyError::Differ(Table::Sessions)), "{error}");
    let another = File::new();
    let error = run(&*from, &Unmarks(shelf(&another).await)).await.unwrap_err();
    assert!(matches!(error, CopyError::Differ(Table::Marks)), "{error}");
}

#[tokio::test]
async fn a_database_in_use_is_not_copied() {
    let file = filled().await;
    let _server = file.open().await;
    let error = cloakroom_store::open_shelf(&file.url(), now()).await.err().unwrap();
    assert!(matches!(error, OpenError::Held(_)), "{error}");
}
