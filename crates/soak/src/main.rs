//! `cloakroom-soak`: the feed under faults. Real servers on a real database, real verifiers in processes of their own,
//! clients that log in and out; and everything that breaks: processes stopped and killed, connections cut, held, slowed and
//! doubled, databases restarted. Everybody writes a log by the clock of the machine; afterwards a checker that knows nothing
//! of the code reads the logs.
//!
//! * [`record`]: what is logged; [`check`]: what must be true of it; [`report`]: what is told
//! * [`drive`]: a run; [`clients`], [`faults`], [`proxy`], [`processes`], [`database`]: its parts
//! * [`verifier`]: the process that checks; [`tamper`]: what makes it wrong, to see that the checker sees
//! * [`dice`]: choices by a seed. Real processes do not run twice alike: a seed repeats the schedule, not the run
//!
//! The program is its own server and verifier: it starts itself, told by a variable what to be. So there is one thing to
//! build, and a run never meets a server of another day.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line talks")]

mod check;
mod clients;
mod database;
mod dice;
mod drive;
mod faults;
mod http;
#[path = "../../../xtask/src/port.rs"]
mod port;
mod processes;
mod proxy;
mod record;
mod report;
mod tamper;
#[path = "../../../xtask/src/throwaway.rs"]
mod throwaway;
#[path = "../../../xtask/src/unprivileged.rs"]
mod unprivileged;
mod verifier;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use database::Kind;
use drive::Order;
use tamper::Tamper;

/// The variable that tells this program to be a part of a run.
const ROLE: &str = "SOAK_ROLE";

/// The feed under faults.
#[derive(Parser)]
struct Command {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Let everything run and break, then read the logs.
    Feed {
        /// How long.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// What is chosen.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Of what the servers keep everything in; SQLite has one server.
        #[arg(long, value_enum, default_value_t = Kind::Postgres)]
        database: Kind,
        /// How many servers.
        #[arg(long, default_value_t = 2)]
        servers: usize,
        /// How many verifier processes.
        #[arg(long, default_value_t = 3)]
        verifiers: usize,
        /// `feed.bound`, in milliseconds.
        #[arg(long, default_value_t = 2000)]
        bound: u64,
        /// Make the verifiers wrong: then the checker must find it.
        #[arg(long, value_enum, default_value_t = Tamper::Not)]
        tamper: Tamper,
        /// Keep the logs there.
        #[arg(long)]
        keep: Option<PathBuf>,
    },
    /// Read the logs of a run again.
    Check {
        /// Where they are.
        folder: PathBuf,
    },
}

fn main() -> ExitCode {
    match std::env::var(ROLE).as_deref() {
        Ok("server") => return cloakroom::cli::main(),
        Ok("verifier") => return verifier::main(),
        Ok(_) | Err(_) => {}
    }
    let run = match Command::parse().what {
        What::Feed { seconds, seed, database, servers, verifiers, bound, tamper, keep } => {
            drive::run(Order { seconds, seed, database, servers, verifiers, bound, tamper, keep })
        }
        What::Check { folder } => record::read(&folder).map(|logs| (logs, String::new())),
    };
    match run {
        Ok((logs, faults)) => {
            let verdict = check::check(&logs);
            print!("{faults}{}", report::report(&logs, &verdict));
            if verdict.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("the run could not be made: {error}");
            ExitCode::from(2)
        }
    }
}
