//! The stream: makes revocations bite in milliseconds, and proves nothing.

use std::time::Duration;

use super::follower::Follower;
use super::link::{Failed, Link, Pushed};
use super::pace;
use super::runtime::{Runtime, within};
use crate::clock::Clock;

/// How long opening a stream may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// A stream without a sign of life for so long is dead.
const QUIET: Duration = Duration::from_secs(45);

impl<L: Link, R: Runtime, C: Clock> Follower<L, R, C> {
    /// Listens to a server for as long as it is polled. Where a stream ends, the next one goes on from what is known.
    pub(super) async fn listen(&self, server: usize) {
        loop {
            let Err(failed) = self.hear(server).await;
            self.servers[server].counts.noted(failed);
            self.runtime.sleep(pace::before_stream(self.runtime.random())).await;
        }
    }

    async fn hear(&self, server: usize) -> Result<std::convert::Infallible, Failed> {
        let Self { runtime, knowledge, .. } = self;
        let server = &self.servers[server];
        let mut stream = within(runtime, PATIENCE, server.link.stream(knowledge.position())).await?;
        server.counts.streams.add();
        loop {
            if let Some(event) = within(runtime, QUIET, stream.next()).await? {
                knowledge.pushed(&event);
                server.counts.pushed.add();
            }
        }
    }
}
