//! `cargo xtask mutants`: breaks each rule of refresh and of the feed once, in a copy of the workspace, and demands that
//! the tests see it. A check that cannot fail proves nothing.

mod copy;
mod feed;
mod list;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use list::{Mutant, Suite};

/// What came of a mutant.
enum Fate {
    /// These tests failed.
    Caught(Vec<String>),
    /// This suite did not notice.
    Survived(Suite),
    /// It says nothing: the change does not fit the code, or does not compile.
    Broken(String),
}

/// Runs the mutants whose name contains `wanted`; succeeds iff each is caught.
pub(crate) fn run(wanted: &str) -> ExitCode {
    let chosen: Vec<_> = all().filter(|mutant| mutant.name.contains(wanted)).collect();
    match judge_all(&chosen) {
        Ok(escaped) if escaped == 0 && !chosen.is_empty() => {
            println!("\n{} mutants, each caught", chosen.len());
            ExitCode::SUCCESS
        }
        Ok(escaped) => {
            println!("\n{} mutants, {escaped} not caught", chosen.len());
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("the mutants could not be run: {error}");
            ExitCode::FAILURE
        }
    }
}

fn all() -> impl Iterator<Item = &'static Mutant> {
    list::MUTANTS.iter().chain(feed::MUTANTS)
}

fn judge_all(mutants: &[&Mutant]) -> std::io::Result<usize> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    let place = root.join("target/mutants");
    let bench = Bench { workspace: place.join("workspace"), target: place.join("target") };
    copy::refresh(root, &bench.workspace)?;
    let mut sound: Vec<Suite> = Vec::new();
    let heads = ("mutant", "caught by");
    println!("{:<66} {}", heads.0, heads.1);
    let mut escaped = 0;
    for mutant in mutants {
        for suite in mutant.suites {
            if !sound.contains(suite) {
                bench.must_pass(*suite)?;
                sound.push(*suite);
            }
        }
        let (caught, words) = match bench.judge(mutant)? {
            Fate::Caught(tests) => (true, some_of(&tests)),
            Fate::Survived(suite) => (false, format!("SURVIVES: cargo {}", suite.arguments().join(" "))),
            Fate::Broken(why) => (false, format!("BROKEN: {why}")),
        };
        escaped += usize::from(!caught);
        println!("{:<66} {words}", mutant.name);
    }
    Ok(escaped)
}

/// Where mutants are tried: a copy of the sources, and what was built of it before.
struct Bench {
    workspace: PathBuf,
    target: PathBuf,
}

impl Bench {
    /// A suite that fails without a mutant says nothing about one.
    fn must_pass(&self, suite: Suite) -> std::io::Result<()> {
        eprintln!("without a mutant: cargo {}", suite.arguments().join(" "));
        self.test(suite)?
            .map_err(|output| std::io::Error::other(format!("the tests fail without a mutant:\n{output}")))
    }

    /// Changes the copy, tests it, and changes it back.
    fn judge(&self, mutant: &Mutant) -> std::io::Result<Fate> {
        let file = self.workspace.join(mutant.file);
        let original = fs::read_to_string(&file)?;
        let mutated = match mutant.apply(&original) {
            Ok(mutated) => mutated,
            Err(why) => return Ok(Fate::Broken(why)),
        };
        fs::write(&file, mutated)?;
        let fate = self.fates(mutant.suites);
        fs::write(&file, original)?;
        fate
    }

    /// Each suite must see it.
    fn fates(&self, suites: &[Suite]) -> std::io::Result<Fate> {
        let mut tests = Vec::new();
        for suite in suites {
            match self.fate(*suite)? {
                Fate::Caught(failed) => tests.extend(failed),
                fate @ (Fate::Survived(_) | Fate::Broken(_)) => return Ok(fate),
            }
        }
        Ok(Fate::Caught(tests))
    }

    fn fate(&self, suite: Suite) -> std::io::Result<Fate> {
        let built = self.cargo(suite).arg("--no-run").output()?;
        if !built.status.success() {
            let errors = String::from_utf8_lossy(&built.stderr).into_owned();
            let error =
                errors.lines().find(|line| line.starts_with("error")).unwrap_or("it does not compile");
            return Ok(Fate::Broken(error.to_owned()));
        }
        Ok(match self.test(suite)? {
            Ok(()) => Fate::Survived(suite),
            Err(output) => Fate::Caught(failed(&output)),
        })
    }

    /// `Err`: what a failed run said.
    fn test(&self, suite: Suite) -> std::io::Result<Result<(), String>> {
        let output = self.cargo(suite).output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(Ok(()));
        }
        Ok(Err(text + &String::from_utf8_lossy(&output.stderr)))
    }

    fn cargo(&self, suite: Suite) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(suite.arguments()).current_dir(&self.workspace).env("CARGO_TARGET_DIR", &self.target);
        command
    }
}

/// The first and the last: of the smallest and of the widest suite.
fn some_of(tests: &[String]) -> String {
    match tests {
        [] => String::from("a run that failed before its tests"),
        [one] => one.clone(),
        [first, last] => format!("{first}, {last}"),
        [first, others @ .., last] => format!("{first}, {last} and {} more", others.len()),
    }
}

/// The names of the tests that failed.
fn failed(output: &str) -> Vec<String> {
    let name = |line: &str| {
        let name = line.strip_prefix("test ")?.strip_suffix(" ... FAILED")?;
        Some(name.to_owned())
    };
    output.lines().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The list must keep up with the code: each change fits exactly one place of it.
    #[test]
    fn every_mutant_fits_the_code_as_it_is() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        for mutant in all() {
            let source = fs::read_to_string(root.join(mutant.file)).unwrap();
            let mutated = mutant.apply(&source).unwrap_or_else(|why| panic!("{}: {why}", mutant.name));
            assert_ne!(mutated, source, "{}", mutant.name);
        }
    }

    #[test]
    fn failed_tests_are_read_from_the_output() {
        let output = "test a::b ... ok\ntest c ... FAILED\n\nfailures:\n    c\n";
        assert_eq!(failed(output), ["c"]);
    }
}
