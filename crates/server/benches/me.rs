//! What `GET /v1/me` costs beside a bare hyper handler and a bare axum handler that answer the same bytes:
//! `cargo bench -p cloakroom --bench me`. Method: BENCHMARKING.md.
//!
//! Every server is a process with one thread on the first core; the load comes from the second. The passes are
//! interleaved, so that noise hits all alike, and the middle one counts.
#![expect(clippy::print_stdout, reason = "a benchmark reports")]
#![expect(clippy::disallowed_methods, reason = "it measures real time")]
#![expect(unreachable_pub, reason = "the harness of the tests is used here too")]

#[path = "../tests/common/mod.rs"]
#[expect(dead_code, reason = "the benchmark uses a part of it")]
mod common;
mod support;

use std::time::Duration;

use common::{Place, Server};
use support::load::Load;
use support::{cloakroom, cpu_seconds, floor, get, leave_the_first_core, log_in, pinned};

const CREDENTIALS: usize = 1000;
const CONNECTIONS: usize = 64;
const PASSES: usize = 5;
const PASS: Duration = Duration::from_secs(2);

struct Contender<'a> {
    name: &'static str,
    server: &'a Server,
    requests: Vec<String>,
    passes: Vec<Pass>,
}

#[derive(Clone, Copy)]
struct Pass {
    per_second: f64,
    cpu_micros: f64,
    p50: u32,
    p99: u32,
}

fn main() {
    if let Some(kind) =
        std::env::args().find_map(|argument| argument.strip_prefix("--floor=").map(String::from))
    {
        return floor::run(&kind);
    }
    leave_the_first_core();
    let places = [Place::new(), Place::new(), Place::new(), Place::new()];
    let eddsa = one_thread(&places[0], &[], &[]);
    let secret = [("CLOAKROOM__TOKEN__SECRET", "mQ7Jp0Zr3vXk1Yb8Wm5Nd2Tf6Hs4Lc9GaeUoRixKw")];
    let hs256 = one_thread(&places[1], &["--set", "token.algorithm=HS256"], &secret);
    let sessions = log_in(&eddsa, "session", CREDENTIALS);
    let body = eddsa.get("/v1/me", &[("authorization", &format!("Bearer {}", sessions[0]))]).text;
    let hyper = floor::start(&places[2], "hyper", &body);
    let axum = floor::start(&places[3], "axum", &body);
    // The floors get a header of the same length, and do not look at it.
    let mut contenders = [
        contender("bare hyper", &hyper, &sessions),
        contender("bare axum", &axum, &sessions),
        contender("session", &eddsa, &sessions),
        contender("HS256, seen before", &hs256, &log_in(&hs256, "jwt", CREDENTIALS)),
        contender("EdDSA, seen before", &eddsa, &log_in(&eddsa, "jwt", CREDENTIALS)),
    ];
    for contender in &contenders {
        contender.measure(PASS / 2);
    }
    for _ in 0..PASSES {
        for contender in &mut contenders {
            let pass = contender.measure(PASS);
            contender.passes.push(pass);
        }
    }
    report(&contenders);
}

fn one_thread(place: &Place, more: &[&str], environment: &[(&str, &str)]) -> Server {
    let mut command = pinned(&cloakroom(place, more));
    command.env("TOKIO_WORKER_THREADS", "1").envs(environment.iter().copied());
    Server::start(command)
}

fn contender<'a>(name: &'static str, server: &'a Server, credentials: &[String]) -> Contender<'a> {
    let requests = credentials.iter().map(|credential| get("/v1/me", credential)).collect();
    Contender { name, server, requests, passes: Vec::new() }
}

impl Contender<'_> {
    fn measure(&self, during: Duration) -> Pass {
        let pid = self.server.child.id();
        let load =
            Load { to: self.server.listen, requests: &self.requests, connections: CONNECTIONS, during };
        let (answered, [before, after]) = load.observed(|| cpu_seconds(pid));
        Pass {
            per_second: answered.requests as f64 / answered.took.as_secs_f64(),
            cpu_micros: (after - before) * 1e6 / answered.requests as f64,
            p50: answered.percentile(50),
            p99: answered.percentile(99),
        }
    }

    /// The pass in the middle, by CPU.
    fn median(&self) -> Pass {
        let mut passes = self.passes.clone();
        passes.sort_by(|one, other| one.cpu_micros.total_cmp(&other.cpu_micros));
        passes[passes.len() / 2]
    }
}

fn report(contenders: &[Contender<'_>]) {
    let floor = contenders[0].median();
    println!(
        "GET /v1/me at {CONNECTIONS} connections, {CREDENTIALS} credentials, {PASSES} passes of {PASS:?}\n"
    );
    println!("|  | server CPU us/request | x bare hyper | requests/s | p50 us | p99 us | all passes |");
    println!("|---|--:|--:|--:|--:|--:|---|");
    for contender in contenders {
        let Pass { per_second, cpu_micros, p50, p99 } = contender.median();
        let ratio = cpu_micros / floor.cpu_micros;
        let all: Vec<_> = contender.passes.iter().map(|pass| format!("{:.2}", pass.cpu_micros)).collect();
        let (name, all) = (contender.name, all.join(" "));
        println!("| {name} | {cpu_micros:.2} | {ratio:.2} | {per_second:.0} | {p50} | {p99} | {all} |");
    }
}
