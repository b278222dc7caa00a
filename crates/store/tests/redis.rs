//! What Redis can do to the logins that are kept in it: forget, go back in time, hang, be full, be replaced. At worst
//! somebody logs in again.
#![cfg(all(feature = "redis", feature = "sqlite"))]
#![expect(clippy::unwrap_used, reason = "bodies of tests are functions")]
#![expect(clippy::wildcard_enum_match_arm, reason = "what else comes fails the test")]

#[expect(dead_code, reason = "this suite uses a part of it")]
mod common;
#[cfg(feature = "postgres")]
#[expect(dead_code, reason = "this suite uses a part of it")]
#[path = "common/postgres.rs"]
mod database;
#[path = "redis/faults.rs"]
mod faults;
#[path = "redis/moves.rs"]
mod moves;
#[path = "redis/places.rs"]
mod places;
#[path = "../../../xtask/src/port.rs"]
mod port;
#[path = "redis/races.rs"]
mod races;
#[expect(dead_code, reason = "other suites use the rest")]
#[path = "../../../xtask/src/throwaway_redis.rs"]
mod throwaway_redis;
#[path = "redis/tls.rs"]
mod tls;
#[path = "../../../xtask/src/unprivileged.rs"]
mod unprivileged;

use std::path::PathBuf;
use std::sync::Arc;

use cloakroom_auth::email::EmailKey;
use cloakroom_auth::privilege::{Holder, StepUp};
use cloakroom_auth::refresh::Ask;
use cloakroom_auth::session::RowStrategy;
use cloakroom_auth::store::{Rotation, Store};
use cloakroom_store::{OpenError, Purpose};
use cloakroom_verify::{OpaqueKind, SessionId, UserId};
use common::skip::skip;
use common::*;
use throwaway_redis::ThrowawayRedis;

/// A SQLite file beside a Redis of its own.
struct World {
    redis: ThrowawayRedis,
    file: File,
}

impl World {
    /// `None`, said loudly, where there is no `redis-server`.
    async fn new(settings: &[&str]) -> Option<Self> {
        let world = Self { redis: server(settings)?, file: File::new() };
        world.file.migrate().await;
        Some(world)
    }

    async fn serve(&self) -> Arc<dyn Store> {
        self.open(Purpose::Serve).await.expect("both are there")
    }

    /// Another process beside the server.
    async fn beside(&self) -> Arc<dyn Store> {
        self.open(Purpose::Command).await.expect("both are there")
    }

    async fn open(&self, purpose: Purpose) -> Result<Arc<dyn Store>, OpenError> {
        self.open_at(&self.redis.url(), purpose).await
    }

    async fn open_at(&self, sessions: &str, purpose: Purpose) -> Result<Arc<dyn Store>, OpenError> {
        cloakroom_store::open_with_sessions(&self.file.url(), sessions, purpose, now()).await
    }

    /// The bytes of a row.
    fn row(&self, id: SessionId) -> Vec<u8> {
        let mut command = ::redis::cmd("HGET");
        command.arg(format!("cloakroom:{{{id}}}")).arg("row");
        command.query(&mut connect(&self.redis.url())).unwrap()
    }

    /// Writes them as they were.
    fn put_back(&self, id: SessionId, row: &[u8]) {
        let mut command = ::redis::cmd("HSET");
        command.arg(format!("cloakroom:{{{id}}}")).arg("row").arg(row);
        command.exec(&mut connect(&self.redis.url())).unwrap();
    }

    fn tell<T: ::redis::FromRedisValue>(&self, command: &[&str]) -> T {
        tell(&self.redis.url(), command)
    }
}

fn connect(url: &str) -> ::redis::Connection {
    ::redis::Client::open(url).unwrap().get_connection().unwrap()
}

/// Runs a command, as an operator would.
fn tell<T: ::redis::FromRedisValue>(url: &str, command: &[&str]) -> T {
    let mut told = ::redis::Cmd::new();
    for word in command {
        told.arg(*word);
    }
    told.query(&mut connect(url)).unwrap()
}

fn server(settings: &[&str]) -> Option<ThrowawayRedis> {
    try_server(settings).map(|started| started.expect("it starts"))
}

fn try_server(settings: &[&str]) -> Option<std::io::Result<ThrowawayRedis>> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let program = std::env::split_paths(&path).map(|folder| folder.join("redis-server"));
    let Some(program) = program.into_iter().find(|file: &PathBuf| file.is_file()) else {
        skip("Redis", "apt-get install redis-server");
        return None;
    };
    Some(ThrowawayRedis::start(&program, settings))
}

async fn login(store: &Arc<dyn Store>, n: u8, user: UserId, strategy: RowStrategy) -> SessionId {
    let row = row(store, n, user, strategy).await;
    let id = row.id;
    start(store, row).await;
    id
}

fn ask(session: SessionId, generation: u32) -> Ask {
    Ask {
        session,
        kind: OpaqueKind::Refresh,
        generation,
        attempt: None,
        proof: None,
        now: now(),
        grace: MINUTE,
        lives: 0,
    }
}

fn step_up(user: UserId, session: SessionId) -> StepUp {
    StepUp { user, proved: hash("$1"), holder: Holder { session, generation: None }, now: now() }
}

async fn rotate(store: &Arc<dyn Store>, id: SessionId, generation: u32) {
    let rotation = store.rotate(&ask(id, generation)).await.unwrap();
    assert!(matches!(rotation, Rotation::Rotated(_)), "{rotation:?}");
}

/// Whether a login would be let in.
async fn lives(store: &Arc<dyn Store>, id: SessionId) -> bool {
    let found = store.find(id).await.unwrap();
    found.is_some_and(|found| found.session.judge(&found.user, found.as_of, now()).is_ok())
}

fn alices() -> EmailKey {
    key("alice@example.com")
}
