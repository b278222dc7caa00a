//! What each store costs, beside peers and pgbench in the same run: `cargo bench -p cloakroom --bench stores`.
//! Method: BENCHMARKING.md.
//!
//! * `reads`: `GET /v1/me` from each store, and how axum's users do the same today (showdown/peers/axum, if built)
//! * `lookups`: the same lookups without HTTP, shared and each by itself, on PostgreSQL
//! * `refreshes`: `POST /v1/refresh`, beside `pgbench` with the same UPDATE
//! * `recovery`: how long after a fault of a store answers are as before
//!
//! One part alone: `-- reads`, `-- lookups`, `-- refresh`, `-- recovery`. `--connections 1,64,1000`, `--seconds 2` a
//! measurement, `--passes 5`. Nothing is pinned: the servers, their stores and one thread of load share the cores.
//!
//! * `options`: what of it was asked for
//! * `postgres`, `redis`: throwaway servers, or those that CLOAKROOM_TEST_POSTGRES_URL and CLOAKROOM_TEST_REDIS_URL name
//! * `contender`: a server with credentials, and what it was seen to cost; `peer`: one that is not ours
//! * `pgbench`: the floor of a refresh; `report`: tables, ratios and goals
#![expect(clippy::print_stdout, reason = "a benchmark reports")]
#![expect(clippy::disallowed_methods, reason = "it measures real time")]
#![expect(unreachable_pub, reason = "the harness of the tests is used here too")]

#[path = "../../tests/common/mod.rs"]
#[expect(dead_code, reason = "the benchmark uses a part of it")]
mod common;
#[path = "../support/mod.rs"]
mod support;
#[path = "../../../../xtask/src/throwaway.rs"]
mod throwaway;
#[path = "../../../../xtask/src/throwaway_redis.rs"]
#[expect(dead_code, reason = "the benchmark uses a part of it")]
mod throwaway_redis;

mod contender;
mod lookups;
mod options;
mod peer;
mod pgbench;
#[path = "../../../../xtask/src/port.rs"]
mod port;
mod postgres;
mod reads;
mod recovery;
mod redis;
mod refreshes;
mod report;
#[path = "../../../../xtask/src/unprivileged.rs"]
mod unprivileged;

use options::{Options, Part};
use postgres::Postgres;
use redis::Redis;

fn main() {
    let options = Options::of(std::env::args().skip(1));
    report::machine();
    if [Part::Reads, Part::Lookups, Part::Refresh].into_iter().any(|part| options.asks_for(part)) {
        let (postgres, redis) = (Postgres::find(), Redis::find());
        if options.asks_for(Part::Reads) {
            reads::run(&options, postgres.as_ref(), redis.as_ref());
        }
        if let Some(postgres) = postgres.as_ref().filter(|_| options.asks_for(Part::Lookups)) {
            lookups::run(&options, postgres);
        }
        if options.asks_for(Part::Refresh) {
            refreshes::run(&options, postgres.as_ref(), redis.as_ref());
        }
    }
    if options.asks_for(Part::Recovery) {
        recovery::run();
    }
}
