//! What came of the requests of one thread, and of all.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::{Loaded, Window};
use crate::result::Latency;

/// The longest time that is told apart from longer ones.
const LONGEST: u64 = 120_000_000_000;
/// Shares of a curve: closer to each other where the tail is.
const CURVE: [f64; 34] = [
    0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.875,
    0.9, 0.925, 0.95, 0.96, 0.97, 0.975, 0.98, 0.985, 0.99, 0.9925, 0.995, 0.9975, 0.999, 0.9995, 0.9999,
];

/// Counts and times; to three digits.
#[derive(Debug)]
pub(super) struct Recorder {
    nanos: Histogram<u64>,
    pub(super) answered: u64,
    pub(super) failed: u64,
    /// Sent, or due, and not answered yet.
    pub(super) open: u64,
}

impl Recorder {
    pub(super) fn new() -> Self {
        let nanos = Histogram::new_with_bounds(1, LONGEST, 3).expect("the bounds are right");
        Self { nanos, answered: 0, failed: 0, open: 0 }
    }

    pub(super) fn time(&mut self, took: Duration) {
        self.nanos.saturating_record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX).max(1));
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.nanos.add(&other.nanos).expect("all have the same bounds");
        self.answered += other.answered;
        self.failed += other.failed;
        self.open += other.open;
    }

    pub(super) fn loaded(&self, window: Window) -> Loaded {
        Loaded {
            per_second: self.answered as f64 / window.seconds(),
            latency: self.latency(),
            failed: self.failed,
        }
    }

    fn latency(&self) -> Latency {
        let micros = |nanos: u64| nanos as f64 / 1000.0;
        let at = |share: f64| micros(self.nanos.value_at_quantile(share));
        Latency {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: micros(self.nanos.max()),
            curve: CURVE.iter().map(|share| (*share, at(*share))).collect(),
        }
    }
}
