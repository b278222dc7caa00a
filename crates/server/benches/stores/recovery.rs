//! How long after a fault of a store answers are as before.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::common::{PASSWORD, Place, Server};
use crate::support::cloakroom;
use crate::throwaway::Throwaway;
use crate::throwaway_redis::ThrowawayRedis;
use crate::{postgres, redis};

/// Each fault so often.
const ROUNDS: usize = 5;
/// For how long all must be well before it counts as healed.
const WELL: Duration = Duration::from_millis(1500);
/// How long a store is silent, or full.
const AWAY: Duration = Duration::from_secs(5);
/// How long is waited for that.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request that is asked again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ask {
    Me,
    Login,
    Refresh,
}

/// What came of one request in one round.
#[derive(Debug, Clone, Copy)]
struct Healed {
    ask: Ask,
    /// From the fault to the store's being there again.
    away: Duration,
    /// From that to the first answer after the last refusal.
    after: Duration,
    slowest: Duration,
    refused: usize,
    /// Neither 2xx nor 503.
    wrong: usize,
}

struct Answer {
    asked: Instant,
    came: Instant,
    status: u16,
}

pub fn run() {
    let Some(programs) = postgres::programs("postgres") else {
        println!("Recovery is left out: PostgreSQL is not installed\n");
        return;
    };
    println!("Recovery, {ROUNDS} rounds each; milliseconds\n");
    println!(
        "| fault | request | the store was away | then refused for: median | worst | slowest answer | refusals \
         | wrong |"
    );
    println!("|---|---|--:|--:|--:|--:|--:|--:|");
    let mut postgres = Throwaway::start(&programs).expect("a server of its own");
    let place = Place::new();
    let server = serve(&place, &postgres, None);
    let asks = [Ask::Me, Ask::Login, Ask::Refresh];
    for (fault, signal) in [("Postgres restarted", "INT"), ("Postgres crashed", "QUIT")] {
        suffer(fault, &server, &asks, || {
            postgres.stop(signal).and_then(|()| postgres.resume()).expect("it is")
        });
    }
    suffer("its connections terminated", &server, &asks, || terminate(&postgres.url()));
    suffer("Postgres silent", &server, &asks, || silence(&all_of(&postgres.url())));
    drop(server);
    let Some(program) = redis::program() else {
        println!("\nRedis is not installed: left out\n");
        return;
    };
    let mut redis = ThrowawayRedis::start(&program, &[]).expect("a server of its own");
    let place = Place::new();
    let server = serve(&place, &postgres, Some(&redis));
    // Of a Redis that was restarted no refresh token is believed: its generations may be old.
    suffer("Redis killed and restarted", &server, &[Ask::Me, Ask::Login], || {
        save(&redis.url());
        redis.kill().and_then(|()| redis.resume()).expect("it is there again");
    });
    suffer("Redis silent", &server, &asks, || {
        let told: String = ask_redis(&redis.url(), ::redis::cmd("INFO").arg("server"));
        let own = told.lines().find_map(|line| line.strip_prefix("process_id:")).expect("Redis says so");
        silence(&[own.trim().to_owned()]);
    });
    suffer("Redis out of memory", &server, &asks, || {
        let limit = |bytes: u32| {
            let (mut set, url) = (::redis::cmd("CONFIG"), redis.url());
            let _: String = ask_redis(&url, set.arg("SET").arg("maxmemory").arg(bytes));
        };
        limit(1);
        std::thread::sleep(AWAY);
        limit(0);
    });
    println!();
}

fn serve(place: &Place, postgres: &Throwaway, redis: Option<&ThrowawayRedis>) -> Server {
    let more = ["--set", "session.freshness=always", "--set", "throttle.per_account=1000000/1m"];
    let mut command = cloakroom(place, &more);
    command.env("CLOAKROOM__STORE__URL", postgres.url()).env("CLOAKROOM_LOG", "off");
    if let Some(redis) = redis {
        command.env("CLOAKROOM__STORE__SESSIONS", redis.url());
    }
    let server = Server::start(command);
    let account = json!({"email": "alice@example.com", "password": PASSWORD});
    let status = server.post("/v1/signup", &account).status;
    assert!(status == 201 || status == 409);
    server
}

/// Does this to it again and again, and tells what its clients see.
fn suffer(fault: &str, server: &Server, asks: &[Ask], mut strike: impl FnMut()) {
    let mut healed = Vec::new();
    for _ in 0..ROUNDS {
        healed.extend(round(server, asks, &mut strike));
    }
    for &ask in asks {
        let of_this: Vec<_> = healed.iter().filter(|healed| healed.ask == ask).collect();
        let sorted = |one: fn(&Healed) -> Duration| {
            let mut all: Vec<_> = of_this.iter().map(|healed| one(healed)).collect();
            all.sort_unstable();
            all
        };
        let (away, after) = (sorted(|healed| healed.away), sorted(|healed| healed.after));
        let slowest = sorted(|healed| healed.slowest)[ROUNDS - 1];
        let (refused, wrong) = of_this
            .iter()
            .fold((0, 0), |(refused, wrong), healed| (refused + healed.refused, wrong + healed.wrong));
        let name = match ask {
            Ask::Me => "`GET /v1/me`, always",
            Ask::Login => "`POST /v1/login`",
            Ask::Refresh => "`POST /v1/refresh`",
        };
        println!(
            "| {fault} | {name} | {} | {} | {} | {} | {refused} | {wrong} |",
            away[ROUNDS / 2].as_millis(),
            after[ROUNDS / 2].as_millis(),
            after[ROUNDS - 1].as_millis(),
            slowest.as_millis()
        );
    }
}

fn round(server: &Server, asks: &[Ask], strike: &mut impl FnMut()) -> Vec<Healed> {
    let ended = AtomicBool::new(false);
    let all: Vec<_> = asks.iter().map(|_| Heard::default()).collect();
    let (fault, back) = std::thread::scope(|threads| {
        for (&ask, heard) in asks.iter().zip(&all) {
            let ended = &ended;
            threads.spawn(move || keep_asking(server, ask, heard, ended));
        }
        until("all is well", || all.iter().all(Heard::is_well));
        let fault = Instant::now();
        strike();
        let back = Instant::now();
        until("all is well again", || back.elapsed() > WELL && all.iter().all(Heard::is_well));
        ended.store(true, Ordering::Relaxed);
        (fault, back)
    });
    asks.iter().zip(all).map(|(&ask, heard)| judge(ask, &heard.answers(), fault, back)).collect()
}

/// What one request was answered so far.
#[derive(Default)]
struct Heard(Mutex<Vec<Answer>>);

impl Heard {
    fn answers(&self) -> MutexGuard<'_, Vec<Answer>> {
        self.0.lock().expect("nobody panics")
    }

    /// Good answers lately, and no other ones.
    fn is_well(&self) -> bool {
        let answers = self.answers();
        let mut lately = answers.iter().rev().take_while(|answer| answer.came.elapsed() < WELL).peekable();
        lately.peek().is_some() && lately.all(Answer::is_good)
    }
}

impl Answer {
    fn is_good(&self) -> bool {
        self.status < 300
    }
}

fn judge(ask: Ask, answers: &[Answer], fault: Instant, back: Instant) -> Healed {
    let since: Vec<_> = answers.iter().filter(|answer| answer.came > fault).collect();
    let refused = since.iter().filter(|answer| !answer.is_good()).count();
    let wrong = since.iter().filter(|answer| !answer.is_good() && answer.status != 503).count();
    let first_again = since.iter().rposition(|answer| !answer.is_good()).map_or(0, |last| last + 1);
    let healed = since.get(first_again).map_or(fault, |answer| answer.came);
    let slowest = since.iter().map(|answer| answer.came - answer.asked).max().unwrap_or_default();
    Healed { ask, away: back - fault, after: healed.saturating_duration_since(back), slowest, refused, wrong }
}

fn keep_asking(server: &Server, ask: Ask, heard: &Heard, ended: &AtomicBool) {
    let login = |strategy: &str| json!({"email": "alice@example.com", "password": PASSWORD, "strategy": strategy, "transport": "body"});
    let mut token = match ask {
        Ask::Me => server.login("alice", "session"),
        Ask::Login => String::new(),
        Ask::Refresh => {
            let granted = server.post("/v1/login", &login("hybrid"));
            granted.body["refresh_token"].as_str().expect("a refresh token").to_owned()
        }
    };
    while !ended.load(Ordering::Relaxed) {
        let asked = Instant::now();
        let status = match ask {
            Ask::Me => server.me(&token),
            Ask::Login => server.post("/v1/login", &login("session")).status,
            Ask::Refresh => {
                let body = json!({"refresh_token": token, "attempt": "0123456789abcdef"});
                let reply = server.post("/v1/refresh", &body);
                if let Some(next) = reply.body["refresh_token"].as_str() {
                    next.clone_into(&mut token);
                }
                reply.status
            }
        };
        heard.answers().push(Answer { asked, came: Instant::now(), status });
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Of everybody but whoever says so.
fn terminate(url: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (client, connection) =
            tokio_postgres::connect(url, tokio_postgres::NoTls).await.expect("it answers");
        tokio::spawn(connection);
        let all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
        client.batch_execute(all).await.expect("it is done");
    });
}

/// The processes of a server: the one that takes connections first.
fn all_of(url: &str) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (client, connection) =
            tokio_postgres::connect(url, tokio_postgres::NoTls).await.expect("it answers");
        tokio::spawn(connection);
        let all = "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1) \
                   UNION ALL SELECT pid::text FROM pg_stat_activity WHERE pid <> pg_backend_pid()";
        client.query(all, &[]).await.expect("it tells").iter().map(|row| row.get(0)).collect()
    })
}

/// Connections are taken, and nobody answers.
fn silence(processes: &[String]) {
    let signal = |name: &str| {
        // One that ended meanwhile is no failure.
        std::process::Command::new("kill").arg(name).args(processes).output().expect("kill is there");
    };
    signal("-STOP");
    std::thread::sleep(AWAY);
    signal("-CONT");
}

fn save(url: &str) {
    let _: String = ask_redis(url, &::redis::cmd("SAVE"));
}

fn ask_redis<T: ::redis::FromRedisValue>(url: &str, command: &::redis::Cmd) -> T {
    let connection = ::redis::Client::open(url).and_then(|client| client.get_connection());
    command.query(&mut connection.expect("it answers")).expect("it is done")
}
