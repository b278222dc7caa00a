//! The authority behind the verifier: answers from the store what a verifier does not know by itself.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_verify::authenticate::{Authority, Fill, Found, Outage};
use cloakroom_verify::clock::Clock;
use cloakroom_verify::{OpaqueKind, OpaqueToken, SessionId, Timestamp};

use crate::audit::Audit;
use crate::auth::Auth;
use crate::check_row::CheckRow;
use crate::follow::Follower;
use crate::lookups::Lookups;
use crate::session::{Dead, RowStrategy};

/// This server as its own authority. A fill comes from the store, never from what a verifier remembers.
pub struct StoreAuthority<C> {
    auth: Arc<Auth>,
    follower: Arc<Follower<C>>,
    clock: C,
    /// `None`: each session is looked up by a query of its own.
    lookups: Option<Lookups<CheckRow>>,
}

impl<C: Clock> StoreAuthority<C> {
    /// Answers for `auth`, on the runtime of the caller, and lets `follower` renew a lapsed lease.
    pub fn new(auth: Arc<Auth>, follower: Arc<Follower<C>>, clock: C) -> Self {
        let store = Arc::clone(&auth.store);
        let lookups = Lookups::start(move |sessions: Vec<SessionId>| {
            let store = Arc::clone(&store);
            async move { store.for_check(&sessions).await }
        });
        Self { auth, follower, clock, lookups: Some(lookups) }
    }

    /// By a query for each check, as others do it: for comparisons.
    #[must_use]
    pub fn apart(self) -> Self {
        Self { lookups: None, ..self }
    }

    /// The row of a token whose mac is right.
    async fn authentic(&self, token: &OpaqueToken) -> crate::Result<Option<CheckRow>> {
        if !self.auth.is_of_a_known_key(token, self.clock.wall())? {
            return Ok(None);
        }
        let row = match &self.lookups {
            Some(lookups) => lookups.find(token.session).await?,
            None => self.auth.store.for_check(&[token.session]).await?.pop(),
        };
        Ok(row.filter(|row| self.auth.proves(token, &row.secret)))
    }

    async fn fill(&self, token: &OpaqueToken) -> crate::Result<Option<Fill>> {
        // That nobody knows a token is an answer by what the store says, too.
        self.follower.vouch_for_reads().await?;
        let Some(row) = self.authentic(token).await? else { return Ok(None) };
        if token.kind != OpaqueKind::Session || row.strategy != RowStrategy::Session {
            return Ok(None);
        }
        if token.generation != row.generation {
            // Requests in flight carry an old one honestly: no revocation.
            Audit::OldSessionToken(token.session).log();
            return Ok(None);
        }
        let now = self.clock.wall();
        let row = match row.life.judge(row.as_of, now) {
            Err(Dead::Idle) if self.auth.flush_use(token.session).await? => {
                // Uses that the store did not know of: only a fresh row can say idle.
                match self.authentic(token).await? {
                    Some(again) => again,
                    None => return Ok(None),
                }
            }
            Ok(()) | Err(_) => row,
        };
        let live = row.life.judge(row.as_of, now).is_ok()
            && token.generation == row.generation
            && row.strategy == RowStrategy::Session;
        Ok(live.then(|| fill(row, token, now, self.auth.settings.token.lifetime)))
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

fn fill(row: CheckRow, token: &OpaqueToken, now: Timestamp, longest: Duration) -> Fill {
    Fill {
        principal: row.principal,
        mac: token.mac,
        generation: row.generation,
        as_of: row.as_of.head(),
        expires_at: row.life.expires_at,
        idle_timeout: row.life.idle_timeout,
        last_used_at: row.life.last_used_at,
        // Events are kept at least this long: a passport must not outlive what could kill it.
        fill_until: now.after(longest),
    }
}

impl<C> std::fmt::Debug for StoreAuthority<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreAuthority").finish_non_exhaustive()
    }
}
