//! `cloakroom relay`: passes the feed of some servers on to many verifiers, and adds its own age.
//!
//! To a server a relay is one verifier; to a verifier it is a server. What holds from end to end:
//!
//! * **Age.** An answer is as old as what the relay knows: the lease is read, then the table, and the difference of the
//!   question's arrival to the lease is told. Without a good lease there is no answer. ([`sync`](routes))
//! * **Receipts.** The relay asks from the least of what it knows and what its own verifiers are known to know, so a
//!   server that hears a position from it may take it for all of them. ([`known`])
//! * **Keys.** A key that is shown here is shown to a server, and remembered for a minute or until the feed takes it back.
//!   ([`callers`])
//! * What only a server can say (introspection, keys, uses) is asked there, in the name of who asked. ([`upstream`])

pub mod callers;
pub mod door;
pub mod known;
pub mod management;
pub mod metrics;
pub mod routes;
pub mod upstream;

use std::ops::Deref;
use std::sync::Arc;

use cloakroom_verify::clock::SystemClock;
use cloakroom_verify::remote::HttpFeed;
use tokio::sync::watch;

use crate::snapshots::Snapshots;
use known::Known;
use metrics::Metrics;
use upstream::Upstream;

/// Everything that the routes of a relay share. Cheap to clone.
#[derive(Clone)]
pub struct Relay(Arc<Shared>);

/// See [`Relay`].
pub struct Shared {
    /// Keeps what is known up to date.
    pub feed: HttpFeed,
    /// What is known, and who trusts it.
    pub known: Arc<Known<SystemClock>>,
    /// What only a server can say.
    pub upstream: Upstream,
    /// What is given out of the feed as a whole.
    pub snapshots: Snapshots,
    /// What is counted.
    pub metrics: Metrics,
    /// What time is it?
    pub clock: SystemClock,
    /// True once the process has been asked to end.
    pub draining: watch::Sender<bool>,
}

impl Relay {
    /// Shares these parts.
    pub fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }

    /// Whether what is known may be passed on.
    pub fn is_fresh(&self) -> bool {
        self.feed.lease().is_fresh(&self.clock)
    }

    /// Why a server is not heard, for whoever runs this.
    pub fn why(&self) -> String {
        let failures: Vec<_> = self.feed.servers().iter().map(|server| server.last_failure.clone()).collect();
        let words = failures.iter().enumerate().filter_map(|(number, failure)| {
            Some(format!("{}: {}", self.upstream.origin(number)?, failure.as_ref()?))
        });
        words.collect::<Vec<_>>().join("; ")
    }
}

impl Deref for Relay {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}
