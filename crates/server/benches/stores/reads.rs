//! `GET /v1/me`: with `session.freshness = "always"` each one is answered by the store, with `bounded` none is once it
//! is warm, whatever the store.

use crate::contender::{Contender, Work};
use crate::options::Options;
use crate::postgres::Postgres;
use crate::redis::Redis;
use crate::{peer, report};

const CONNECTIONS: [usize; 4] = [1, 64, 512, 1000];

const POSTGRES: &str = "Cloakroom, Postgres, always";
const REDIS: &str = "Cloakroom, Redis, always";
const THEIR_POSTGRES: &str = "tower-sessions, Postgres";
const THEIR_REDIS: &str = "tower-sessions, Redis";
const THEIR_TOKENS: &str = "axum + jsonwebtoken";

/// Their goals (the other contender, connections, how many times its rate).
const GOALS: [(&str, usize, f64); 4] = [
    (THEIR_POSTGRES, 64, 3.0),
    (THEIR_POSTGRES, 512, 4.0),
    (THEIR_REDIS, 64, 1.15),
    (THEIR_REDIS, 512, 1.15),
];

pub fn run(options: &Options, postgres: Option<&Postgres>, redis: Option<&Redis>) {
    let mut contenders = contenders(postgres, redis);
    let levels = options.connections(&CONNECTIONS);
    for contender in &mut contenders {
        contender.warm_up(levels[0].max(64));
    }
    for _ in 0..options.passes {
        for &connections in &levels {
            for contender in &mut contenders {
                contender.measure(connections, options.during);
            }
        }
    }
    postgres.inspect(|server| server.count(true));
    for &connections in &levels {
        for contender in &mut contenders {
            contender.count(connections);
        }
    }
    postgres.inspect(|server| server.count(false));
    let (passes, during) = (options.passes, options.during);
    for &connections in &levels {
        let title = format!("GET /v1/me, {passes} passes of {during:?}");
        report::table(&title, connections, &contenders);
    }
    ratios(&contenders, &levels);
}

fn contenders<'s>(postgres: Option<&'s Postgres>, redis: Option<&'s Redis>) -> Vec<Contender<'s>> {
    const ALWAYS: [&str; 2] = ["--set", "session.freshness=always"];
    let ours = |name, more: &[&str], database, keys| Contender::ours(name, Work::Reads, more, database, keys);
    let mut all = vec![ours("Cloakroom, SQLite, always", &ALWAYS, None, None)];
    if let Some(server) = postgres {
        all.push(ours("Cloakroom, Postgres, bounded", &[], Some(server.database("bounded")), None));
        all.push(ours(POSTGRES, &ALWAYS, Some(server.database("always")), None));
        if let Some(redis) = redis {
            all.push(ours(REDIS, &ALWAYS, Some(server.database("redis")), Some(redis.keys())));
        }
    }
    let Some(program) = peer::program() else { return all };
    let peer = |name, mode, database, keys| Contender::peer(name, &program, mode, database, keys);
    if let Some(server) = postgres {
        all.push(peer(THEIR_POSTGRES, "tower-sessions-postgres", Some(server.database("peer")), None));
    }
    if let Some(server) = redis {
        all.push(peer(THEIR_REDIS, "tower-sessions-redis", None, Some(server.keys())));
    }
    for (name, mode) in [
        ("tower-sessions, in memory", "tower-sessions-memory"),
        (THEIR_TOKENS, "jsonwebtoken"),
        ("bare axum", "floor-axum"),
        ("bare hyper", "floor-hyper"),
    ] {
        all.push(peer(name, mode, None, None));
    }
    all
}

fn ratios(contenders: &[Contender<'_>], levels: &[usize]) {
    for &connections in levels {
        for name in [POSTGRES, REDIS] {
            for other in [THEIR_POSTGRES, THEIR_REDIS, THEIR_TOKENS] {
                let rates = |name| report::rates(contenders, name, connections);
                let Some((ours, theirs)) = rates(name).zip(rates(other)) else { continue };
                let goal =
                    GOALS.iter().find(|goal| name == POSTGRES && (goal.0, goal.1) == (other, connections));
                let what = format!("{name} / {other}, {connections} connections");
                report::ratio(&what, &ours, &theirs, goal.map(|goal| goal.2));
            }
        }
    }
    println!();
}
