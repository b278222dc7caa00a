//! `cargo xtask test`: finds what the tests can use, says what is missing, runs everything, sums it up.
//! `cargo xtask mutants`: breaks one rule after the other and demands that the tests see it; not part of the former,
//! since it builds each time.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line talks")]

mod mutants;
mod parts;
mod port;
mod summary;
#[expect(dead_code, reason = "suites that have to stop a server include it, too")]
mod throwaway;
#[expect(dead_code, reason = "suites that have to stop a server include it, too")]
mod throwaway_redis;
mod unprivileged;

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use parts::Part;
use summary::Summary;
use throwaway::Throwaway;
use throwaway_redis::ThrowawayRedis;

/// These name servers that somebody else looks after.
const POSTGRES: &str = "CLOAKROOM_TEST_POSTGRES_URL";
const REDIS: &str = "CLOAKROOM_TEST_REDIS_URL";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("test") => test(&arguments.collect::<Vec<_>>()),
        Some("mutants") => mutants::run(&arguments.next().unwrap_or_default()),
        Some(_) | None => {
            eprintln!("usage: cargo xtask test [-- ARGUMENTS OF cargo test]");
            eprintln!("       cargo xtask mutants [PART OF A NAME]");
            ExitCode::from(2)
        }
    }
}

fn test(arguments: &[String]) -> ExitCode {
    let parts = parts::find();
    eprint!("{}", parts::table(&parts));
    let missing = parts::missing(&parts);
    let all_required = std::env::var("CLOAKROOM_TEST_REQUIRE").is_ok_and(|value| value == "all");
    if all_required && !missing.is_empty() {
        eprintln!("CLOAKROOM_TEST_REQUIRE=all, but these are missing: {}", missing.join(", "));
        return ExitCode::FAILURE;
    }
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["test", "--workspace", "--all-features", "--no-fail-fast"]);
    command.args(arguments.iter().filter(|argument| *argument != "--"));
    // Until the tests have ended.
    let (_postgres, _redis) = match servers(&parts, &mut command) {
        Ok(servers) => servers,
        Err(error) => {
            eprintln!("a throwaway server could not be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    match run(command) {
        Ok((ok, summary)) => {
            println!("\n{summary}");
            if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("cargo test could not be run: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Servers of our own, where none are named and their programs are installed; the tests are told where they are.
fn servers(
    parts: &[(&'static Part, Option<PathBuf>)],
    tests: &mut Command,
) -> std::io::Result<(Option<Throwaway>, Option<ThrowawayRedis>)> {
    let named = |name| std::env::var_os(name).is_some();
    let postgres = parts::folder_of(parts, "postgres").filter(|_| !named(POSTGRES));
    let postgres = postgres.map(|programs| Throwaway::start(&programs)).transpose()?;
    if let Some(server) = &postgres {
        tests.env(POSTGRES, server.url());
    }
    let redis = parts::program_of(parts, "redis-server").filter(|_| !named(REDIS));
    let redis = redis.map(|program| ThrowawayRedis::start(program, &[])).transpose()?;
    if let Some(server) = &redis {
        tests.env(REDIS, server.url());
    }
    Ok((postgres, redis))
}

/// Passes the output through and counts on the way.
fn run(mut command: Command) -> std::io::Result<(bool, Summary)> {
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let mut summary = Summary::default();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let line = line?;
            summary.read(&line);
            println!("{line}");
        }
    }
    Ok((child.wait()?.success(), summary))
}
