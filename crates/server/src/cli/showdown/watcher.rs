//! How far it is, on stderr.

use std::io::Write;
use std::sync::Mutex;
use std::time::Duration;

use cloakroom_showdown::watch::Watch;

use crate::cli::output::Progress;

/// Tells on stderr how far it is.
pub(super) struct Watcher(Mutex<Progress>);

impl Watcher {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Progress::begin("")))
    }
}

impl Watch for Watcher {
    fn step(&self, what: &str, over: f64, left: Duration) {
        const WIDTH: usize = 20;
        let full = "#".repeat(((over * WIDTH as f64) as usize).min(WIDTH));
        let left = humantime::format_duration(Duration::from_secs(left.as_secs()));
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
