//! `POST /v1/refresh`, each connection with a login of its own and an attempt as an honest client; beside it `pgbench`,
//! which does the same UPDATE and nothing else.

use crate::contender::{Contender, Work};
use crate::options::Options;
use crate::pgbench::Floor;
use crate::postgres::Postgres;
use crate::redis::Redis;
use crate::report;

const CONNECTIONS: [usize; 4] = [1, 32, 64, 1000];
const POSTGRES: &str = "Postgres";
const GOAL: f64 = 0.7;

pub fn run(options: &Options, postgres: Option<&Postgres>, redis: Option<&Redis>) {
    let mut contenders = vec![ours("SQLite", None, None)];
    let mut floor = None;
    if let Some(server) = postgres {
        contenders.push(ours(POSTGRES, Some(server), None));
        floor = Floor::on(server);
        if let Some(redis) = redis {
            contenders.push(ours("Redis", Some(server), Some(redis)));
        }
    }
    let levels = options.connections(&CONNECTIONS);
    for contender in &mut contenders {
        contender.warm_up(levels[0].max(32));
    }
    let mut floors = Vec::new();
    for _ in 0..options.passes {
        floors.extend(floor.as_ref().map(|floor| floor.run(options.during)));
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
        let title = format!("POST /v1/refresh, {passes} passes of {during:?}");
        report::table(&title, connections, &contenders);
    }
    if floors.is_empty() {
        return;
    }
    let rate = report::middle(floors.iter().copied());
    println!("- pgbench, the same UPDATE, {} clients: {rate:.0} a second", Floor::CLIENTS);
    for &connections in &levels {
        if let Some(rates) = report::rates(&contenders, POSTGRES, connections) {
            let what = format!("refreshes on Postgres with {connections} connections / pgbench");
            report::ratio(&what, &rates, &floors, (connections == Floor::CLIENTS).then_some(GOAL));
        }
    }
    println!();
}

fn ours<'s>(name: &'static str, postgres: Option<&'s Postgres>, redis: Option<&'s Redis>) -> Contender<'s> {
    let database = postgres.map(|server| server.database(&format!("refresh_{}", name.to_lowercase())));
    Contender::ours(name, Work::Refreshes, &[], database, redis.map(Redis::keys))
}
