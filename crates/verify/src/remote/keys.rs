//! The keys that the servers publish.

use std::sync::Arc;
use std::time::Duration;

use super::follower::Follower;
use super::link::Link;
use super::runtime::{Runtime, within};
use crate::authenticate::Outage;
use crate::clock::Clock;
use crate::key_source::FetchKeys;

/// How long a server may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Fetches them from the first server that answers.
pub(super) struct PublishedKeys<L, R, C>(pub(super) Arc<Follower<L, R, C>>);

impl<L: Link, R: Runtime, C: Clock> FetchKeys for PublishedKeys<L, R, C> {
    async fn fetch(&self) -> Result<Vec<u8>, Outage> {
        for server in &self.0.servers {
            match within(&self.0.runtime, PATIENCE, server.link.jwks()).await {
                Ok(json) => return Ok(json),
                Err(failed) => server.counts.noted(failed),
            }
        }
        Err(Outage)
    }
}
