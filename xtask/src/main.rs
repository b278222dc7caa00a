//! `cargo xtask test`: finds what the tests can use, says what is missing, runs everything, sums it up.
//! `cargo xtask mutants`: breaks one rule after the other and demands that the tests see it; not part of the former,
//! since it builds each time.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line talks")]

mod mutants;
mod parts;
mod summary;
#[expect(dead_code, reason = "suites that have to stop a server include it, too")]
mod throwaway;

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use parts::Part;
use summary::Summary;
use throwaway::Throwaway;

/// Names a server that somebody else looks after.
const POSTGRES: &str = "CLOAKROOM_TEST_POSTGRES_URL";

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
    let _postgres = match postgres(&parts) {
        Ok(server) => {
            if let Some(server) = &server {
                command.env(POSTGRES, server.url());
            }
            server
        }
        Err(error) => {
            eprintln!("a throwaway PostgreSQL could not be started: {error}");
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

/// A server of our own, where none is named and its programs are installed.
fn postgres(parts: &[(&'static Part, Option<PathBuf>)]) -> std::io::Result<Option<Throwaway>> {
    match parts::folder_of(parts, "postgres") {
        Some(programs) if std::env::var_os(POSTGRES).is_none() => Throwaway::start(&programs).map(Some),
        Some(_) | None => Ok(None),
    }
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
