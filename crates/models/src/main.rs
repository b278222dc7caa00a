//! `cargo run --release -p cloakroom-models -- refresh|feed`: searches, and prints what was found.
#![expect(clippy::print_stdout, reason = "a command line talks")]

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use cloakroom_models::feed;
use cloakroom_models::refresh::coverage::Coverage;
use cloakroom_models::refresh::rule::FLAWS;
use cloakroom_models::refresh::scenario::Scenario;
use cloakroom_models::refresh::search::{Refuted, refute, search};
use cloakroom_models::refresh::table::{COLUMNS, Row, table};
use comfy_table::Table;
use comfy_table::presets::ASCII_MARKDOWN;

#[derive(Parser)]
#[command(about = "Explores every order of events that a model of Cloakroom's rules allows")]
struct Arguments {
    #[command(subcommand)]
    model: Model,
}

#[derive(Subcommand)]
enum Model {
    /// The refresh rule, the rules that it was chosen over, and mistakes that must be found
    Refresh {
        /// Explore one generation further, everywhere
        #[arg(long)]
        large: bool,
        /// Print the shortest counterexample of each "no", and of each mistake
        #[arg(long)]
        explain: bool,
        /// Explore only the scenarios of the real rule whose name contains this
        #[arg(long)]
        only: Option<String>,
    },
    /// The feed: how fresh a verifier is, what may be minted, and the shortcuts that must be found
    Feed {
        /// Explore one step further, everywhere
        #[arg(long)]
        large: bool,
        /// Print the shortest counterexample of each shortcut
        #[arg(long)]
        explain: bool,
        /// Explore only the scenarios of the real rules whose name contains this
        #[arg(long)]
        only: Option<String>,
    },
}

fn main() -> ExitCode {
    match Arguments::parse().model {
        Model::Refresh { large, explain, only } => refresh(large, explain, only),
        Model::Feed { large, explain, only } => {
            let holds = print_feed(large, only.as_deref().unwrap_or_default());
            let refuted = only.is_some() || print_shortcuts(explain);
            if holds && refuted { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
    }
}

fn refresh(large: bool, explain: bool, only: Option<String>) -> ExitCode {
    if let Some(only) = only {
        return if print_invariants(large, &only) { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let rules = table(u8::from(large));
    println!("{}", rules_table(&rules));
    if explain {
        rules.iter().for_each(explain_row);
    }
    let holds = print_invariants(large, "");
    let refuted = print_flaws(explain);
    if holds && refuted { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn rules_table(rows: &[Row]) -> Table {
    let mut table = blank(&COLUMNS);
    for row in rows {
        let words = [&row.losses, &row.duplicates, &row.theft].map(|cell| cell.claim.word());
        table.add_row([row.rule.name()].into_iter().chain(words));
    }
    table
}

fn explain_row(row: &Row) {
    for (cell, column) in [&row.losses, &row.duplicates, &row.theft].into_iter().zip(&COLUMNS[1..]) {
        if let Some(path) = &cell.against {
            explain_path(&format!("{}: not \"{column}\"", row.rule.name()), path);
        }
    }
}

fn explain_path(title: &str, path: &[String]) {
    println!("{title}");
    path.iter().enumerate().for_each(|(at, step)| println!("  {}. {step}", at + 1));
    println!();
}

/// The real rule in every company.
fn print_invariants(large: bool, only: &str) -> bool {
    let (mut holds, reached) = (true, Coverage::default());
    for scenario in Scenario::real(large).into_iter().filter(|scenario| scenario.name.contains(only)) {
        let title = format!("{} ({} generations)", scenario.name, scenario.generations);
        let checks: Vec<_> = scenario.checks.iter().map(|check| check.name()).collect();
        let found = search(scenario);
        let verdict = if found.broken.is_none() { "holds" } else { "BROKEN" };
        println!("{verdict}: {title}: {} states, depth {}", found.states, found.depth);
        println!("  {}\n  {}", checks.join("; "), found.coverage);
        reached.add(&found.coverage);
        if let Some((check, path)) = found.broken {
            holds = false;
            explain_path(check.name(), &path);
        }
    }
    for gap in reached.gaps().filter(|_| only.is_empty()) {
        holds = false;
        println!("NOT COVERED: {gap}");
    }
    println!();
    holds
}

/// The real rule with a mistake in it.
fn print_flaws(explain: bool) -> bool {
    let mut table = blank(&["mistake", "refuted by", "in", "steps"]);
    let found: Vec<_> = FLAWS.iter().map(|flaw| (*flaw, refute(*flaw))).collect();
    for (flaw, refuted) in &found {
        match refuted {
            Some(Refuted { check, path }) => {
                table.add_row([flaw.words(), check.name(), flaw.scenario(), &path.len().to_string()]);
            }
            None => {
                table.add_row([flaw.words(), "NOTHING", flaw.scenario(), ""]);
            }
        }
    }
    println!("{table}\n");
    for (flaw, refuted) in found.iter().filter(|_| explain) {
        refuted.iter().for_each(|refuted| explain_path(flaw.words(), &refuted.path));
    }
    found.iter().all(|(_, refuted)| refuted.is_some())
}

/// The real rules of the feed in every company.
fn print_feed(large: bool, only: &str) -> bool {
    let mut holds = true;
    let scenarios = feed::search::Scenario::real(large).into_iter();
    for scenario in scenarios.filter(|scenario| scenario.name().contains(only)) {
        let checks: Vec<_> = scenario.checks().iter().map(|check| check.name()).collect();
        let bound = match scenario.steps() {
            0 => String::new(),
            steps => format!(" (up to {steps} events)"),
        };
        let name = scenario.name();
        let found = feed::search::search(scenario);
        let verdict = if found.broken.is_none() { "holds" } else { "BROKEN" };
        println!("{verdict}: {name}{bound}: {} states, depth {}", found.states, found.depth);
        println!("  {}\n  {}", checks.join("; "), found.coverage);
        if let Some((check, path)) = found.broken {
            holds = false;
            explain_path(check.name(), &path);
        }
    }
    println!();
    holds
}

/// The shortcuts that the design warns of.
fn print_shortcuts(explain: bool) -> bool {
    let mut table = blank(&["shortcut", "refuted by", "in", "steps"]);
    let found: Vec<_> = feed::flaw::FLAWS.iter().map(|flaw| (*flaw, feed::search::refute(*flaw))).collect();
    for (flaw, refuted) in &found {
        let (check, steps) = match refuted {
            Some((check, path)) => (check.name(), path.len().to_string()),
            None => ("NOTHING", String::new()),
        };
        table.add_row([flaw.words(), check, flaw.scenario(), &steps]);
    }
    println!("{table}\n");
    for (flaw, refuted) in found.iter().filter(|_| explain) {
        refuted.iter().for_each(|(_, path)| explain_path(flaw.words(), path));
    }
    found.iter().all(|(_, refuted)| refuted.is_some())
}

fn blank(heads: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(heads.to_vec());
    table
}
