//! How far a run is, for whoever watches it.

use std::time::Duration;

use tokio::time::Instant;

use crate::report::numbers::Unit;

/// Is told what happens.
pub trait Watch: Send + Sync {
    /// This is done now; so much of the whole, from 0 to 1, is over, and the rest will take about so long.
    fn step(&self, what: &str, over: f64, left: Duration);

    /// Something that a reader must know.
    fn note(&self, text: &str);
}

/// The planned time, and how much of it is over.
pub(crate) struct Steps<'w> {
    watch: &'w dyn Watch,
    began: Instant,
    over: Duration,
    of: Duration,
}

impl<'w> Steps<'w> {
    pub(crate) fn new(watch: &'w dyn Watch, of: Duration) -> Self {
        Self { watch, began: Instant::now(), over: Duration::ZERO, of }
    }

    /// Begins something that is planned to take so long.
    pub(crate) fn begin(&mut self, what: &str, takes: Duration) {
        let share = if self.of.is_zero() { 0.0 } else { self.over.as_secs_f64() / self.of.as_secs_f64() };
        self.watch.step(what, share, left(self.over, self.of, self.began.elapsed()));
        self.over = (self.over + takes).min(self.of);
    }

    /// Something that was planned is not done.
    pub(crate) fn skip(&mut self, takes: Duration) {
        self.of = self.of.saturating_sub(takes).max(self.over);
    }

    /// What is left to do is known better now. How long all of it takes, with what is over.
    pub(crate) fn plan(&mut self, rest: Duration) -> Duration {
        self.over = self.began.elapsed();
        self.of = self.over + rest;
        self.of
    }

    /// Says it, and how long the whole will take.
    pub(crate) fn tell(&self, what: &str) {
        let whole = Unit::Millis.show(self.of.as_secs_f64() * 1000.0);
        self.watch.note(&format!("{what} {whole}"));
    }

    /// Tells it, and keeps it for the report.
    pub(crate) fn note(&self, notes: &mut Vec<String>, text: String) {
        self.watch.note(&text);
        notes.push(text);
    }
}

/// The rest of a plan, at the pace that it has been followed with. What is planned is known to the second where it is
/// load; starting, and logging in where that is slow, are not.
fn left(over: Duration, of: Duration, took: Duration) -> Duration {
    /// Before this much of it is over, the pace is chance.
    const ENOUGH: Duration = Duration::from_secs(30);
    let rest = of.saturating_sub(over);
    if over < ENOUGH { rest } else { rest.mul_f64(took.as_secs_f64() / over.as_secs_f64()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_told_at_the_pace_so_far() {
        let left = |over, of, took| {
            let seconds = Duration::from_secs;
            left(seconds(over), seconds(of), seconds(took)).as_secs()
        };
        assert_eq!(left(10, 100, 50), 90, "too early to tell");
        assert_eq!(left(40, 100, 40), 60);
        assert_eq!(left(40, 100, 60), 90);
        assert_eq!(left(40, 100, 20), 30);
        assert_eq!(left(100, 100, 120), 0);
    }
}
