//! What only an operator revokes: a signing key, everything.

use cloakroom_verify::{KeyId, Revocation, Timestamp};

use crate::audit::Audit;
use crate::auth::Auth;
use crate::error::Result;

impl Auth {
    /// Kills what a signing key signed, for ever: it is never loaded again.
    pub async fn revoke_key(&self, kid: KeyId, now: Timestamp) -> Result<()> {
        let event = self.store.append(Revocation::KeyRevoked(kid.clone()), None, now).await?;
        self.learn(&event);
        Audit::KeyRevoked(&kid).log();
        Ok(())
    }

    /// Kills every credential of everyone that was made until now.
    pub async fn revoke_everything(&self, now: Timestamp) -> Result<()> {
        let event = self.store.append(Revocation::EverythingBefore, None, now).await?;
        self.learn(&event);
        Audit::EverythingRevoked.log();
        Ok(())
    }
}
