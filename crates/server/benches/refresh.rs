//! What a refresh costs on SQLite with `synchronous = FULL`, and what bounds it:
//! `cargo bench -p cloakroom --bench refresh`. Method: BENCHMARKING.md.
//!
//! The server has the first core, the load and the floors have the second; all of them write to one disk. The floors
//! update the same row of the same table through rusqlite: one commit each, and 64 in one commit. A pass measures
//! everything once, so that noise hits all alike, and the middle pass of each counts.
#![expect(clippy::print_stdout, reason = "a benchmark reports")]
#![expect(clippy::disallowed_methods, reason = "it measures real time")]
#![expect(unreachable_pub, reason = "the harness of the tests is used here too")]

#[path = "../tests/common/mod.rs"]
#[expect(dead_code, reason = "the benchmark uses a part of it")]
mod common;
mod support;

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use aws_lc_rs::signature::Ed25519KeyPair;
use common::{PASSWORD, Place, Server};
use rusqlite::Connection;
use support::{cloakroom, cpu_seconds, leave_the_first_core, log_in, pinned, refreshing};

const CONNECTIONS: [usize; 4] = [1, 16, 64, 256];
const PASSES: usize = 5;
const PASS: Duration = Duration::from_secs(1);
const GROUP: usize = 64;

/// What one pass saw of one contender.
#[derive(Clone, Copy, Default)]
struct Pass {
    per_second: f64,
    cpu_micros: f64,
    /// How much of its core the server used.
    busy: f64,
    commits: f64,
    p50: u32,
    p99: u32,
}

fn main() {
    leave_the_first_core();
    let place = Place::new();
    let server = Server::start(pinned(&cloakroom(&place, &[])));
    let database = place.file("cloakroom-dev.db");
    log_in(&server, "jwt", 1);
    let mut logins: Vec<_> = (0..CONNECTIONS[3]).map(|_| hybrid(&server)).collect();
    let copy = place.file("floor.db");
    Connection::open(&database)
        .and_then(|file| file.execute("VACUUM INTO ?1", [copy.to_str()]))
        .expect("a copy of the tables");
    let mut file = Floor::on(&copy);

    let mut fsync = Vec::new();
    let mut sign = Vec::new();
    let mut alone = Vec::new();
    let mut grouped = Vec::new();
    let mut refreshes = CONNECTIONS.map(|_| Vec::new());
    for _ in 0..PASSES {
        fsync.push(floor(1, || file.sync_a_page()));
        sign.push(bare_signatures());
        alone.push(floor(1, || file.commit(1)));
        for (connections, passes) in CONNECTIONS.into_iter().zip(&mut refreshes) {
            passes.push(refresh(&server, &database, &mut logins[..connections]));
        }
        grouped.push(floor(GROUP, || file.commit(GROUP)));
    }
    report(
        [("write of a page + fsync", fsync), ("EdDSA signature, one core", sign)],
        [("one UPDATE a commit", alone), ("64 UPDATEs a commit", grouped)],
        refreshes,
    );
}

/// A login that can be refreshed.
fn hybrid(server: &Server) -> String {
    let login = serde_json::json!({"email": "alice@example.com", "password": PASSWORD, "strategy": "hybrid"});
    server.post("/v1/login", &login).body["refresh_token"].as_str().expect("a refresh token").to_owned()
}

/// Each connection renews a login of its own, one refresh after the other, with an attempt as an honest client.
fn refresh(server: &Server, database: &Path, logins: &mut [String]) -> Pass {
    let pid = server.child.id();
    let observe = || (cpu_seconds(pid), commits_of(database));
    let (answered, [before, after]) = refreshing::observed(server.listen, logins, PASS, observe);
    let (took, requests) = (answered.took.as_secs_f64(), answered.requests as f64);
    let cpu = after.0 - before.0;
    Pass {
        per_second: requests / took,
        cpu_micros: cpu * 1e6 / requests,
        busy: cpu / took,
        commits: f64::from(after.1.wrapping_sub(before.1)) / requests,
        p50: answered.percentile(50),
        p99: answered.percentile(99),
    }
}

/// How many transactions were committed: the field `iChange` of SQLite's WAL index (walformat.html, section 2.1).
fn commits_of(database: &Path) -> u32 {
    let mut name = database.as_os_str().to_owned();
    name.push("-shm");
    let mut index = File::open(name).expect("the server has it open");
    let mut count = [0; 4];
    index.seek(SeekFrom::Start(8)).and_then(|_| index.read_exact(&mut count)).expect("a header");
    u32::from_ne_bytes(count)
}

/// How often this can be done in a second, `each` at a time, and the median of how long one act takes.
fn floor(each: usize, mut act: impl FnMut()) -> Pass {
    let (start, mut took) = (Instant::now(), Vec::new());
    while start.elapsed() < PASS {
        let begun = Instant::now();
        act();
        took.push(u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
    let per_second = (took.len() * each) as f64 / start.elapsed().as_secs_f64();
    took.sort_unstable();
    Pass {
        per_second,
        commits: 1.0 / each as f64,
        p50: took[took.len() / 2],
        p99: took[took.len() * 99 / 100],
        ..Pass::default()
    }
}

fn bare_signatures() -> Pass {
    let key = Ed25519KeyPair::generate().expect("a key");
    // As long as the header and the claims of an access token.
    let message = [b'x'; 500];
    floor(1, || {
        std::hint::black_box(key.sign(&message));
    })
}

/// The same rows without a server.
struct Floor {
    connection: Connection,
    ids: Vec<Vec<u8>>,
    next: usize,
    page: File,
}

impl Floor {
    fn on(copy: &Path) -> Self {
        let connection = Connection::open(copy).expect("it opens");
        connection
            .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -1024")
            .expect("as the server has it");
        let ids = connection
            .prepare("SELECT id FROM sessions")
            .and_then(|mut select| select.query_map([], |row| row.get(0))?.collect())
            .expect("the rows are there");
        let page = File::create(copy.with_extension("page")).expect("a file");
        Self { connection, ids, next: 0, page }
    }

    fn commit(&mut self, updates: usize) {
        let transaction = self.connection.transaction().expect("nobody else writes");
        for _ in 0..updates {
            self.next = (self.next + 1) % self.ids.len();
            transaction
                .prepare_cached(
                    "UPDATE sessions SET generation = generation + 1, spent = ?2, keyed = 1, \
                     last_used_at = last_used_at + 1 WHERE id = ?1",
                )
                .and_then(|mut update| update.execute((&self.ids[self.next], [0_u8; 164])))
                .expect("it is written");
        }
        transaction.commit().expect("it is written");
    }

    /// By `fsync`, which is what the bundled SQLite calls.
    fn sync_a_page(&mut self) {
        self.page
            .seek(SeekFrom::Start(0))
            .and_then(|_| self.page.write_all(&[0; 4096]))
            .and_then(|()| self.page.sync_all())
            .expect("it is written");
    }
}

/// The pass in the middle, by its rate.
fn median(mut passes: Vec<Pass>) -> Pass {
    passes.sort_by(|one, other| one.per_second.total_cmp(&other.per_second));
    passes[passes.len() / 2]
}

fn report(bounds: [(&str, Vec<Pass>); 2], floors: [(&str, Vec<Pass>); 2], refreshes: [Vec<Pass>; 4]) {
    println!("POST /v1/refresh on SQLite, synchronous = FULL; {PASSES} passes of {PASS:?} each\n");
    for (name, passes) in bounds {
        let Pass { per_second, p50, p99, .. } = median(passes);
        println!("{name}: {per_second:.0}/s, p50 {p50} us, p99 {p99} us");
    }
    let floors = floors.map(|(name, passes)| (name, median(passes)));
    let bare = floors[0].1.per_second;
    println!(
        "\n|  | a second | x one UPDATE a commit | commits each | p50 us | p99 us | server CPU us each \
         | of its core |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|");
    let row = |name: &str, pass: Pass| {
        let Pass { per_second, cpu_micros, busy, commits, p50, p99 } = pass;
        let ratio = per_second / bare;
        println!(
            "| {name} | {per_second:.0} | {ratio:.2} | {commits:.3} | {p50} | {p99} | {cpu_micros:.0} | {busy:.2} |"
        );
    };
    for (name, pass) in floors {
        row(name, pass);
    }
    for (connections, passes) in CONNECTIONS.into_iter().zip(refreshes) {
        row(&format!("refresh, {connections} connections"), median(passes));
    }
}
