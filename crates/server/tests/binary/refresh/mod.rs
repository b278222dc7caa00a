//! Refresh under real faults: processes that die, connections that are cut, requests that come twice, tabs and thieves.

pub mod client;
mod hang_up;
mod kill;
mod losses;
mod proxy;
mod races;
mod tabs;
mod theft;

use rusqlite::{Connection, OptionalExtension};

use super::common::*;

/// Hashes that cost nothing, no throttle, and an issuer that outlives the port.
const CHEAP: [&str; 8] = [
    "--set=password.memory_kib=64",
    "--set=password.iterations=1",
    "--set=throttle.per_address=1000000/1m",
    "--set=throttle.per_account=1000000/1m",
    "--set=session.max_per_user=100000",
    // One that is kept waiting by a busy machine must not be taken for a thief.
    "--set=refresh.grace=5m",
    "--public-url",
    "http://127.0.0.1:8080",
];

fn start(place: &Place) -> Server {
    place.dev(&CHEAP)
}

/// The same, where a thief needs no patience: whoever comes later than the millisecond of the first is one.
fn start_without_grace(place: &Place) -> Server {
    place.dev(&[&CHEAP[..], &["--set=refresh.grace=0s"]].concat())
}

fn rounds(variable: &str, usual: u32) -> u32 {
    std::env::var(variable).ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(usual)
}

/// The tables as they are committed, seen from outside.
struct File(Connection);

impl File {
    fn of(place: &Place) -> Self {
        Self(Connection::open(place.file("cloakroom-dev.db")).unwrap())
    }

    /// The generation of this session, and why it ended.
    fn row(&self, session: uuid::Uuid) -> (u32, Option<String>) {
        let sql = "SELECT generation, revoked_reason FROM sessions WHERE id = ?1";
        let mut select = self.0.prepare_cached(sql).unwrap();
        let row = select.query_row([session.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)));
        row.optional().unwrap().expect("the session has its row")
    }
}
