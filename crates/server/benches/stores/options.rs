//! What of it was asked for.

use std::time::Duration;

use crate::contender::CREDENTIALS;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Lookups,
    Reads,
    Refresh,
    Recovery,
}

pub struct Options {
    /// None: all.
    parts: Vec<Part>,
    connections: Option<Vec<usize>>,
    /// Of one measurement.
    pub during: Duration,
    /// Each measures every contender once, so that noise hits all alike.
    pub passes: usize,
}

impl Options {
    pub fn of(arguments: impl Iterator<Item = String>) -> Self {
        let mut options =
            Self { parts: Vec::new(), connections: None, during: Duration::from_secs(1), passes: 3 };
        let mut arguments = arguments.peekable();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().unwrap_or_else(|| panic!("{argument} needs a value"));
            match argument.as_str() {
                "lookups" => options.parts.push(Part::Lookups),
                "reads" => options.parts.push(Part::Reads),
                "refresh" => options.parts.push(Part::Refresh),
                "recovery" => options.parts.push(Part::Recovery),
                "--connections" => {
                    let levels: Vec<_> = value().split(',').map(number).collect();
                    assert!(
                        levels.iter().all(|level| *level <= CREDENTIALS),
                        "a login for each of {CREDENTIALS}"
                    );
                    options.connections = Some(levels);
                }
                "--seconds" => options.during = Duration::from_secs(number(&value()) as u64),
                "--passes" => options.passes = number(&value()),
                // By cargo.
                "--bench" => {}
                other => panic!("{other}: see the head of benches/stores/main.rs"),
            }
        }
        options
    }

    pub fn asks_for(&self, part: Part) -> bool {
        self.parts.is_empty() || self.parts.contains(&part)
    }

    /// As many connections as there may be files.
    pub fn connections(&self, usual: &[usize]) -> Vec<usize> {
        let mut levels = self.connections.clone().unwrap_or_else(|| usual.to_vec());
        let limit = open_files();
        levels.retain(|level| {
            let fits = level + 100 < limit;
            if !fits {
                println!("{level} connections are left out: raise `ulimit -n`, which is {limit}\n");
            }
            fits
        });
        levels
    }
}

fn number(text: &str) -> usize {
    text.parse().ok().filter(|number| *number > 0).unwrap_or_else(|| panic!("{text} is no number"))
}

fn open_files() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(usize::MAX)
}
