//! Changing a password: it ends every other login of the user, and this one gets its next credential.

use std::net::IpAddr;
use std::time::Duration;

use cloakroom_verify::Timestamp;
use secrecy::SecretString;

use crate::audit::Audit;
use crate::auth::Auth;
use crate::error::Result;
use crate::gate::Login;
use crate::grant::{Credentials, Grant};
use crate::password::{NewPassword, Password, PasswordRefused};
use crate::privilege;
use crate::store::{Found, PasswordChanged};
use crate::user::User;
use crate::verbs::caller::Caller;
use crate::verbs::reauthenticate::Proved;

/// What came of changing a password.
#[derive(Debug)]
pub enum PasswordChange {
    /// It is changed: the next credential of this login.
    Granted(Grant),
    /// The credential that was shown is no good.
    InvalidToken,
    /// The current password is wrong.
    WrongPassword,
    /// The new password may not be chosen.
    Refused(PasswordRefused),
    /// Too many failures of this login or from this address: they count as those of logins do.
    Throttled {
        /// When to come again.
        retry_after: Duration,
    },
}

impl Auth {
    /// Judges the credential by the store, the current password, the new one, and changes it.
    pub async fn change_password(
        &self,
        presented: &str,
        current: Password,
        new: &SecretString,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<PasswordChange> {
        // As in `reauthenticate`: a hash that was raised meanwhile is no other password.
        if let Some(done) = self.prove_and_change(presented, current.clone(), new, address, now).await? {
            return Ok(done);
        }
        let again = self.prove_and_change(presented, current, new, address, now).await?;
        Ok(again.unwrap_or(PasswordChange::WrongPassword))
    }

    /// `None`: the user's hash is another one by now.
    async fn prove_and_change(
        &self,
        presented: &str,
        current: Password,
        new: &SecretString,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Option<PasswordChange>> {
        let Some(caller) = self.caller(presented, now).await? else {
            return Ok(Some(PasswordChange::InvalidToken));
        };
        let new = match self.new_password(&caller.user, new) {
            Ok(new) => new,
            Err(refused) => return Ok(Some(PasswordChange::Refused(refused))),
        };
        match self.prove_again(&caller, current, address, now).await? {
            Proved::Right => self.change(caller, new, now).await,
            Proved::Wrong => Ok(Some(PasswordChange::WrongPassword)),
            Proved::Throttled { retry_after } => Ok(Some(PasswordChange::Throttled { retry_after })),
        }
    }

    async fn change(
        &self,
        caller: Caller,
        new: NewPassword,
        now: Timestamp,
    ) -> Result<Option<PasswordChange>> {
        match &caller.holder {
            Some(holder) => self.ready_to_renew(&caller.user, holder)?,
            None => drop(self.signer()?),
        }
        let new = self.passwords.hash(new).await?;
        let Caller { user, as_of: before, holder } = caller;
        let _turn = self.gate.pass(Login::of(holder.as_ref(), user.id)).await?;
        let (user, proved) = (user.id, user.password_hash);
        let change = privilege::PasswordChange { user, proved, new, as_of: before, keep: holder, now };
        Ok(Some(match self.store.change_password(&change).await? {
            PasswordChanged::Done { user, as_of, kept, event } => {
                self.learn(&event);
                Audit::PasswordChanged(user.id).log();
                if kept.is_none() && before.head() < as_of.floor() {
                    // Every login of everyone ended between the judgement and the change: this one, too.
                    return Ok(Some(PasswordChange::InvalidToken));
                }
                PasswordChange::Granted(match kept {
                    Some(session) => self.renewed(Found { session, user, as_of }, now)?,
                    None => {
                        let access = self.signer()?.access_token(&user, None, as_of, now)?;
                        Grant { user, credentials: Credentials::Jwt { access } }
                    }
                })
            }
            PasswordChanged::Refused(_) | PasswordChanged::Unknown => PasswordChange::InvalidToken,
            PasswordChanged::Overtaken => return Ok(None),
        }))
    }

    fn new_password(
        &self,
        user: &User,
        new: &SecretString,
    ) -> std::result::Result<NewPassword, PasswordRefused> {
        let context = [user.email.as_str(), user.name.as_deref().unwrap_or_default()];
        NewPassword::parse(new, self.settings.min_password, &context)
    }
}
