//! The key directory, looked at again and again: a rotated key is known to every replica long before it signs.

use std::time::Duration;

use cloakroom_verify::clock::Clock;

use crate::app::App;
use crate::config::{Config, Mode};
use crate::key_files::rotate::{self, LEAD, Purpose};
use crate::key_files::{self, KeyError};

/// How often it is looked at.
pub const EVERY: Duration = Duration::from_secs(2);

/// Keeps the keys of a server as its directory says.
pub struct KeyWatch {
    config: Config,
    mode: Mode,
}

impl KeyWatch {
    /// Watches the directory of this configuration.
    pub const fn new(config: Config, mode: Mode) -> Self {
        Self { config, mode }
    }

    /// Reads the directory again. What cannot be read changes nothing: the keys in use stay in use.
    ///
    /// A revoked key is not loaded, whatever the directory says; while it is the only one, what it signs is refused.
    pub fn look(&self, app: &App) -> Result<(), KeyError> {
        let reading = app.auth.key_readings.begin();
        let now = app.clock.wall();
        let is_revoked = |kid: &_| app.auth.revocations.is_key_revoked(kid);
        let keys = key_files::load_but(&self.config, self.mode, now, &is_revoked)?;
        let known = app.auth.keys.all();
        let same = known.len() == keys.verifying.len()
            && keys.verifying.iter().all(|(kid, _)| known.iter().any(|known| known.kid == *kid));
        // First accepted, then used. An unchanged set is left alone: replacing it forgets the tokens seen before.
        if !same {
            app.verifier.replace_keys(keys.verifying);
        }
        let old = app.auth.keyring.swap(keys.keyring.into());
        let kid = &app.auth.keyring.load().kid;
        if old.kid != *kid {
            tracing::info!(%kid, "access tokens are signed with another key now");
        }
        app.auth.key_readings.finish(reading);
        Ok(())
    }

    /// Rotates the signing key when `keys.rotate_every` has passed since the last one, and removes what is dead.
    pub fn rotate_when_due(&self, app: &App) -> Result<(), KeyError> {
        let Some(period) = self.config.keys.rotate_every else { return Ok(()) };
        let now = app.clock.wall();
        if key_files::newest_signing(&self.config)?.is_none_or(|newest| newest.after(period) <= now) {
            let file = rotate::rotate(&self.config, self.mode, Purpose::Signing, LEAD, now)?;
            tracing::info!(%file, "made the next signing key");
        }
        for file in rotate::retire(&self.config, None, now)? {
            tracing::info!(%file, "removed a key that nothing needs any more");
        }
        Ok(())
    }
}
