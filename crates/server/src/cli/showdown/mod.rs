//! `cloakroom showdown`: sessions, JWTs and the hybrid of both, measured on this machine.
//!
//! * [`part`]: the servers that Cloakroom is compared with; `classic`: how one of them checks
//! * `plan`: what was typed, as a plan; `hash`: the password hash alone; `watcher`: how far it is
//! * `compare`: two results beside each other
//!
//! What is measured, and how, is in `cloakroom_showdown`.

mod classic;
mod compare;
pub mod part;
mod plan;
mod watcher;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use cloakroom_showdown::plan::Store;
use cloakroom_showdown::run::Failure as RunFailure;
use cloakroom_showdown::{report, run, table};
use tokio::signal::unix::{SignalKind, signal};

use self::compare::CompareArgs;
use self::plan::{duration, plan, without_a_password};
use self::watcher::Watcher;
use super::{Done, Failure, hash, output, talk};
use crate::config::Inputs;

/// See the module.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct ShowdownArgs {
    #[command(subcommand)]
    command: Option<ShowdownCommand>,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Debug, Subcommand)]
enum ShowdownCommand {
    /// Set two results beside each other: whether they differ by more than the spreads they print
    Compare(CompareArgs),
}

/// What is measured.
#[derive(Debug, Args)]
struct RunArgs {
    /// Stores of Cloakroom that take part: sqlite, postgres, redis
    #[arg(long, value_delimiter = ',', default_value = "sqlite", value_name = "STORES")]
    stores: Vec<Store>,
    /// Connections at once, each asking as fast as it is answered
    #[arg(long, value_delimiter = ',', default_value = "1,64,1000", value_name = "NUMBERS",
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    connections: Vec<u32>,
    /// Requests a second, asked whether the last ones were answered or not
    #[arg(long, value_delimiter = ',', default_value = "1000,10000", value_name = "NUMBERS",
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rates: Vec<u32>,
    /// How long each measurement takes
    #[arg(long, default_value = "4s", value_parser = duration)]
    duration: Duration,
    /// How often everybody is measured, in turns
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Logins that take turns
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    logins: u32,
    /// Measure the programs in this folder too (showdown/peers)
    #[arg(long, value_name = "DIR")]
    peers: Option<PathBuf>,
    /// A PostgreSQL on this machine to use, as store.url [default: one of our own, where postgres is installed]
    #[arg(long, value_name = "URL", value_parser = without_a_password)]
    postgres_url: Option<String>,
    /// A Redis on this machine to use [default: one of our own, where redis-server is installed]
    #[arg(long, value_name = "URL", value_parser = without_a_password)]
    redis_url: Option<String>,
    /// Repeats the order of an earlier run
    #[arg(long)]
    seed: Option<u64>,
    // The global --output says how a command prints; here it names files. clap takes a command's own argument of the
    // same name and type instead of the global one.
    /// Where the report goes: STEM.html, and STEM.json beside it
    #[arg(long, default_value = "report", value_name = "STEM")]
    output: String,
}

/// Measures, or sets beside each other what was measured.
pub async fn showdown(inputs: &Inputs, args: ShowdownArgs) -> Done {
    match args.command {
        Some(ShowdownCommand::Compare(args)) => compare::compare(&args),
        None => measure(inputs, args.run).await,
    }
}

/// Measures, prints tables, and writes the report.
async fn measure(inputs: &Inputs, args: RunArgs) -> Done {
    let stem = PathBuf::from(&args.output);
    let (json, html) = (with_extension(&stem, "json"), with_extension(&stem, "html"));
    // Found out now rather than after an hour. What is there stays until there is something to put in its place.
    let writable = std::fs::OpenOptions::new().append(true).create(true).open(&json);
    writable.map_err(|error| Failure::failed(format!("{}: {error}", json.display())))?;
    // Of the configuration nothing else is used: the databases of a deployment are not put under load.
    let params = hash::configured(inputs)?;
    let plan = plan(inputs, args, params)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::failed)?;
    let stop = async {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    let watcher = Watcher::new();
    let measured = run::run(&plan, &watcher, stop).await;
    drop(watcher);
    let mut measured = match measured {
        Ok(measured) => measured,
        Err(failure) => {
            if std::fs::metadata(&json).is_ok_and(|file| file.len() == 0) {
                let _ = std::fs::remove_file(&json);
            }
            return Err(failure.into());
        }
    };
    if !measured.partial {
        measured.hash_millis = hash::took(params).ok().map(|took| took.as_secs_f64() * 1000.0);
    }
    write(&json, &measured.to_json())?;
    write(&html, &report::html(&measured))?;
    if measured.partial {
        talk("it was ended early: the report holds what was measured until then");
    }
    output::line(&table::tables(&measured))?;
    output::line(&format!("\n{}\n{}", html.display(), json.display()))
}

/// A stem may hold dots.
fn with_extension(stem: &Path, extension: &str) -> PathBuf {
    let mut name = stem.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    PathBuf::from(name)
}

fn write(path: &Path, text: &str) -> Done {
    std::fs::write(path, text).map_err(|error| Failure::failed(format!("{}: {error}", path.display())))
}

impl From<RunFailure> for Failure {
    fn from(failure: RunFailure) -> Self {
        match failure {
            RunFailure::Peer(_) | RunFailure::Database(_) => Self::refused(failure),
            RunFailure::Nobody | _ => Self::failed(failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stem_may_hold_dots() {
        assert_eq!(with_extension(Path::new("a/v1.2"), "json"), Path::new("a/v1.2.json"));
    }
}
