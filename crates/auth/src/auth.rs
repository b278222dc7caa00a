//! The rules in one place: what every verb needs.

use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use cloakroom_verify::jwt::Rules;
use cloakroom_verify::keys::KeySet;
use cloakroom_verify::revocations::Revocations;
use cloakroom_verify::{Event, Revocation, SessionId, Strategy};

use crate::doorbell::Doorbell;
use crate::drift::LastDrift;
use crate::error::{Error, Result};
use crate::gate::Gate;
use crate::grace::GraceWatch;
use crate::key_readings::KeyReadings;
use crate::keyring::{Keyring, Signer};
use crate::lookups::Lookups;
use crate::password::{HashPool, Hasher};
use crate::proved_keys::ProvedKeys;
use crate::refresh_event::RefreshCounts;
use crate::settings::Settings;
use crate::store::{Found, Store};
use crate::throttle::Throttle;
use crate::user::User;
use crate::uses::Uses;
use crate::verbs::tend::PurgeCounts;

/// Signup, login, refresh, exchange, logout and revocation. Each verb is a file in `verbs/`.
pub struct Auth {
    /// Where users and sessions rest.
    pub store: Arc<dyn Store>,
    /// How a server looks up sessions by tokens that are not proved yet: whoever makes tokens up takes one connection
    /// then, and not all of them. Not set: by a query each. A server sets it, since it needs a runtime; commands do without.
    pub lookups: OnceLock<Lookups<Found>>,
    /// What the operator decided.
    pub settings: Settings,
    /// The keys that credentials are made with; replaced whole when they are rotated.
    pub keyring: ArcSwap<Keyring>,
    /// How far the keys were read: a token of a key that is not known yet is no wrong token.
    pub key_readings: KeyReadings,
    /// The public sides of the keys that access tokens are proved with.
    pub keys: Arc<KeySet>,
    /// What an access token must say.
    pub rules: Rules,
    /// Hashes passwords, a bounded number at once.
    pub passwords: HashPool,
    /// Limits guessing.
    pub throttle: Throttle,
    /// What this process knows to be dead: told before a verb answers, so that this server refuses at once.
    pub revocations: Arc<Revocations>,
    /// Requests that wait for the row of the same login.
    pub gate: Gate,
    /// How often what came of a refresh.
    pub refreshes: RefreshCounts,
    /// Logins that are answered in their grace more often than usual.
    pub grace: GraceWatch,
    /// What was deleted because nothing needs it any more.
    pub purged: PurgeCounts,
    /// Uses of sessions that the store does not know of yet.
    pub uses: Uses,
    /// Service keys that need no read of the store.
    pub proved_keys: ProvedKeys,
    /// Rung when this process has told the feed of something.
    pub doorbell: Doorbell,
    /// How far this machine's clock is from the database's: what is made here must not outlive its revocation there.
    pub drift: LastDrift,
}

impl Auth {
    /// From now on lookups that wait together share a query, on the runtime of the caller.
    pub fn share_lookups(&self) {
        let store = Arc::clone(&self.store);
        let query = move |sessions: Vec<SessionId>| {
            let store = Arc::clone(&store);
            async move {
                match sessions.as_slice() {
                    [alone] => Ok(store.find(*alone).await?.into_iter().collect()),
                    several => store.find_many(several).await,
                }
            }
        };
        self.lookups.get_or_init(|| Lookups::start(query));
    }

    /// Makes this server refuse what the event kills, before the answer that tells of it, and has the others told.
    pub(crate) fn learn(&self, event: &Event) {
        self.apply(event);
        self.doorbell.ring();
    }

    /// Makes this server refuse what the event kills.
    pub(crate) fn apply(&self, event: &Event) {
        self.revocations.apply(event);
        match event.revocation {
            Revocation::ServiceKeyRevoked(id) => self.proved_keys.revoke(id),
            Revocation::SessionRevoked(_)
            | Revocation::TokenRevoked(_)
            | Revocation::UserBefore(_)
            | Revocation::EverythingBefore
            | Revocation::ClaimsBefore(_)
            | Revocation::SessionChanged(_)
            | Revocation::KeyRevoked(_) => {}
        }
    }

    /// What makes access tokens, unless its key is revoked: what it signed would be dead at birth, and a login that
    /// cannot be used is an outage.
    pub(crate) fn signer(&self) -> Result<Signer<'_>> {
        let signer = self.signer_in_doubt();
        if self.revocations.is_key_revoked(&signer.keyring.kid) {
            Err(Error::NoSigningKey)
        } else {
            Ok(signer)
        }
    }

    /// Whether every login that is allowed here can be answered, now or in a moment, as far as keys go: of a key that is
    /// revoked the next one is published before it signs, and for so long no server should be taken for dead.
    pub fn can_sign(&self) -> bool {
        let is_needed = self.settings.allows(Strategy::Jwt) || self.settings.allows(Strategy::Hybrid);
        let is_good = |kid| !self.revocations.is_key_revoked(kid);
        !is_needed || self.signer().is_ok() || self.keys.all().iter().any(|key| is_good(&key.kid))
    }

    /// Whether the claims of this user fit a token, whoever signs it.
    pub(crate) fn check_size(&self, user: &User) -> Result<()> {
        self.signer_in_doubt().check_size(user)
    }

    fn signer_in_doubt(&self) -> Signer<'_> {
        Signer { keyring: self.keyring.load(), settings: &self.settings.token, drift: self.drift.get() }
    }

    pub(crate) fn hasher(&self) -> &Hasher {
        self.passwords.hasher()
    }
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth").field("keyring", &self.keyring.load()).finish_non_exhaustive()
    }
}
