//! `cloakroom hash calibrate`: what a password hash costs on this machine, and which parameters fit a time.

use std::time::Duration;

use clap::{Args, Subcommand};
use cloakroom_auth::password::{HashUnreadable, Hasher, Memory, Params, Password};
use cloakroom_verify::clock::{Clock, SystemClock};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::output::{Columns, Output};
use super::{Done, Failure, talk};
use crate::config::{self, Inputs, Layers};

/// Memory to choose from in KiB, and the fewest iterations that OWASP takes with it (Password Storage Cheat Sheet).
const CHOICES: [(u32, u32); 5] = [(19_456, 2), (47_104, 1), (65_536, 1), (131_072, 1), (262_144, 1)];
const MOST_ITERATIONS: u32 = 64;
/// Each is measured so often, and the middle one counts.
const RUNS: usize = 7;

/// See the module.
#[derive(Debug, Subcommand)]
pub enum HashCommand {
    /// Measure password hashes on this machine, and recommend parameters that fit a time
    Calibrate(CalibrateArgs),
}

/// What is affordable.
#[derive(Debug, Args)]
pub struct CalibrateArgs {
    /// How long one hash may take
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    target: u32,
    /// How much memory one hash may take; there are as many at once as cores
    #[arg(long, value_name = "KIB", default_value_t = 65_536)]
    memory_kib: u32,
}

#[derive(Debug, Serialize)]
struct ParamsRow {
    memory_kib: u32,
    iterations: u32,
    parallelism: u32,
    milliseconds: f64,
    a_second_per_core: f64,
    note: &'static str,
}

impl Columns for ParamsRow {
    const NAMES: &'static [&'static str] =
        &["memory_kib", "iterations", "parallelism", "milliseconds", "a second per core", "note"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.memory_kib.to_string(),
            self.iterations.to_string(),
            self.parallelism.to_string(),
            format!("{:.1}", self.milliseconds),
            format!("{:.1}", self.a_second_per_core),
            self.note.to_owned(),
        ]
    }
}

/// Runs one of them. What is measured goes to stdout, what to write into `cloakroom.toml` to stderr.
pub fn hash(inputs: &Inputs, command: &HashCommand, output: Output) -> Done {
    let HashCommand::Calibrate(args) = command;
    let configured = configured(inputs)?;
    let now = took(configured).map_err(Failure::refused)?;
    let chosen = choose(args, configured.parallelism, took).map_err(Failure::failed)?;
    let mut rows = vec![row(configured, now, "configured")];
    let best = chosen.iter().rposition(|choice| choice.fits);
    for (n, choice) in chosen.iter().enumerate() {
        let note = match (choice.fits, Some(n) == best) {
            (true, true) => "recommended",
            (true, false) => "fits",
            (false, _) => "too slow",
        };
        rows.push(row(choice.params, choice.took, note));
    }
    output.list(&rows)?;
    match best.map(|best| chosen[best].params) {
        Some(Params { memory_kib, iterations, .. }) => {
            talk(&format!(
                "in cloakroom.toml:\n[password]\nmemory_kib = {memory_kib}\niterations = {iterations}"
            ));
        }
        None => talk("nothing that OWASP takes fits: allow more time, and 19456 KiB at least"),
    }
    Ok(())
}

/// The hash as it is configured, in a configuration that may lack all the rest: it is asked for before there is a
/// deployment.
pub(super) fn configured(inputs: &Inputs) -> Result<Params, Failure> {
    #[derive(Deserialize)]
    struct Configured {
        password: config::Password,
    }
    let Configured { password } = Layers::read(inputs)?.parse()?;
    Ok(password.params())
}

#[derive(Debug, PartialEq)]
struct Choice {
    params: Params,
    took: Duration,
    fits: bool,
}

/// For each amount of memory that is affordable, the most iterations that fit: memory first, then time (RFC 9106,
/// section 4). So the last that fits is the best.
fn choose<E>(
    args: &CalibrateArgs,
    parallelism: u32,
    mut measure: impl FnMut(Params) -> Result<Duration, E>,
) -> Result<Vec<Choice>, E> {
    let target = Duration::from_millis(args.target.into());
    let affordable = CHOICES.iter().filter(|(memory_kib, _)| *memory_kib <= args.memory_kib);
    affordable
        .map(|&(memory_kib, fewest)| {
            let mut params = Params { memory_kib, iterations: fewest, parallelism };
            let mut took = measure(params)?;
            // Time grows with the iterations; whether the last one still fits is measured and not believed.
            let each = took / fewest;
            let most = u32::try_from(target.as_nanos() / each.as_nanos().max(1)).unwrap_or(MOST_ITERATIONS);
            for iterations in (fewest + 1..=most.min(MOST_ITERATIONS)).rev() {
                let tried = Params { iterations, ..params };
                let measured = measure(tried)?;
                if measured <= target {
                    (params, took) = (tried, measured);
                    break;
                }
            }
            Ok(Choice { params, took, fits: took <= target })
        })
        .collect()
}

/// The middle of several hashes by one thread.
pub(super) fn took(params: Params) -> Result<Duration, HashUnreadable> {
    let hasher = Hasher::new(params)?;
    let password = SecretString::from("seven lanterns above the harbour");
    let password = Password::parse(&password).map_err(|_| HashUnreadable)?;
    let mut memory = Memory::default();
    let mut one = || {
        let start = SystemClock.boot();
        // Without a stored hash it costs the same, and is never right.
        hasher.verify(&password, None, &mut memory)?;
        Ok(SystemClock.boot().since(start))
    };
    // The first one asks the system for the memory.
    one()?;
    let mut runs = (0..RUNS).map(|_| one()).collect::<Result<Vec<_>, _>>()?;
    runs.sort_unstable();
    Ok(runs[RUNS / 2])
}

fn row(params: Params, took: Duration, note: &'static str) -> ParamsRow {
    let Params { memory_kib, iterations, parallelism } = params;
    let tenths = |number: f64| (number * 10.0).round() / 10.0;
    ParamsRow {
        memory_kib,
        iterations,
        parallelism,
        milliseconds: tenths(took.as_secs_f64() * 1000.0),
        a_second_per_core: tenths(1.0 / took.as_secs_f64().max(1e-6)),
        note,
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    /// On a machine where a MiB and pass takes `micros`, and each hash a millisecond besides.
    fn chosen(target: u32, memory_kib: u32, micros: u64) -> Vec<(u32, u32, bool)> {
        let args = CalibrateArgs { target, memory_kib };
        let choices = choose::<Infallible>(&args, 1, |params| {
            let passes = u64::from(params.memory_kib / 1024) * u64::from(params.iterations);
            Ok(Duration::from_micros(passes * micros + 1000))
        });
        let Ok(choices) = choices;
        choices
            .iter()
            .map(|choice| (choice.params.memory_kib, choice.params.iterations, choice.fits))
            .collect()
    }

    #[test]
    fn the_most_iterations_that_fit_are_chosen_for_each_memory() {
        assert_eq!(chosen(100, 65_536, 400), [(19_456, 12, true), (47_104, 5, true), (65_536, 3, true)]);
        assert_eq!(chosen(100, 20_000, 400), [(19_456, 12, true)]);
    }

    #[test]
    fn nothing_weaker_than_owasp_takes_is_chosen_and_nothing_absurd() {
        assert_eq!(chosen(10, 65_536, 400), [(19_456, 2, false), (47_104, 1, false), (65_536, 1, false)]);
        assert_eq!(chosen(10_000, 19_456, 1), [(19_456, 64, true)]);
    }
}
