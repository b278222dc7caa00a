//! What a relay counts, under the names that a server has for the same (OpenMetrics).

use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::{Method, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::{Relay, routes};
use crate::metrics::count;
use crate::requests::{Requests, Route};

/// The numbers of one relay.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Requests,
    syncs: Family<Outcome, Counter>,
    upstream: Family<Upstream, Counter>,
    events_pushed: Counter,
    lease_age: Gauge<f64, AtomicU64>,
    streams_open: Gauge,
    verifiers: Gauge,
    /// Counts that are kept elsewhere are brought over by one reader at a time.
    telling: Mutex<()>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Upstream {
    server: String,
    outcome: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("cloakroom");
        let requests = Requests::new(&mut registry, routes::PATHS);
        let (syncs, upstream, events_pushed) = (Family::default(), Family::default(), Counter::default());
        let (lease_age, streams_open, verifiers) = (Gauge::default(), Gauge::default(), Gauge::default());
        registry.register_with_unit(
            "lease_age",
            "How old the knowledge of revocations is; -1: there never was any",
            Unit::Seconds,
            lease_age.clone(),
        );
        registry.register("feed_syncs", "Questions of verifiers, by outcome", syncs.clone());
        registry.register(
            "relay_upstream_syncs",
            "Our own questions, by server and outcome",
            upstream.clone(),
        );
        registry.register("feed_events_pushed", "Events sent to open streams", events_pushed.clone());
        registry.register("feed_streams_open", "Streams of the feed that are open", streams_open.clone());
        registry.register("feed_verifiers", "Verifiers that trust this relay now", verifiers.clone());
        let telling = Mutex::new(());
        Self {
            registry,
            requests,
            syncs,
            upstream,
            events_pushed,
            lease_age,
            streams_open,
            verifiers,
            telling,
        }
    }
}

impl Metrics {
    /// The route of a path: one of ours, or `other`.
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

    /// Everything as text.
    pub fn text(&self, relay: &Relay) -> String {
        let age = relay.feed.lease().age(&relay.clock);
        self.lease_age.set(age.map_or(-1.0, |age| age.as_secs_f64()));
        self.streams_open.set(count(relay.known.streams.count()));
        self.verifiers.set(count(relay.known.leaves.count(&relay.clock)));
        let _one_at_a_time = self.telling.lock().unwrap_or_else(PoisonError::into_inner);
        self.events_pushed.inc_by(relay.known.streams.pushed().saturating_sub(self.events_pushed.get()));
        for (number, server) in relay.feed.servers().iter().enumerate() {
            let counts =
                [("renewed", server.syncs), ("worthless", server.worthless), ("failed", server.failures)];
            for (outcome, count) in counts {
                let server = relay.upstream.origin(number).unwrap_or_default().to_owned();
                let counter = self.upstream.get_or_create(&Upstream { server, outcome });
                counter.inc_by(count.saturating_sub(counter.get()));
            }
        }
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
