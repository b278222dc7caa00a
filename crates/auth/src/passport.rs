//! The authority behind the verifier: answers from the store what a verifier does not know by itself.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_verify::authenticate::{Authority, Fill, Found, Outage};
use cloakroom_verify::clock::Clock;
use cloakroom_verify::{
    LoginFacts, OpaqueKind, OpaqueToken, Principal, PrincipalFacts, SessionId, Timestamp,
};

use crate::audit::Audit;
use crate::auth::Auth;
use crate::follow::Follower;
use crate::session::{Dead, RowStrategy};
use crate::store;

/// This server as its own authority. A fill comes from the store, never from what a verifier remembers.
pub struct StoreAuthority<C> {
    auth: Arc<Auth>,
    follower: Arc<Follower<C>>,
    clock: C,
    /// Whether it looks up each session by a query of its own.
    apart: bool,
}

impl<C: Clock> StoreAuthority<C> {
    /// Answers for `auth`, and lets `follower` renew a lapsed lease.
    pub fn new(auth: Arc<Auth>, follower: Arc<Follower<C>>, clock: C) -> Self {
        Self { auth, follower, clock, apart: false }
    }

    /// By a query for each check, as others do it: for comparisons.
    #[must_use]
    pub fn apart(self) -> Self {
        Self { apart: true, ..self }
    }

    async fn authentic(&self, token: &OpaqueToken) -> crate::Result<Option<store::Found>> {
        let now = self.clock.wall();
        if !self.apart {
            return self.auth.authentic(token, now).await;
        }
        if !self.auth.is_of_a_known_key(token, now)? {
            return Ok(None);
        }
        let found = self.auth.store.find(token.session).await?;
        Ok(found.filter(|found| self.auth.proves(token, found)))
    }

    async fn fill(&self, token: &OpaqueToken) -> crate::Result<Option<Fill>> {
        // That nobody knows a token is an answer by what the store says, too.
        self.follower.vouch_for_reads().await?;
        let Some(found) = self.authentic(token).await? else { return Ok(None) };
        if token.kind != OpaqueKind::Session || found.session.strategy != RowStrategy::Session {
            return Ok(None);
        }
        if token.generation != found.session.generation {
            // Requests in flight carry an old one honestly: no revocation.
            Audit::OldSessionToken(token.session).log();
            return Ok(None);
        }
        let now = self.clock.wall();
        let found = match found.session.judge(&found.user, found.as_of, now) {
            Err(Dead::Idle) if self.auth.flush_use(token.session).await? => {
                // Uses that the store did not know of: only a fresh row can say idle.
                match self.authentic(token).await? {
                    Some(again) => again,
                    None => return Ok(None),
                }
            }
            Ok(()) | Err(_) => found,
        };
        let live = found.session.judge(&found.user, found.as_of, now).is_ok()
            && token.generation == found.session.generation
            && found.session.strategy == RowStrategy::Session;
        Ok(live.then(|| fill(&found, token, now, self.auth.settings.token.lifetime)))
    }
}

impl<C: Clock> Authority for StoreAuthority<C> {
    async fn session(&self, token: &OpaqueToken) -> Result<Found, Outage> {
        match self.fill(token).await {
            Ok(Some(fill)) => Ok(Found::Valid(fill)),
            Ok(None) => Ok(Found::Unknown),
            Err(error) => {
                tracing::error!(%error, "a session could not be looked up");
                Err(Outage)
            }
        }
    }

    async fn refresh_lease(&self) {
        self.follower.sync_on_demand().await;
    }

    async fn renew_keys(&self) -> Result<(), Outage> {
        if self.auth.key_readings.anew().await { Ok(()) } else { Err(Outage) }
    }

    fn used(&self, session: SessionId, at: Timestamp, idle_timeout: Duration) {
        self.auth.uses.record(session, at, idle_timeout);
    }
}

fn fill(found: &store::Found, token: &OpaqueToken, now: Timestamp, longest: Duration) -> Fill {
    let store::Found { session, user, as_of } = found;
    let principal = Principal::new(PrincipalFacts {
        user: user.id,
        email: Some(user.email.as_str().into()),
        name: user.name.as_deref().map(Into::into),
        roles: user.roles.clone(),
        strategy: session.strategy.into(),
        session: Some(session.id),
        token: None,
        rv: session.rv,
        auth_time: session.auth_time,
        expires_at: session.expires_at,
        login: Some(LoginFacts {
            device: session.device.as_str().into(),
            ip: session.ip.as_deref().map(Into::into),
            created_at: session.created_at,
            idle_timeout: session.idle_timeout,
            user_created_at: user.created_at,
        }),
    });
    Fill {
        principal,
        mac: token.mac,
        generation: session.generation,
        as_of: as_of.head(),
        expires_at: session.expires_at,
        idle_timeout: session.idle_timeout,
        last_used_at: session.last_used_at,
        // Events are kept at least this long: a passport must not outlive what could kill it.
        fill_until: now.after(longest),
    }
}

impl<C> std::fmt::Debug for StoreAuthority<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreAuthority").finish_non_exhaustive()
    }
}
