//! `cloakroom showdown`: sessions, JWTs and the hybrid of both, measured on this machine.
//!
//! * [`part`]: the servers that Cloakroom is compared with; `classic`: how one of them checks
//! * `compare`: two results beside each other
//!
//! What is measured, and how, is in `cloakroom_showdown`.

mod classic;
mod compare;
pub mod part;

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use clap::{Args, Subcommand};
use cloakroom_auth::password::{Hasher, Memory, Params, Password};
use cloakroom_showdown::plan::{Plan, Store};
use cloakroom_showdown::run::Failure as RunFailure;
use cloakroom_showdown::watch::Watch;
use cloakroom_showdown::{report, run, table};
use cloakroom_verify::clock::{Clock, SystemClock};
use secrecy::SecretString;
use tokio::signal::unix::{SignalKind, signal};

use self::compare::CompareArgs;
use super::output::{self, Progress};
use super::{Done, Failure, talk};
use crate::config::{Config, Inputs, Mode};

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
    #[arg(long, default_value = "10s", value_parser = duration)]
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
    let params = params(inputs)?;
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
        measured.hash_millis = hash_millis(params);
    }
    write(&json, &measured.to_json())?;
    write(&html, &report::html(&measured))?;
    if measured.partial {
        talk("it was ended early: the report holds what was measured until then");
    }
    output::line(&table::tables(&measured))?;
    output::line(&format!("\n{}\n{}", html.display(), json.display()))
}

fn plan(inputs: &Inputs, args: RunArgs, params: Params) -> Result<Plan, Failure> {
    let program = std::env::current_exe().map_err(Failure::failed)?;
    let given = |flag: Option<String>, variable: &str| {
        let found = inputs.environment.iter().find(|(name, _)| name == variable);
        flag.or_else(|| found.map(|(_, value)| value.clone()))
    };
    let mut stores = args.stores;
    stores.dedup();
    Ok(Plan {
        program,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: typed(std::env::args_os()),
        stores,
        connections: args.connections,
        rates: args.rates,
        during: args.duration,
        rounds: args.rounds,
        logins: args.logins,
        seed: args.seed.unwrap_or_else(|| u64::try_from(SystemClock.wall().as_millis()).unwrap_or_default()),
        peers: args.peers,
        postgres_url: given(args.postgres_url, "CLOAKROOM_TEST_POSTGRES_URL"),
        redis_url: given(args.redis_url, "CLOAKROOM_TEST_REDIS_URL"),
        settings: vec![
            (String::from("password.memory_kib"), params.memory_kib.to_string()),
            (String::from("password.iterations"), params.iterations.to_string()),
            (String::from("password.parallelism"), params.parallelism.to_string()),
        ],
    })
}

/// The password hash as it is configured here, of which nothing else is used: the databases of a deployment are not
/// put under load.
fn params(inputs: &Inputs) -> Result<Params, Failure> {
    let (config, _) = Config::load(&Inputs { mode: Mode::Development, ..inputs.clone() })?;
    let password = config.password;
    Ok(Params {
        memory_kib: password.memory_kib,
        iterations: password.iterations,
        parallelism: password.parallelism,
    })
}

/// What was typed, fit to be typed again.
fn typed(arguments: impl Iterator<Item = OsString>) -> String {
    let plain = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_=,./:".contains(&byte))
    };
    let words = arguments.skip(1).map(|argument| {
        let text = argument.to_string_lossy().into_owned();
        if plain(&text) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
    });
    std::iter::once(String::from("cloakroom")).chain(words).collect::<Vec<_>>().join(" ")
}

/// The middle of several hashes by one thread.
fn hash_millis(params: Params) -> Option<f64> {
    const HASHES: usize = 11;
    let hasher = Hasher::new(params).ok()?;
    let password = Password::parse(&SecretString::from("seven lanterns above the harbour")).ok()?;
    let mut memory = Memory::default();
    let mut one = || {
        let start = SystemClock.boot();
        // Without a stored hash it costs the same, and is never right.
        hasher.verify(&password, None, &mut memory).ok()?;
        Some(SystemClock.boot().since(start).as_secs_f64() * 1000.0)
    };
    let mut took = (0..HASHES).map(|_| one()).collect::<Option<Vec<f64>>>()?;
    took.sort_by(f64::total_cmp);
    took.get(HASHES / 2).copied()
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

fn duration(text: &str) -> Result<Duration, String> {
    let parsed = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    let allowed = Duration::from_millis(50)..=Duration::from_secs(3600);
    if allowed.contains(&parsed) { Ok(parsed) } else { Err(String::from("expected 50ms to 1h")) }
}

/// What is typed ends in the report, and is seen by every user of the machine.
fn without_a_password(text: &str) -> Result<String, String> {
    let authority = text.split_once("://").map_or("", |(_, rest)| rest).split('/').next().unwrap_or_default();
    let has_password = authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'));
    if has_password || text.contains("password=") {
        return Err(String::from(
            "a password is never an argument: use CLOAKROOM_TEST_POSTGRES_URL or CLOAKROOM_TEST_REDIS_URL",
        ));
    }
    Ok(text.to_owned())
}

/// Tells on stderr how far it is.
struct Watcher(Mutex<Progress>);

impl Watcher {
    fn new() -> Self {
        Self(Mutex::new(Progress::begin("")))
    }
}

impl Watch for Watcher {
    fn step(&self, what: &str, over: Duration, of: Duration) {
        const WIDTH: usize = 20;
        let share = if of.is_zero() { 0.0 } else { over.as_secs_f64() / of.as_secs_f64() };
        let full = "#".repeat(((share * WIDTH as f64) as usize).min(WIDTH));
        let left = humantime::format_duration(Duration::from_secs(of.saturating_sub(over).as_secs()));
        if let Ok(progress) = self.0.lock() {
            progress.show(&format!("[{full:<WIDTH$}] about {left} left: {what}"));
        }
    }

    fn note(&self, text: &str) {
        if let Ok(progress) = self.0.lock() {
            progress.show("");
        }
        // A reader that has gone away must not end it in the middle: there is something to clean up.
        let _ = writeln!(std::io::stderr(), "cloakroom: {text}");
    }
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
    fn a_password_is_not_typed_and_what_was_typed_can_be_typed_again() {
        for url in ["postgres://a:b@127.0.0.1/x", "redis://:b@127.0.0.1", "postgres://127.0.0.1/x?password=b"]
        {
            assert!(without_a_password(url).unwrap_err().contains("never an argument"), "{url}");
        }
        for url in ["postgres://a@127.0.0.1:5432/x", "redis://127.0.0.1:6379"] {
            assert!(without_a_password(url).is_ok(), "{url}");
        }
        let typed =
            typed(["/x/cloakroom", "showdown", "--peers", "it's here"].map(OsString::from).into_iter());
        assert_eq!(typed, r"cloakroom showdown --peers 'it'\''s here'");
    }

    #[test]
    fn a_stem_may_hold_dots() {
        assert_eq!(with_extension(Path::new("a/v1.2"), "json"), Path::new("a/v1.2.json"));
    }
}
