//! `cloakroom-simulate refresh`: random schedules on the real code, as many as you like.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line talks")]

use std::process::ExitCode;
use std::sync::Mutex;
use std::thread::available_parallelism;

use clap::{Parser, Subcommand};
use cloakroom_simulate::{Order, Run, Tally, Tamper, run};
use cloakroom_verify::clock::{BootInstant, Clock, SystemClock};

/// A run of so many meets everything that it is about.
const ENOUGH: u64 = 100_000;

/// Random schedules on the real code.
#[derive(Parser)]
struct Command {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Refresh, theft, ends and faults on the real rules and the real SQLite store.
    Refresh {
        /// How many schedules.
        #[arg(long, default_value_t = 100_000)]
        schedules: u64,
        /// The seed of the first; the others count on from it.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// On how many threads; each has a database of its own.
        #[arg(long, default_value_t = available_parallelism().map_or(1, std::num::NonZero::get))]
        threads: usize,
    },
}

fn main() -> ExitCode {
    let What::Refresh { schedules, seed, threads } = Command::parse().what;
    let began = SystemClock.boot();
    let told = Mutex::new(began);
    let progress = |tally: &Tally| {
        let now = SystemClock.boot();
        let mut told = told.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if now.since(*told).as_secs() >= 5 {
            *told = now;
            eprintln!("{} of {schedules} schedules, {}", tally.schedules, speed(tally, began));
        }
    };
    match run(Order { seed, schedules, threads, tamper: Tamper::Not }, &progress) {
        Ok(tally) => {
            println!("{tally}");
            let last = seed.wrapping_add(schedules.saturating_sub(1));
            println!("seeds {seed} to {last}: no promise broken, {}", speed(&tally, began));
            let never = tally.never();
            if schedules >= ENOUGH && !never.is_empty() {
                println!("but these never happened, so nothing is shown about them: {}", never.join("; "));
                return ExitCode::FAILURE;
            }
            ExitCode::SUCCESS
        }
        Err(run) => {
            print(&run);
            ExitCode::FAILURE
        }
    }
}

fn speed(tally: &Tally, began: BootInstant) -> String {
    let seconds = SystemClock.boot().since(began).as_secs_f64();
    format!("{:.0} a second ({seconds:.0} s)", tally.schedules as f64 / seconds.max(0.001))
}

fn print(run: &Run) {
    for line in &run.log {
        println!("{line}");
    }
    if let Some(broken) = &run.broken {
        println!("BROKEN: {broken}");
    }
    println!("again: cloakroom-simulate refresh --seed {} --schedules 1", run.seed);
}
