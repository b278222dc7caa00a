//! The rules in one place: what every verb needs.

use std::sync::Arc;

use arc_swap::ArcSwap;
use cloakroom_verify::Event;
use cloakroom_verify::jwt::Rules;
use cloakroom_verify::keys::KeySet;
use cloakroom_verify::revocations::Revocations;

use crate::keyring::Keyring;
use crate::password::{HashPool, Hasher};
use crate::settings::Settings;
use crate::store::Store;
use crate::throttle::Throttle;
use crate::uses::Uses;

/// Signup, login, refresh, exchange, logout and revocation. Each verb is a file in `verbs/`.
pub struct Auth {
    /// Where users and sessions rest.
    pub store: Arc<dyn Store>,
    /// What the operator decided.
    pub settings: Settings,
    /// The keys that credentials are made with; replaced whole when they are rotated.
    pub keyring: ArcSwap<Keyring>,
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
    /// Uses of sessions that the store does not know of yet.
    pub uses: Uses,
}

impl Auth {
    /// Makes this server refuse what the event kills, before the answer that tells of it.
    pub(crate) fn learn(&self, event: &Event) {
        self.revocations.apply(event);
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
