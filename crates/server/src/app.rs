//! What every route can reach.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use cloakroom_auth::follow::Follower;
use cloakroom_auth::passport::StoreAuthority;
use cloakroom_auth::{Auth, Error};
use cloakroom_verify::Timestamp;
use cloakroom_verify::clock::{BootInstant, Clock, ManualClock, SystemClock};
use cloakroom_verify::lease::Lease;
use cloakroom_verify::proof::Proofs;
use cloakroom_verify::verifier::Verifier;
use http::HeaderMap;
use ipnet::IpNet;
use tokio::sync::watch;

use crate::config::Tolerant;
use crate::cookies::Cookies;
use crate::cross_site::Origins;
use crate::metrics::Metrics;
use crate::problem::Problem;
use crate::service_caller::Line;
use crate::snapshots::Snapshots;
use crate::streams::Streams;

/// The verifier of this server: it checks its own routes as any service would.
pub type OwnVerifier = Verifier<StoreAuthority<AnyClock>, AnyClock>;

/// Everything that the routes share. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Shared>);

/// See [`App`].
pub struct Shared {
    /// The rules.
    pub auth: Arc<Auth>,
    /// Who is calling?
    pub verifier: OwnVerifier,
    /// The routes that go on for a while when the store cannot be reached.
    pub tolerant: Vec<Tolerant>,
    /// Keeps the verifier's knowledge fresh.
    pub follower: Arc<Follower<AnyClock>>,
    /// What time is it?
    pub clock: AnyClock,
    /// How long the verifier's knowledge is good for, and whether it still is.
    pub lease: Arc<Lease>,
    /// How cookies are named and written here.
    pub cookies: Cookies,
    /// Whose pages may send requests.
    pub origins: Origins,
    /// Whose `X-Forwarded-For` is believed, and what they say of requests that wait at them.
    pub trusted_proxies: Vec<IpNet>,
    /// What is counted.
    pub metrics: Metrics,
    /// Where programs wait whose key is not known.
    pub line: Line,
    /// The streams of the feed that are open.
    pub streams: Arc<Streams>,
    /// What is read of the feed as a whole.
    pub snapshots: Snapshots,
    /// How long this server keeps events.
    pub retention: Duration,
    /// True once the process has been asked to end.
    pub draining: watch::Sender<bool>,
}

impl App {
    /// Shares these parts.
    pub fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }

    /// Before anything is answered by what the store says, "unknown" included: where heads are fenced, a primary that
    /// others went on without would go on saying it.
    pub async fn vouch_for_reads(&self) -> Result<(), Problem> {
        self.follower.vouch_for_reads().await.map_err(|error| Problem::from(Error::Store(error)))
    }

    /// The credentials that a request shows, unproved.
    pub fn proofs<'r>(&self, headers: &'r HeaderMap) -> Result<Proofs<'r>, Problem> {
        Proofs::read(headers, &self.cookies.session_name()).map_err(Problem::malformed)
    }
}

impl Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// The machine's clocks, or time that tests move by hand.
#[derive(Debug, Clone)]
pub enum AnyClock {
    /// The machine's.
    System(SystemClock),
    /// Moved by hand.
    Manual(ManualClock),
}

impl Clock for AnyClock {
    fn wall(&self) -> Timestamp {
        match self {
            Self::System(clock) => clock.wall(),
            Self::Manual(clock) => clock.wall(),
        }
    }

    fn boot(&self) -> BootInstant {
        match self {
            Self::System(clock) => clock.boot(),
            Self::Manual(clock) => clock.boot(),
        }
    }
}
