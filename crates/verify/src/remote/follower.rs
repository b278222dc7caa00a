//! The loop: asks each server what happened, again and again, and on demand when the lease has lapsed.

use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt};

use super::knowledge::{Asked, Knowledge};
use super::link::{Failed, Link};
use super::metrics::{Count, ServerCounts};
use super::pace;
use super::runtime::{Runtime, within};
use crate::clock::Clock;
use crate::feed::watermark::Worth;
use crate::feed::wire::NotUnderstood;
use crate::feed::wire::sync::{SyncAnswer, SyncQuestion};
use crate::flights::Flights;

/// How long a waiting request lets a question on demand take.
const ON_DEMAND: Duration = Duration::from_millis(300);
/// How often what no longer matters is forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(30);

/// Keeps what is known up to date.
pub(super) struct Follower<L, R, C> {
    pub(super) servers: Vec<Server<L>>,
    pub(super) knowledge: Knowledge<C>,
    pub(super) runtime: R,
    pub(super) snapshots: Count,
    pub(super) filling: tokio::sync::Mutex<()>,
    /// Names this verifier to the servers, until it is restarted.
    name: String,
    on_demand: Flights<(), ()>,
}

/// One server.
pub(super) struct Server<L> {
    pub(super) link: L,
    pub(super) counts: ServerCounts,
}

impl<L: Link, R: Runtime, C: Clock> Follower<L, R, C> {
    pub(super) fn new(links: Vec<L>, bound: Duration, runtime: R, clock: C) -> Self {
        Self {
            knowledge: Knowledge::new(bound, links.len(), clock),
            servers: links.into_iter().map(|link| Server { link, counts: ServerCounts::default() }).collect(),
            name: format!("{:032x}", runtime.random()),
            runtime,
            snapshots: Count::default(),
            filling: tokio::sync::Mutex::new(()),
            on_demand: Flights::new(),
        }
    }

    /// Tells this one what comes to be known.
    #[cfg(feature = "relay")]
    pub(super) fn with_ear(self, ear: std::sync::Arc<dyn super::ear::Ear>) -> Self {
        Self { knowledge: self.knowledge.with_ear(ear), ..self }
    }

    /// Asks a server for as long as it is polled.
    pub(super) async fn follow(&self, server: usize) {
        let mut failures = 0_u32;
        loop {
            let (bound, began) = (self.knowledge.lease.bound(), self.knowledge.clock.boot());
            let pause = match self.round(server).await {
                Ok(()) => {
                    failures = 0;
                    pace::every(bound).saturating_sub(self.knowledge.clock.boot().since(began))
                }
                Err(failed) => {
                    failures = failures.saturating_add(1);
                    self.servers[server].counts.failed(failed);
                    pace::after_failures(bound, failures, self.runtime.random())
                }
            };
            self.runtime.sleep(pause).await;
        }
    }

    /// Asks, and fetches a snapshot where the answer says that it takes one.
    async fn round(&self, server: usize) -> Result<(), Failed> {
        let (asked, answer) = self.ask(server).await?;
        let counts = &self.servers[server].counts;
        let mut worth = self.knowledge.answered(server, asked, &answer);
        if worth == Worth::NeedsSnapshot {
            self.fill(server, answer.head).await?;
            // It counts from when it was asked, if the snapshot reaches as far.
            worth = self.knowledge.answered(server, asked, &answer);
        }
        match worth {
            Worth::Credit => counts.syncs.add(),
            Worth::Nothing | Worth::NeedsSnapshot => counts.worthless.add(),
        }
        Ok(())
    }

    /// One question to everybody, for all who wait with a lapsed lease, until the first answer that helps.
    pub(super) async fn sync_on_demand(&self) {
        self.on_demand.once(&(), self.ask_everybody()).await;
    }

    async fn ask_everybody(&self) {
        let helped = async {
            let mut answers: FuturesUnordered<_> = (0..self.servers.len())
                .map(|server| async move { self.ask(server).await.map(|answer| (server, answer)) })
                .collect();
            while let Some(answer) = answers.next().await {
                // What failed shows in the lease.
                let Ok((server, (asked, answer))) = answer else { continue };
                if self.knowledge.answered(server, asked, &answer) == Worth::Credit {
                    break;
                }
            }
        };
        let (helped, sleep) = (std::pin::pin!(helped), std::pin::pin!(self.runtime.sleep(ON_DEMAND)));
        match select(helped, sleep).await {
            Either::Left(_) | Either::Right(_) => {}
        }
    }

    async fn ask(&self, server: usize) -> Result<(Asked, SyncAnswer), Failed> {
        let bound = self.knowledge.lease.bound();
        let known = self.knowledge.position();
        let position = self.knowledge.ask_from(known);
        let question = SyncQuestion {
            verifier: self.name.clone(),
            bound: u64::try_from(bound.as_millis()).unwrap_or(u64::MAX),
            epoch: position.map(crate::Rv::epoch),
            since: position.map(crate::Rv::seq),
            nonce: format!("{:032x}", self.runtime.random()),
        };
        let asked = Asked { known, sent: self.knowledge.clock.boot() };
        let patience = pace::patience(bound);
        let answer = within(&self.runtime, patience, self.servers[server].link.sync(&question)).await?;
        // An answer to another question was read at another time.
        if answer.nonce != question.nonce {
            return Err(NotUnderstood("another nonce").into());
        }
        if answer.bound.is_zero() {
            return Err(NotUnderstood("a bound of nothing").into());
        }
        Ok((asked, answer))
    }

    /// Forgets what no longer matters, for as long as it is polled.
    pub(super) async fn forget(&self) {
        loop {
            self.runtime.sleep(FORGET_EVERY).await;
            // By the server's time: it said until when each event matters.
            if let Some(now) = self.knowledge.server_time() {
                self.knowledge.revocations.forget_before(now);
            }
        }
    }

    /// Tells those who wait when the lease is lost, for as long as it is polled.
    pub(super) async fn watch_lease(&self) {
        let (lease, clock) = (&self.knowledge.lease, &self.knowledge.clock);
        let mut was_fresh = false;
        loop {
            let is_fresh = lease.is_fresh(clock);
            if was_fresh && !is_fresh {
                self.knowledge.news.notify_waiters();
            }
            was_fresh = is_fresh;
            let every = pace::every(lease.bound());
            let left = lease.runs_out().map_or(every, |end| end.since(clock.boot()));
            // A moment past its end; and after a suspend, which this sleep may not count, soon.
            let pause = if is_fresh { (left + Duration::from_millis(1)).min(every) } else { every };
            self.runtime.sleep(pause).await;
        }
    }
}
