//! Users, rows and files to test stores with.
#![expect(unreachable_pub, reason = "each test binary uses its own part")]

#[allow(dead_code, clippy::allow_attributes, reason = "only suites that need a server use it")]
#[path = "../../../server/tests/common/skip.rs"]
pub mod skip;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cloakroom_auth::email::{Email, EmailKey};
use cloakroom_auth::password::PhcString;
use cloakroom_auth::refresh::Spent;
use cloakroom_auth::session::{NewSession, RowSecret, RowStrategy, Session};
use cloakroom_auth::store::{Added, Started, Store};
use cloakroom_auth::user::{NewUser, Status};
use cloakroom_store::{OpenError, Purpose};
use cloakroom_verify::{Roles, SessionId, Timestamp, Transport, UserId};

pub const MINUTE: Duration = Duration::from_secs(60);
pub const HOUR: Duration = Duration::from_secs(3600);
pub const DAY: Duration = Duration::from_secs(86_400);

pub fn now() -> Timestamp {
    Timestamp::from_seconds(1_800_000_000)
}

/// A database file that is gone with its folder when the test ends.
pub struct File {
    _folder: tempfile::TempDir,
    pub path: PathBuf,
}

impl File {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self { path: folder.path().join("test.db"), _folder: folder }
    }

    pub fn url(&self) -> String {
        format!("sqlite:{}", self.path.display())
    }

    pub async fn migrate(&self) -> Vec<String> {
        cloakroom_store::migrate(&self.url(), false, now()).await.expect("it can be migrated")
    }

    pub async fn try_open(&self, purpose: Purpose) -> Result<Arc<dyn Store>, OpenError> {
        cloakroom_store::open(&self.url(), purpose, now()).await
    }

    pub async fn open(&self) -> Arc<dyn Store> {
        self.migrate().await;
        self.try_open(Purpose::Serve).await.expect("a migrated file opens")
    }
}

pub fn key(email: &str) -> EmailKey {
    Email::parse(email).expect("an email").key
}

pub fn hash(text: &str) -> PhcString {
    PhcString::from_store(text.to_owned())
}

pub fn session_id(n: u8) -> SessionId {
    SessionId::from_bytes([n; 16])
}

pub fn new_user(n: u8, email: &str) -> NewUser {
    NewUser {
        id: UserId::from_bytes([n; 16]),
        email: Email::parse(email).expect("an email"),
        name: Some(String::from("Alice")),
        password_hash: hash("$1"),
        roles: Roles::from_iter(["a", "b"]),
        status: Status::Active,
        created_at: now(),
    }
}

pub async fn add(store: &Arc<dyn Store>, n: u8, email: &str) -> UserId {
    match store.add(new_user(n, email)).await.expect("the store works") {
        Added::User(user) => user.id,
        Added::EmailTaken => panic!("{email} is taken"),
    }
}

/// A login as it stands right after the password was read: stamped with the head of now.
pub async fn row(store: &Arc<dyn Store>, n: u8, user: UserId, strategy: RowStrategy) -> Session {
    let (_, as_of) = store.by_id(user).await.expect("the store works").expect("the user is there");
    Session {
        id: session_id(n),
        user,
        strategy,
        transport: Transport::Body,
        remember: false,
        secret: RowSecret([n; 16]),
        generation: 0,
        floor: 0,
        spent: Spent::default(),
        keyed: false,
        strikes: 0,
        jkt: None,
        rv: as_of.head(),
        written_epoch: as_of.head().epoch(),
        device: String::from("Firefox on Linux"),
        ip: None,
        user_agent: None,
        auth_time: now(),
        created_at: now(),
        last_used_at: now(),
        idle_timeout: 7 * DAY,
        expires_at: now().after(30 * DAY),
        revoked: None,
    }
}

pub fn fresh(row: Session) -> NewSession {
    NewSession { row, max_per_user: 50 }
}

pub async fn start(store: &Arc<dyn Store>, row: Session) {
    let started = store.start(fresh(row)).await.expect("the store works");
    assert!(matches!(started, Started::Row { .. }), "{started:?}");
}
