//! How small and how quick to start: `cargo bench -p cloakroom --bench footprint`. Method: BENCHMARKING.md.
//!
//! Resident memory at rest, after 10,000 sessions, with 512 connections, and after a flood of logins with real
//! hashes; the time from the start of the process to its first answer; `/v1/me` beside that flood.
#![expect(clippy::print_stdout, reason = "a benchmark reports")]
#![expect(clippy::disallowed_methods, reason = "it measures real time")]
#![expect(unreachable_pub, reason = "the harness of the tests is used here too")]

#[path = "../tests/common/mod.rs"]
#[expect(dead_code, reason = "the benchmark uses a part of it")]
mod common;
mod support;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cloakroom_auth::password::{Hasher, Memory, Params, Password};
use common::{PASSWORD, Place, Server};
use support::load::Load;
use support::{cloakroom, get, log_in, resident_mb};

const FLOOD: Duration = Duration::from_secs(5);
const HASHES: usize = 100;

fn main() {
    // One part alone: `-- flood`.
    let chosen = std::env::args().nth(1).filter(|argument| !argument.starts_with('-'));
    for (name, part) in [("start", start as fn()), ("memory", memory), ("flood", flood)] {
        if chosen.as_ref().is_none_or(|chosen| chosen == name) {
            part();
        }
    }
}

/// From the start of the process to the whole first answer, with files that are there.
fn start() {
    let place = Place::new();
    drop(place.dev(&[]));
    let mut starts = Vec::new();
    let mut firsts = Vec::new();
    for _ in 0..11 {
        let start = Instant::now();
        let server = place.dev(&[]);
        let bound = Instant::now();
        assert_eq!(server.get("/v1/me", &[]).status, 401);
        starts.push(start.elapsed());
        firsts.push(bound.elapsed());
    }
    starts.sort_unstable();
    firsts.sort_unstable();
    println!("start to first answer: median {:?}, worst {:?}", starts[5], starts[10]);
    println!("the first request alone: median {:?}, worst {:?}", firsts[5], firsts[10]);
}

fn memory() {
    let place = Place::new();
    let server = Server::start(cloakroom(&place, &[]));
    let pid = server.child.id();
    println!("resident, just started: {:.1} MB", resident_mb(pid));
    let sessions = log_in(&server, "session", 10_000);
    println!("resident, after 10,000 logins by session: {:.1} MB", resident_mb(pid));
    let requests: Vec<_> = sessions.iter().map(|session| get("/v1/me", session)).collect();
    let load = |connections| Load {
        to: server.listen,
        requests: &requests,
        connections,
        during: Duration::from_secs(3),
    };
    load(64).run();
    println!("resident, all 10,000 checked: {:.1} MB", resident_mb(pid));
    load(512).run();
    println!("resident, after 512 connections: {:.1} MB", resident_mb(pid));
}

/// Logins with the hash of the defaults, what the bare hash allows, and what the flood does to everybody else.
fn flood() {
    let place = Place::new();
    let quota = "1000000/1m";
    let server = place.dev(&[
        &format!("--set=throttle.per_address={quota}"),
        &format!("--set=throttle.per_account={quota}"),
        "--set=session.max_per_user=100000",
    ]);
    let (pid, listen) = (server.child.id(), server.listen);
    let requests = [get("/v1/me", &log_in(&server, "session", 1)[0])];
    let load = || Load { to: listen, requests: &requests, connections: 4, during: FLOOD }.run();
    let bare = bare_hashes();
    let (alone, busy) = log_in_during(listen, || std::thread::sleep(FLOOD)).0;
    println!("bare hashes, one thread a core: {bare:.0}/s");
    println!("logins alone: {alone:.0}/s ({:.0} % of bare hashes), refused {busy}", alone / bare * 100.0);
    let quiet = load();
    let ((logins, busy), flooded) = log_in_during(listen, load);
    println!("logins beside /v1/me: {logins:.0}/s, refused {busy}");
    println!("resident, after the floods: {:.1} MB", resident_mb(pid));
    for (name, answered) in [("quiet", quiet), ("under the flood", flooded)] {
        let (p50, p99) = (answered.percentile(50), answered.percentile(99));
        println!("/v1/me, {name}: {} requests, p50 {p50} us, p99 {p99} us", answered.requests);
    }
}

/// Logs in from 32 connections while `meanwhile` runs: successful logins a second, refused ones, and what it returned.
fn log_in_during<T>(listen: SocketAddr, meanwhile: impl FnOnce() -> T) -> ((f64, usize), T) {
    let (logins, busy, ended) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
    let start = Instant::now();
    let returned = std::thread::scope(|threads| {
        for _ in 0..32 {
            threads.spawn(|| {
                let body = serde_json::json!({"email": "alice@example.com", "password": PASSWORD});
                while !ended.load(Ordering::Relaxed) {
                    let status = common::try_post(listen, "/v1/login", &body).map_or(0, |reply| reply.status);
                    let counter = if status == 200 { &logins } else { &busy };
                    counter.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let returned = meanwhile();
        ended.store(true, Ordering::Relaxed);
        returned
    });
    let per_second = logins.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64();
    ((per_second, busy.load(Ordering::Relaxed)), returned)
}

/// Hashes a second with nothing around them, on as many threads as the server uses.
fn bare_hashes() -> f64 {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let hasher = Hasher::new(Params::default()).expect("the defaults");
    let password = Password::parse(&PASSWORD.into()).expect("a password");
    let start = Instant::now();
    std::thread::scope(|threads| {
        for _ in 0..cores {
            threads.spawn(|| {
                let mut memory = Memory::default();
                for _ in 0..HASHES {
                    hasher.hash(&password, [0; 16], &mut memory).expect("a hash");
                }
            });
        }
    });
    (cores * HASHES) as f64 / start.elapsed().as_secs_f64()
}
