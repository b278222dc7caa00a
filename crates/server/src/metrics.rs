//! What is counted, and how it is told (OpenMetrics).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use http::{Method, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use tracing_appender::non_blocking::ErrorCounter;

use crate::app::App;
use crate::requests::{Requests, Route};

/// The log is one of the process, however many servers it holds.
static LOG: OnceLock<ErrorCounter> = OnceLock::new();

/// Tells from now on how many lines of the log were dropped because nobody read them.
pub fn watch_log(dropped: ErrorCounter) {
    // A second log would be a second stderr.
    let _ = LOG.set(dropped);
}

/// The numbers of one server.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Requests,
    hashing: Gauge,
    hashes_waiting: Gauge,
    log_lines_dropped: Gauge,
    refreshes: Family<Outcome, Counter>,
    purged: Family<What, Counter>,
    /// Counts that are kept elsewhere are brought over by one reader at a time.
    telling: Mutex<()>,
    lease_age: Gauge<f64, AtomicU64>,
    clock_drift: Gauge<f64, AtomicU64>,
    stale_accepts: Counter,
    syncs: Family<Outcome, Counter>,
    sync_rounds: Counter,
    events_pushed: Counter,
    streams_open: Gauge,
    verifiers: Gauge,
    push_lag: Histogram,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct What {
    what: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

impl Metrics {
    /// Nothing counted yet. Requests are counted by these routes.
    pub fn new(routes: &'static [&'static str]) -> Self {
        let mut registry = Registry::with_prefix("cloakroom");
        let requests = Requests::new(&mut registry, routes);
        let (hashing, hashes_waiting, lease_age) = (Gauge::default(), Gauge::default(), Gauge::default());
        let log_lines_dropped = Gauge::default();
        registry.register(
            "log_lines_dropped",
            "Lines of the log that nobody read in time",
            log_lines_dropped.clone(),
        );
        let refreshes = Family::default();
        registry.register("refreshes", "What came of refresh tokens, by outcome", refreshes.clone());
        let purged = Family::default();
        registry.register("rows_purged", "Expired rows deleted by this process", purged.clone());
        registry.register("password_hashes_running", "Password hashes being computed", hashing.clone());
        registry.register("password_hashes_waiting", "Password hashes in the queue", hashes_waiting.clone());
        registry.register_with_unit(
            "lease_age",
            "How old the knowledge of revocations is; -1: there never was any",
            Unit::Seconds,
            lease_age.clone(),
        );
        let clock_drift = Gauge::default();
        registry.register_with_unit(
            "clock_drift",
            "How far the clock is ahead of the database's at least; negative: behind",
            Unit::Seconds,
            clock_drift.clone(),
        );
        let stale_accepts = Counter::default();
        registry.register(
            "stale_accepts",
            "Requests that a tolerant route took on knowledge older than the bound",
            stale_accepts.clone(),
        );
        let (syncs, sync_rounds, events_pushed) = (Family::default(), Counter::default(), Counter::default());
        let (streams_open, verifiers) = (Gauge::default(), Gauge::default());
        let push_lag = Histogram::new(exponential_buckets(0.000_1, 2.0, 14));
        registry.register("feed_syncs", "Questions of verifiers, by outcome", syncs.clone());
        registry.register("feed_rounds", "Reads of the head of the feed", sync_rounds.clone());
        registry.register("feed_events_pushed", "Events sent to open streams", events_pushed.clone());
        registry.register("feed_streams_open", "Streams of the feed that are open", streams_open.clone());
        registry.register("feed_verifiers", "Verifiers that trust this server now", verifiers.clone());
        registry.register_with_unit(
            "feed_push_lag",
            "From the commit of a revocation here until it was handed to the streams",
            Unit::Seconds,
            push_lag.clone(),
        );
        Self {
            registry,
            requests,
            hashing,
            hashes_waiting,
            log_lines_dropped,
            refreshes,
            purged,
            telling: Mutex::new(()),
            lease_age,
            clock_drift,
            stale_accepts,
            syncs,
            sync_rounds,
            events_pushed,
            streams_open,
            verifiers,
            push_lag,
        }
    }

    /// The route of a path.
    pub fn route(&self, path: &str) -> Route {
        self.requests.route(path)
    }

    /// Counts an answer.
    pub fn answered(&self, method: &Method, route: Route, status: StatusCode, took: Duration) {
        self.requests.answered(method, route, status, took);
    }

    /// Counts a question of a verifier.
    pub fn synced(&self, answered: bool) {
        let outcome = if answered { "answered" } else { "unavailable" };
        self.syncs.get_or_create(&Outcome { outcome }).inc();
    }

    /// Notes how long a revocation of this process took to the streams.
    pub fn pushed(&self, lag: Duration) {
        self.push_lag.observe(lag.as_secs_f64());
    }

    /// Everything as text.
    pub fn text(&self, app: &App) -> String {
        let (auth, lease_age) = (&app.auth, app.lease.age(&app.clock));
        let stale_accepts = app.verifier.tolerated();
        self.hashing.set(count(auth.passwords.running()));
        self.hashes_waiting.set(count(auth.passwords.waiting()));
        self.log_lines_dropped.set(count(LOG.get().map_or(0, ErrorCounter::dropped_lines)));
        self.lease_age.set(lease_age.map_or(-1.0, |age| age.as_secs_f64()));
        self.clock_drift.set(app.follower.drift().ahead_seconds());
        let _one_at_a_time = self.telling.lock().unwrap_or_else(PoisonError::into_inner);
        self.stale_accepts.inc_by(stale_accepts.saturating_sub(self.stale_accepts.get()));
        for (outcome, count) in auth.refreshes.read() {
            let counter = self.refreshes.get_or_create(&Outcome { outcome });
            counter.inc_by(count.saturating_sub(counter.get()));
        }
        self.sync_rounds.inc_by(app.follower.rounds().saturating_sub(self.sync_rounds.get()));
        self.events_pushed.inc_by(app.streams.pushed().saturating_sub(self.events_pushed.get()));
        self.streams_open.set(count(app.streams.count()));
        self.verifiers.set(count(app.follower.verifiers.count(&app.clock)));
        let purged = &auth.purged;
        let of = [("sessions", &purged.sessions), ("marks", &purged.marks), ("events", &purged.events)];
        for (what, count) in of {
            let counter = self.purged.get_or_create(&What { what });
            counter.inc_by(count.load(Ordering::Relaxed).saturating_sub(counter.get()));
        }
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// A number as a gauge takes it.
pub(crate) fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
