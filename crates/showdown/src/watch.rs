//! How far a run is, for whoever watches it.

use std::time::Duration;

/// Is told what happens.
pub trait Watch: Send + Sync {
    /// This is done now; so much of the planned time is over.
    fn step(&self, what: &str, over: Duration, of: Duration);

    /// Something that a reader must know.
    fn note(&self, text: &str);
}

/// The planned time, and how much of it is over.
pub(crate) struct Steps<'w> {
    watch: &'w dyn Watch,
    over: Duration,
    of: Duration,
}

impl<'w> Steps<'w> {
    pub(crate) fn new(watch: &'w dyn Watch, of: Duration) -> Self {
        Self { watch, over: Duration::ZERO, of }
    }

    /// Begins something that is planned to take so long.
    pub(crate) fn begin(&mut self, what: &str, takes: Duration) {
        self.watch.step(what, self.over, self.of);
        self.over = (self.over + takes).min(self.of);
    }

    /// Something that was planned is not done.
    pub(crate) fn skip(&mut self, takes: Duration) {
        self.of = self.of.saturating_sub(takes).max(self.over);
    }

    /// Tells it, and keeps it for the report.
    pub(crate) fn note(&self, notes: &mut Vec<String>, text: String) {
        self.watch.note(&text);
        notes.push(text);
    }
}
