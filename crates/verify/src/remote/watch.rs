//! Long-lived connections: a WebSocket or a stream of events was opened by somebody who may be logged out meanwhile.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::sync::Notify;

use super::follower::Follower;
use super::link::Link;
use super::runtime::Runtime;
use crate::clock::Clock;
use crate::lease::Judgement;
use crate::{KeyId, Principal, Rv};

/// The longest sleep: the server's clock may be set, and a machine may be suspended.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// Why a principal is no longer good for what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// Its credential was revoked.
    Revoked,
    /// What is known of it is outdated, such as its roles: authenticate again.
    Changed,
    /// Its credential has expired.
    Expired,
    /// Nobody can tell whether it was revoked: the servers cannot be reached, and the bound has passed.
    Unknown,
    /// It did not come from a [`Verifier`](super::Verifier), and nobody watches it.
    Unwatched,
}

impl Principal {
    /// Waits until it must not be relied on any more: see [`Ended`]. For a connection that lives on after the check
    /// that let it in:
    ///
    /// ```
    /// # use cloakroom_verify::Principal;
    /// # use cloakroom_verify::remote::Ended;
    /// async fn serve(caller: Principal, messages: impl Future<Output = ()>) -> Option<Ended> {
    ///     tokio::select! {
    ///         () = messages => None,
    ///         ended = caller.revoked() => Some(ended), // close the connection
    ///     }
    /// }
    /// ```
    ///
    /// It may be dropped at any time and asked again. Thousands may wait: each costs a look at the table whenever a
    /// revocation arrives.
    pub async fn revoked(&self) -> Ended {
        let Some(watch) = self.watch() else { return Ended::Unwatched };
        loop {
            // Registered before it is judged, so that nothing is missed in between.
            let mut news = std::pin::pin!(watch.watcher.news().notified());
            news.as_mut().enable();
            if let Some(ended) = watch.watcher.judge(self, &watch.proof) {
                return ended;
            }
            match select(news, watch.watcher.until_expiry(self)).await {
                Either::Left(_) | Either::Right(_) => {}
            }
        }
    }
}

/// Who tells when a principal ends, and what it came from.
pub(crate) struct Watch {
    watcher: Arc<dyn Watches>,
    proof: WatchedProof,
}

/// What a principal came from: how far it was known to be good.
enum WatchedProof {
    /// A session, as it was at this position of the feed.
    Session(Rv),
    /// An access token by this key.
    AccessToken(KeyId),
}

trait Watches: Send + Sync {
    /// Told whenever somebody may have ended.
    fn news(&self) -> &Notify;
    fn judge(&self, principal: &Principal, proof: &WatchedProof) -> Option<Ended>;
    fn until_expiry(&self, principal: &Principal) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// Watches with what a follower knows.
pub(super) struct Watcher<L, R, C>(pub(super) Arc<Follower<L, R, C>>);

impl<L: Link, R: Runtime, C: Clock> Watcher<L, R, C> {
    pub(super) fn session(self: &Arc<Self>, principal: &Principal, as_of: Rv) -> Principal {
        let watcher = Arc::<Self>::clone(self);
        principal.watched(Watch { watcher, proof: WatchedProof::Session(as_of) })
    }

    pub(super) fn access_token(self: &Arc<Self>, principal: &Principal, kid: &KeyId) -> Principal {
        let watcher = Arc::<Self>::clone(self);
        principal.watched(Watch { watcher, proof: WatchedProof::AccessToken(kid.clone()) })
    }
}

impl<L: Link, R: Runtime, C: Clock> Watches for Watcher<L, R, C> {
    fn news(&self) -> &Notify {
        &self.0.knowledge.news
    }

    fn judge(&self, principal: &Principal, proof: &WatchedProof) -> Option<Ended> {
        let knowledge = &self.0.knowledge;
        let table = &knowledge.revocations;
        if knowledge.server_clock().wall() >= principal.expires_at {
            return Some(Ended::Expired);
        }
        let judgement = knowledge.lease.judge(&knowledge.clock, || match (proof, principal.token) {
            (WatchedProof::AccessToken(kid), Some(token)) => {
                table.access_token(&token, principal.session.as_ref(), &principal.user, kid, principal.rv)
            }
            (WatchedProof::Session(as_of), _) => match &principal.session {
                Some(session) => table.session(session, &principal.user, principal.rv, *as_of),
                None => crate::revocations::Verdict::Killed,
            },
            (WatchedProof::AccessToken(_), None) => crate::revocations::Verdict::Killed,
        });
        match judgement {
            Judgement::Live | Judgement::Tolerated => None,
            Judgement::Killed => Some(Ended::Revoked),
            Judgement::Refill => Some(Ended::Changed),
            Judgement::Stale => Some(Ended::Unknown),
        }
    }

    fn until_expiry(&self, principal: &Principal) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let left = principal.expires_at.since(self.0.knowledge.server_clock().wall());
        Box::pin(self.0.runtime.sleep(left.min(LOOK_AGAIN)))
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}
