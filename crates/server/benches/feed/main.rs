//! What the feed takes: from the acknowledgement of a revocation until the last of many verifiers refuses; beside what
//! people use instead; how long a million revocations take to be known anew; and a rolling restart.
//! `cargo bench -p cloakroom --bench feed`. Method and figures: BENCHMARKING.md.
//!
//! One part alone: `-- spread`, `-- sustained`, `-- baselines`, `-- cold`, `-- rolling`; `--verifiers 100,1000`,
//! `--revocations 10000`, `--entries 1000000`. Verifiers are the real ones, over HTTP, all in this process.
#![expect(clippy::print_stdout, reason = "a benchmark reports")]
#![expect(unreachable_pub, reason = "the harness of the tests is used here too")]

mod baselines;
mod cold;
#[path = "../../tests/common/mod.rs"]
#[expect(dead_code, reason = "the benchmark uses a part of it")]
mod common;
mod http;
mod options;
mod rolling;
mod spread;
mod sustained;
mod world;

use options::{Options, Part};

fn main() {
    let options = Options::of(std::env::args().skip(1));
    println!("load of the machine: {}", load());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    for part in [Part::Spread, Part::Sustained, Part::Baselines, Part::Cold, Part::Rolling] {
        if !options.asks_for(part) {
            continue;
        }
        match part {
            Part::Spread => runtime.block_on(spread::run(&options)),
            Part::Sustained => runtime.block_on(sustained::run(&options)),
            Part::Baselines => runtime.block_on(baselines::run()),
            Part::Cold => runtime.block_on(cold::run(&options)),
            Part::Rolling => runtime.block_on(rolling::run()),
        }
    }
    println!("load of the machine: {}", load());
}

/// Of the last one, five and fifteen minutes: what else it was busy with.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}
