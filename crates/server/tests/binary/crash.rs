//! kill -9 under load: what was acknowledged is there, and nothing is half there.
//!
//! Each round starts a server on the same files, lets workers sign up, log in, refresh and log out, and kills it
//! after a number of acknowledged requests that differs from round to round. The next server must agree with what
//! the workers were told. `CLOAKROOM_CRASH_ROUNDS` runs more rounds.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::common::*;

const WORKERS: usize = 8;

/// What became of something that a worker began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Acknowledged, and not ended since.
    Live,
    /// Its end was acknowledged.
    Ended,
    /// Its end was asked for, and nobody knows.
    Unknown,
}

/// What a worker was told.
#[derive(Debug)]
enum Fact {
    /// A signup was acknowledged.
    Account(String),
    /// A signup was sent, and nobody knows.
    PerhapsAccount(String),
    /// A login by session or jwt.
    Shown(String, State),
    /// A login by hybrid: the last refresh token that was stored, and the attempt that was sent with it, if any.
    Hybrid(String, Option<String>, State),
}

#[test]
fn what_was_acknowledged_is_there_after_a_kill_and_nothing_is_half_there() {
    let rounds = std::env::var("CLOAKROOM_CRASH_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(10);
    let place = Place::new();
    // Cheap hashes: what is tested is the database, not the patience.
    let cheap = ["--set", "password.memory_kib=64", "--set", "password.iterations=1"];
    let cheap: Vec<_> = cheap
        .into_iter()
        .chain(["--set", "throttle.per_address=1000000/1m"])
        // The issuer must not change with the port.
        .chain(["--public-url", "http://127.0.0.1:8080"])
        .collect();
    for round in 0..rounds {
        let mut server = place.dev(&cheap);
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let workers: Vec<_> = (0..WORKERS)
            .map(|worker| {
                let (listen, acknowledged) = (server.listen, Arc::clone(&acknowledged));
                std::thread::spawn(move || work(listen, round, worker, &acknowledged))
            })
            .collect();
        let until = 20 + (round * 37) % 200;
        // A worker that found something wrong has ended: join() below tells what.
        while acknowledged.load(Ordering::Relaxed) < until
            && !workers.iter().any(|worker| worker.is_finished())
        {
            std::thread::yield_now();
        }
        server.kill();
        let facts: Vec<Fact> = workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect();
        check_file(&place);
        let server = place.dev(&cheap);
        facts.iter().for_each(|fact| agree(&server, fact));
    }
    // The file as a whole.
    check_file(&place);
}

/// Works until the server is gone and tells what it was told.
fn work(listen: SocketAddr, round: usize, worker: usize, acknowledged: &AtomicUsize) -> Vec<Fact> {
    let mut facts = Vec::new();
    let post = |path: &str, body: Value, headers: &[(&str, &str)]| {
        let headers: Vec<_> =
            [("content-type", "application/json")].into_iter().chain(headers.iter().copied()).collect();
        let reply = request(listen, "POST", path, &headers, &body.to_string()).ok()?;
        acknowledged.fetch_add(1, Ordering::Relaxed);
        Some(reply)
    };
    for n in 0.. {
        let email = format!("r{round}w{worker}n{n}@example.com");
        let Some(reply) = post("/v1/signup", json!({"email": email, "password": PASSWORD}), &[]) else {
            facts.push(Fact::PerhapsAccount(email));
            break;
        };
        assert_eq!(reply.status, 201, "{reply:?}");
        facts.push(Fact::Account(email.clone()));
        let login = |strategy: &str| {
            let body =
                json!({"email": email, "password": PASSWORD, "strategy": strategy, "transport": "body"});
            post("/v1/login", body, &[])
        };
        for (strategy, member) in [("session", "session_token"), ("jwt", "access_token")] {
            let Some(reply) = login(strategy) else { return facts };
            let token = reply.body[member].as_str().unwrap().to_owned();
            if n % 2 == 0 {
                facts.push(Fact::Shown(token, State::Live));
                continue;
            }
            let bearer = format!("Bearer {token}");
            let ended = post("/v1/logout", json!({}), &[("authorization", bearer.as_str())]);
            let state = if ended.is_some() { State::Ended } else { State::Unknown };
            facts.push(Fact::Shown(token, state));
            if ended.is_none() {
                return facts;
            }
        }
        let Some(reply) = login("hybrid") else { return facts };
        let mut token = reply.body["refresh_token"].as_str().unwrap().to_owned();
        for turn in 0..3 {
            // Stored before it is sent, as an honest client does.
            let attempt = format!("the-attempt-of-{round}-{worker}-{n}-{turn}");
            let body = json!({"refresh_token": token, "attempt": attempt});
            let Some(reply) = post("/v1/refresh", body, &[]) else {
                facts.push(Fact::Hybrid(token, Some(attempt), State::Live));
                return facts;
            };
            assert_eq!(reply.status, 200, "{reply:?}");
            token = reply.body["refresh_token"].as_str().unwrap().to_owned();
        }
        if n % 2 == 0 {
            facts.push(Fact::Hybrid(token, None, State::Live));
            continue;
        }
        let ended = post("/v1/logout", json!({"refresh_token": token}), &[]);
        let state = if ended.is_some() { State::Ended } else { State::Unknown };
        facts.push(Fact::Hybrid(token, None, state));
        if ended.is_none() {
            return facts;
        }
    }
    facts
}

/// Fails unless this server agrees with what a worker was told.
fn agree(server: &Server, fact: &Fact) {
    let login = |email: &str| server.post("/v1/login", &json!({"email": email, "password": PASSWORD})).status;
    match fact {
        Fact::Account(email) => assert_eq!(login(email), 200, "{fact:?}"),
        Fact::PerhapsAccount(email) => {
            // There whole, or not there at all.
            let there = login(email) == 200;
            let again = server.post("/v1/signup", &json!({"email": email, "password": PASSWORD})).status;
            assert_eq!(again, if there { 409 } else { 201 }, "{fact:?}");
        }
        Fact::Shown(token, state) => match state {
            State::Live => assert_eq!(server.me(token), 200, "{fact:?}"),
            State::Ended => assert_eq!(server.me(token), 401, "{fact:?}"),
            State::Unknown => assert!([200, 401].contains(&server.me(token)), "{fact:?}"),
        },
        Fact::Hybrid(token, attempt, state) => {
            let attempt = attempt.clone().unwrap_or_else(|| String::from("a-new-attempt-after-all"));
            let body = json!({"refresh_token": token, "attempt": attempt});
            let status = server.post("/v1/refresh", &body).status;
            match state {
                State::Live => assert_eq!(status, 200, "{fact:?}"),
                State::Ended => assert_eq!(status, 401, "{fact:?}"),
                State::Unknown => assert!([200, 401].contains(&status), "{fact:?}"),
            }
        }
    }
}

/// The pages fit together, each ended session has its event and each event its session, and no number is missing.
fn check_file(place: &Place) {
    let connection = rusqlite::Connection::open(place.file("cloakroom-dev.db")).unwrap();
    let one = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    let whole: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(whole, "ok");
    assert_eq!(
        one("SELECT count(*) FROM sessions s LEFT JOIN feed_events e ON e.rv = s.revoked_rv \
             WHERE s.revoked_rv IS NOT NULL AND e.rv IS NULL"),
        0,
        "a session ended without its event"
    );
    assert_eq!(
        one("SELECT count(*) FROM feed_events e LEFT JOIN sessions s ON s.revoked_rv = e.rv \
             WHERE e.kind = 'session_revoked' AND s.id IS NULL"),
        0,
        "an event without the end of its session"
    );
    assert_eq!(
        one("SELECT count(*) FROM feed_events e, feed_head h WHERE e.rv > h.head"),
        0,
        "events past the head"
    );
    // Nothing is purged in a test, and no event replaces another here: each epoch is dense.
    assert_eq!(
        one("SELECT count(*) FROM (SELECT rv & 4294967295 AS seq, \
             row_number() OVER (PARTITION BY rv >> 32 ORDER BY rv) AS place FROM feed_events) WHERE seq <> place"),
        0,
        "a number is missing"
    );
}
