//! A verifier that knows nothing, and a million revocations that are live.

use cloakroom_verify::clock::{Clock, SystemClock};

use crate::common::Place;
use crate::options::Options;
use crate::world::{follow, serve, service_key, until};

pub async fn run(options: &Options) {
    let place = Place::new();
    // It makes the database.
    drop(serve(&place, "127.0.0.1:0"));
    fill(&place, options.entries);
    let begun = SystemClock.boot();
    let server = serve(&place, "127.0.0.1:0");
    let started = SystemClock.boot().since(begun);
    let key = service_key(&place);
    let before = resident_mb();
    let begun = SystemClock.boot();
    let verifier = follow(&[server.listen], &key);
    until(|| verifier.ready()).await;
    let took = SystemClock.boot().since(begun);
    let metrics = verifier.metrics();
    assert_eq!((metrics.snapshots, metrics.revocations >= options.entries), (1, true), "{metrics:?}");
    println!("\nCold start with {} live revocations\n", metrics.revocations);
    println!("| | |\n|---|--:|");
    println!("| the server, until it serves | {started:?} |");
    println!("| a verifier, until it is ready | {took:?} |");
    println!("| its memory, MB more | {:.1} |", resident_mb() - before);
}

fn fill(place: &Place, entries: usize) {
    let mut database = rusqlite::Connection::open(place.file("cloakroom-dev.db")).expect("the database");
    let transaction = database.transaction().expect("a transaction");
    let head: i64 =
        transaction.query_row("SELECT head FROM feed_head", [], |row| row.get(0)).expect("a head");
    let keep_until = SystemClock.wall().as_millis() + 24 * 60 * 60 * 1000;
    {
        let mut insert = transaction
            .prepare(
                "INSERT INTO feed_events (rv, kind, key, keep_until) VALUES (?1, 'session_revoked', ?2, ?3)",
            )
            .expect("a statement");
        for number in 1..=entries {
            let number = i64::try_from(number).expect("small");
            let mut key = [0_u8; 16];
            key[..8].copy_from_slice(&(number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
            insert.execute(rusqlite::params![head + number, key, keep_until]).expect("it is taken");
        }
    }
    let entries = i64::try_from(entries).expect("small");
    transaction.execute("UPDATE feed_head SET head = head + ?1", [entries]).expect("it is taken");
    transaction.commit().expect("it is kept");
}

fn resident_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or(0.0) / 1000.0
}
