//! How commands print: data on stdout as a table or as JSON, the log on stderr.

use std::io::{IsTerminal, Write};

use serde::Serialize;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

use super::{Done, Failure};
use crate::metrics;

/// What `--output` may say.
pub const NAMES: [&str; 2] = ["table", "json"];

/// How data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// Something that is printed in columns.
pub trait Columns: Serialize {
    /// The names of the columns.
    const NAMES: &'static [&'static str];
    /// One line.
    fn cells(&self) -> Vec<String>;
}

impl Output {
    /// One of [`NAMES`]; what a command means by another is its own affair.
    pub fn named(name: &str) -> Self {
        if name == "json" { Self::Json } else { Self::Table }
    }

    /// Prints a list.
    pub fn list<T: Columns>(self, rows: &[T]) -> Done {
        match self {
            Self::Json => line(&serde_json::to_string_pretty(rows).map_err(Failure::failed)?),
            Self::Table => line(&table(rows)),
        }
    }

    /// Prints one thing: as JSON, or as a list of one.
    pub fn one<T: Columns>(self, row: &T) -> Done {
        match self {
            Self::Json => line(&serde_json::to_string_pretty(row).map_err(Failure::failed)?),
            Self::Table => line(&table(std::slice::from_ref(row))),
        }
    }
}

fn table<T: Columns>(rows: &[T]) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(T::NAMES.iter().map(|name| name.to_uppercase()));
    for row in rows {
        table.add_row(row.cells());
    }
    table.trim_fmt()
}

/// Prints a line of data. A reader that has gone away (`| head`) is no failure.
pub fn line(text: &str) -> Done {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::failed(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// How far a long command is, on one line of stderr that is wiped at its end; nothing where nobody watches.
#[derive(Debug)]
pub struct Progress {
    live: bool,
    what: &'static str,
}

impl Progress {
    /// Of this many things of a kind.
    pub fn begin(what: &'static str) -> Self {
        Self { live: std::io::stderr().is_terminal(), what }
    }

    /// So many of so many are done.
    pub fn tell(&self, done: u64, of: u64) {
        const WIDTH: usize = 30;
        let share = (done * WIDTH as u64).checked_div(of).map_or(0, |share| share as usize).min(WIDTH);
        self.show(&format!("[{:<WIDTH$}] {done} of {of} {}", "#".repeat(share), self.what));
    }

    /// Says something else in its place.
    #[expect(clippy::print_stderr, reason = "a command line talks on stderr")]
    pub fn show(&self, text: &str) {
        if self.live {
            eprint!("\r\x1b[K{text}");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.show("");
    }
}

/// Lines of the log that wait for whoever reads stderr; beyond them lines are dropped and counted.
const LOG_LINES: usize = 16 * 1024;

/// The log goes to stderr: everything of note for a server, only trouble for other commands. `CLOAKROOM_LOG` says
/// otherwise (`debug`, `audit=info`), `NO_COLOR` is honoured.
///
/// Written by a thread of its own: a collector that stalls must not stop those who log in. What is still waiting is
/// written when the guard is dropped.
pub fn log_to_stderr(is_server: bool) -> WorkerGuard {
    let usual = if is_server { "info" } else { "warn" };
    let filter = std::env::var("CLOAKROOM_LOG").unwrap_or_else(|_| String::from(usual));
    let colour =
        std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|off| off.is_empty());
    let (writer, guard) =
        NonBlockingBuilder::default().buffered_lines_limit(LOG_LINES).lossy(true).finish(std::io::stderr());
    metrics::watch_log(writer.error_counter());
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new(usual)))
        .with_writer(writer)
        .with_ansi(colour)
        .init();
    guard
}
