//! The authority of a remote verifier: the servers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::follower::Follower;
use super::keys::PublishedKeys;
use super::link::{Failed, Link};
use super::runtime::{Runtime, within};
use super::server_time::ServerClock;
use super::watch::Watcher;
use crate::authenticate::{Authority, Fill, Found, Outage};
use crate::clock::Clock;
use crate::feed::wire::passport;
use crate::feed::wire::touch::{MOST_USES, Use};
use crate::jwt::Verified;
use crate::key_source::KeySource;
use crate::uses::Uses;
use crate::{OpaqueToken, SessionId, Timestamp};

/// How many questions about sessions may be under way. Whoever makes tokens up makes us ask for each, since only their
/// issuer can tell; so a flood of them may cost this many connections, and then answers 503.
const QUESTIONS: usize = 64;
/// How often uses that are due are told.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// How long that may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks the servers what this verifier does not know.
pub(super) struct ServerAuthority<L, R, C> {
    pub(super) follower: Arc<Follower<L, R, C>>,
    pub(super) keys: Arc<KeySource<PublishedKeys<L, R, C>, ServerClock<C>>>,
    watcher: Arc<Watcher<L, R, C>>,
    uses: Arc<Uses>,
    questions: Semaphore,
    /// The server that answered last.
    preferred: AtomicUsize,
}

impl<L: Link, R: Runtime, C: Clock> ServerAuthority<L, R, C> {
    pub(super) fn new(follower: Arc<Follower<L, R, C>>) -> Self {
        let fetch = PublishedKeys(Arc::clone(&follower));
        let keys = KeySource::new(fetch, follower.knowledge.server_clock())
            .without_revoked(Arc::clone(&follower.knowledge.revocations));
        Self {
            watcher: Arc::new(Watcher(Arc::clone(&follower))),
            keys: Arc::new(keys),
            follower,
            uses: Arc::default(),
            questions: Semaphore::new(QUESTIONS),
            preferred: AtomicUsize::new(0),
        }
    }

    /// What the first server that answers says of a session. Only what was sent within the bound counts, however
    /// long it was on its way.
    async fn introspect(&self, token: &OpaqueToken) -> Result<Found, Outage> {
        let knowledge = &self.follower.knowledge;
        let _one_of_few = self.questions.try_acquire().map_err(|_| Outage)?;
        let (bound, servers) = (knowledge.lease.bound(), &self.follower.servers);
        let first = self.preferred.load(Ordering::Relaxed);
        for server in (0..servers.len()).map(|next| (first + next) % servers.len()) {
            let sent = knowledge.clock.boot();
            let asked =
                within(&self.follower.runtime, bound / 2, servers[server].link.introspect(token)).await;
            let now = knowledge.server_clock().wall();
            let found = asked.and_then(|json| Ok(passport::found(&json, token, now)?));
            match found {
                Ok(found) if knowledge.clock.boot().since(sent) <= bound => {
                    self.preferred.store(server, Ordering::Relaxed);
                    return Ok(found);
                }
                Ok(_) => servers[server].counts.noted(Failed::Slow),
                Err(failed) => servers[server].counts.noted(failed),
            }
        }
        Err(Outage)
    }

    /// Tells of uses that are due, for as long as it is polled.
    pub(super) async fn tell(&self) {
        let clock = self.follower.knowledge.server_clock();
        loop {
            self.follower.runtime.sleep(TELL_EVERY).await;
            self.tell_of(self.uses.take_due(clock.wall())).await;
        }
    }

    /// Tells of all of them now.
    pub(super) async fn tell_all(&self) {
        self.tell_of(self.uses.take_all()).await;
    }

    async fn tell_of(&self, uses: Vec<(SessionId, Timestamp)>) {
        for part in uses.chunks(MOST_USES) {
            let report: Vec<Use> =
                part.iter().map(|(session, at)| Use { session: *session, at: *at }).collect();
            if !self.report(&report).await {
                self.uses.put_back(part);
            }
        }
    }

    async fn report(&self, uses: &[Use]) -> bool {
        let servers = &self.follower.servers;
        let first = self.preferred.load(Ordering::Relaxed);
        for server in (0..servers.len()).map(|next| (first + next) % servers.len()) {
            match within(&self.follower.runtime, PATIENCE, servers[server].link.touch(uses)).await {
                Ok(()) => return true,
                Err(failed) => servers[server].counts.noted(failed),
            }
        }
        false
    }
}

impl<L: Link, R: Runtime, C: Clock> Authority for ServerAuthority<L, R, C> {
    async fn session(&self, token: &OpaqueToken) -> Result<Found, Outage> {
        Ok(match self.introspect(token).await? {
            Found::Valid(fill) => {
                let principal = self.watcher.session(&fill.principal, fill.as_of);
                Found::Valid(Fill { principal, ..fill })
            }
            Found::Unknown => Found::Unknown,
        })
    }

    async fn refresh_lease(&self) {
        self.follower.sync_on_demand().await;
    }

    async fn renew_keys(&self) -> Result<(), Outage> {
        self.keys.renew().await
    }

    fn proved(&self, verified: Verified) -> Verified {
        let principal = self.watcher.access_token(&verified.principal, &verified.kid);
        Verified { principal, ..verified }
    }

    fn used(&self, session: SessionId, at: Timestamp, idle_timeout: Duration) {
        self.uses.record(session, at, idle_timeout);
    }
}
