//! A verifier that follows the feed of its servers.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::authority::ServerAuthority;
use super::follower::Follower;
use super::link::Link;
use super::metrics::{Metrics, ServerCounts};
use super::runtime::Runtime;
use super::server_time::ServerClock;
use crate::address::AddressGroup;
use crate::authenticate::{Authenticate, Denied, Proof, RouteClass};
use crate::clock::Clock;
use crate::jwt::Rules;
use crate::lease::Lease;
use crate::revocations::Revocations;
use crate::verifier::Verifier;
use crate::{Principal, Timestamp};

/// A verifier over links of any kind: [`remote::Verifier`](super::Verifier) is the one over HTTP. Cheap to clone.
pub struct Remote<L: Link, R: Runtime, C: Clock> {
    verifier: Verifier<ServerAuthority<L, R, C>, ServerClock<C>>,
    follower: Arc<Follower<L, R, C>>,
    /// Ends the work with the last clone.
    tasks: Arc<Tasks>,
}

/// What must be polled for a verifier to know anything.
pub type Work = Vec<Pin<Box<dyn Future<Output = ()> + Send>>>;

#[derive(Default)]
pub(super) struct Tasks(pub(super) Vec<tokio::task::AbortHandle>);

impl Drop for Tasks {
    fn drop(&mut self) {
        self.0.iter().for_each(tokio::task::AbortHandle::abort);
    }
}

impl<L: Link, R: Runtime, C: Clock> Remote<L, R, C> {
    /// A verifier of what the issuer of `rules` issued, over these links, and the work that keeps it up to date: poll
    /// each part of it for as long as the verifier is used. Nothing of it is done before.
    pub fn over(links: Vec<L>, rules: Rules, bound: Duration, runtime: R, clock: C) -> (Self, Work) {
        let follower = Arc::new(Follower::new(links, bound, runtime, clock));
        let knowledge = &follower.knowledge;
        let authority = ServerAuthority::new(Arc::clone(&follower));
        let verifier = Verifier::new(
            Arc::clone(authority.keys.keys()),
            rules,
            Arc::clone(&knowledge.revocations),
            Arc::clone(&knowledge.lease),
            authority,
            knowledge.server_clock(),
        );
        let remote = Self { verifier, follower, tasks: Arc::default() };
        let work = remote.work();
        (remote, work)
    }

    pub(super) fn with_tasks(self, tasks: Tasks) -> Self {
        Self { tasks: Arc::new(tasks), ..self }
    }

    /// Whether checks can be answered now: everything is known that was committed within the bound, and the keys are
    /// loaded. For a readiness probe.
    pub fn ready(&self) -> bool {
        let knowledge = &self.follower.knowledge;
        knowledge.lease.is_fresh(&knowledge.clock) && self.verifier.authority().keys.age().is_some()
    }

    /// What it has done and how it is.
    pub fn metrics(&self) -> Metrics {
        let knowledge = &self.follower.knowledge;
        Metrics {
            lease_age: knowledge.lease.age(&knowledge.clock),
            bound: knowledge.lease.bound(),
            revocation_lag: knowledge.lag(),
            stale_accepts: self.verifier.tolerated(),
            fallbacks: self.verifier.renewals(),
            snapshots: self.follower.snapshots.read(),
            position: knowledge.position(),
            revocations: knowledge.revocations.len(),
            keys_age: self.verifier.authority().keys.age(),
            servers: self.follower.servers.iter().map(|server| ServerCounts::read(&server.counts)).collect(),
        }
    }

    /// What is known to be dead.
    pub fn revocations(&self) -> &Revocations {
        &self.follower.knowledge.revocations
    }

    /// How long that may be trusted.
    pub fn lease(&self) -> &Lease {
        &self.follower.knowledge.lease
    }

    /// Tells the servers of the real uses that they do not know of yet: before a shutdown. What is not told makes a
    /// session idle earlier, never later.
    pub async fn tell_uses(&self) {
        self.verifier.authority().tell_all().await;
    }

    fn work(&self) -> Work {
        let mut work = Work::new();
        for server in 0..self.follower.servers.len() {
            let follower = Arc::clone(&self.follower);
            work.push(Box::pin(async move { follower.follow(server).await }));
            let follower = Arc::clone(&self.follower);
            work.push(Box::pin(async move { follower.listen(server).await }));
        }
        let follower = Arc::clone(&self.follower);
        work.push(Box::pin(async move { follower.forget().await }));
        let follower = Arc::clone(&self.follower);
        work.push(Box::pin(async move { follower.watch_lease().await }));
        let keys = Arc::clone(&self.verifier.authority().keys);
        let runtime = self.follower.runtime.clone();
        // What fails is told by the metrics of the server.
        work.push(Box::pin(async move { keys.tend(|pause| sleep(runtime.clone(), pause), |_| {}).await }));
        let verifier = self.verifier.clone();
        work.push(Box::pin(async move { verifier.authority().tell().await }));
        work
    }
}

async fn sleep(runtime: impl Runtime, pause: Duration) {
    runtime.sleep(pause).await;
}

impl<L: Link, R: Runtime, C: Clock> Authenticate for Remote<L, R, C> {
    async fn authenticate_on(&self, class: RouteClass, proof: Proof<'_>) -> Result<Principal, Denied> {
        self.verifier.authenticate_on(class, proof).await
    }

    async fn authenticate_from(
        &self,
        source: Option<AddressGroup>,
        class: RouteClass,
        proof: Proof<'_>,
    ) -> Result<Principal, Denied> {
        self.verifier.authenticate_from(source, class, proof).await
    }

    fn now(&self) -> Timestamp {
        self.verifier.now()
    }
}

impl<L: Link, R: Runtime, C: Clock> Clone for Remote<L, R, C> {
    fn clone(&self) -> Self {
        Self {
            verifier: self.verifier.clone(),
            follower: Arc::clone(&self.follower),
            tasks: Arc::clone(&self.tasks),
        }
    }
}

impl<L: Link, R: Runtime, C: Clock> std::fmt::Debug for Remote<L, R, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remote").field("metrics", &self.metrics()).finish_non_exhaustive()
    }
}
