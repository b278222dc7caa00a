//! Setting up a verifier over HTTP.

use std::time::Duration;

use super::Verifier;
use super::http::{HttpLink, InvalidServer};
use super::runtime::Tokio;
use super::verifier::{Remote, Tasks};
use crate::clock::SystemClock;
use crate::jwt::Rules;

/// How long an answer is trusted unless a server says less.
pub const BOUND: Duration = Duration::from_secs(2);

/// A verifier that is being set up.
pub struct Builder {
    issuer: String,
    audience: String,
    servers: Vec<String>,
    service_key: zeroize::Zeroizing<String>,
    bound: Duration,
}

/// Why a verifier cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// A server cannot be one.
    #[error(transparent)]
    Server(#[from] InvalidServer),
    /// The key of this service is missing, or cannot be one.
    #[error("the service key is missing or is none: `cloakroom service-key create` prints one, cka_...")]
    ServiceKey,
    /// The bound is too short to ask within it, or no bound at all.
    #[error("the bound must be between 200 milliseconds and a minute")]
    Bound,
    /// It belongs to a tokio runtime, and there is none here.
    #[error("a verifier is spawned on a tokio runtime")]
    NoRuntime,
}

impl Builder {
    pub(super) fn new(issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            audience: audience.into(),
            servers: Vec::new(),
            service_key: zeroize::Zeroizing::default(),
            bound: BOUND,
        }
    }

    /// Asks the server at this origin, such as `https://auth-1.internal:8443`: over https unless it is on this machine.
    /// Name two or more where there are: the lease then outlives the loss of all but one. Without any, the issuer is
    /// asked.
    #[must_use]
    pub fn server(mut self, origin: impl Into<String>) -> Self {
        self.servers.push(origin.into());
        self
    }

    /// The key of this service, with the scopes `feed` and `introspect`. A secret: read it from a file or the
    /// environment.
    #[must_use]
    pub fn service_key(self, key: impl Into<String>) -> Self {
        Self { service_key: key.into().into(), ..self }
    }

    /// How long after its commit a revocation may be overlooked at most, 2 s unless said otherwise. A server whose own
    /// bound is smaller has the last word.
    #[must_use]
    pub fn bound(self, bound: Duration) -> Self {
        Self { bound, ..self }
    }

    /// Begins to follow the servers, on the tokio runtime that this is called on, until the last clone is dropped. It
    /// does not wait: until the first answer each check asks for one.
    pub fn spawn(self) -> Result<Verifier, SetupError> {
        if !(Duration::from_millis(200)..=Duration::from_secs(60)).contains(&self.bound) {
            return Err(SetupError::Bound);
        }
        if !self.service_key.starts_with("cka_") {
            return Err(SetupError::ServiceKey);
        }
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| SetupError::NoRuntime)?;
        let servers = if self.servers.is_empty() { vec![self.issuer.clone()] } else { self.servers };
        let links: Result<Vec<_>, _> =
            servers.iter().map(|server| HttpLink::new(server, &self.service_key)).collect();
        let rules = Rules::new(self.issuer, self.audience);
        let (remote, work) = Remote::over(links?, rules, self.bound, Tokio, SystemClock);
        let tasks = work.into_iter().map(|part| runtime.spawn(part).abort_handle()).collect();
        Ok(remote.with_tasks(Tasks(tasks)))
    }
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder").field("servers", &self.servers).finish_non_exhaustive()
    }
}
