//! Following the feed to pass it on: the same loop as a verifier's, and an ear in the place of the checks.

use std::sync::Arc;
use std::time::Duration;

use super::ear::Ear;
use super::follower::Follower;
use super::http::HttpLink;
use super::link::Link;
use super::metrics::{ServerCounts, ServerMetrics};
use super::runtime::{Runtime, Tokio};
use super::verifier::{Tasks, Work};
use crate::Timestamp;
use crate::clock::{Clock, SystemClock};
use crate::lease::Lease;

/// What is known of the feed of some servers, kept up to date.
pub struct Feed<L: Link, R: Runtime, C: Clock> {
    follower: Arc<Follower<L, R, C>>,
    /// Ends the work with it.
    _tasks: Tasks,
}

/// The one over HTTP.
pub type HttpFeed = Feed<HttpLink, Tokio, SystemClock>;

impl HttpFeed {
    /// Follows these servers, on the tokio runtime that this is called on, until it is dropped.
    pub fn spawn(links: Vec<HttpLink>, bound: Duration, ear: Arc<dyn Ear>) -> Self {
        let (feed, work) = Self::over(links, bound, ear, Tokio, SystemClock);
        let tasks = work.into_iter().map(|part| tokio::spawn(part).abort_handle()).collect();
        Self { _tasks: Tasks(tasks), ..feed }
    }
}

impl<L: Link, R: Runtime, C: Clock> Feed<L, R, C> {
    /// Follows over these links, and the work that keeps it up to date: poll each part of it.
    pub fn over(links: Vec<L>, bound: Duration, ear: Arc<dyn Ear>, runtime: R, clock: C) -> (Self, Work) {
        let follower = Arc::new(Follower::new(links, bound, runtime, clock).with_ear(ear));
        let mut work = Work::new();
        for server in 0..follower.servers.len() {
            let same = Arc::clone(&follower);
            work.push(Box::pin(async move { same.follow(server).await }));
            let same = Arc::clone(&follower);
            work.push(Box::pin(async move { same.listen(server).await }));
        }
        let same = Arc::clone(&follower);
        work.push(Box::pin(async move { same.forget().await }));
        (Self { follower, _tasks: Tasks::default() }, work)
    }

    /// How long what is known may be trusted, and passed on. Its bound is the smaller of ours and the servers'.
    pub fn lease(&self) -> &Lease {
        &self.follower.knowledge.lease
    }

    /// The servers' time; `None`: it was never heard.
    pub fn server_time(&self) -> Option<Timestamp> {
        self.follower.knowledge.server_time()
    }

    /// One question to every server, for all who wait with a lapsed lease, until the first answer that helps.
    pub async fn sync_on_demand(&self) {
        self.follower.sync_on_demand().await;
    }

    /// What each server did for it, in the order in which they were named.
    pub fn servers(&self) -> Vec<ServerMetrics> {
        self.follower.servers.iter().map(|server| ServerCounts::read(&server.counts)).collect()
    }
}

impl<L: Link, R: Runtime, C: Clock> std::fmt::Debug for Feed<L, R, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed").field("servers", &self.servers()).finish_non_exhaustive()
    }
}
