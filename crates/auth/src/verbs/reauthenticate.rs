//! Proving the password again: the same login, its next credential, a new `auth_time`.

use std::net::IpAddr;
use std::time::Duration;

use cloakroom_verify::Timestamp;

use crate::audit::Audit;
use crate::auth::Auth;
use crate::error::Result;
use crate::gate::Login;
use crate::grant::{Credentials, Grant};
use crate::password::Password;
use crate::privilege::{Holder, StepUp};
use crate::session::RowStrategy;
use crate::store::{Found, SteppedUp};
use crate::strategy::{hybrid, session};
use crate::throttle::TooMany;
use crate::user::User;
use crate::verbs::caller::Caller;

/// What came of proving a password again.
#[derive(Debug)]
pub enum Reauthentication {
    /// The next credential of the same login.
    Granted(Grant),
    /// The credential that was shown is no good.
    InvalidToken,
    /// The password is wrong.
    WrongPassword,
    /// Too many failures of this login or from this address: they count as those of logins do.
    Throttled {
        /// When to come again.
        retry_after: Duration,
    },
}

impl Auth {
    /// Judges the credential by the store, then the password, and renews the login.
    pub async fn reauthenticate(
        &self,
        presented: &str,
        password: Password,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Reauthentication> {
        // A login elsewhere may have raised the hash after it was read: the same password under another hash, which is
        // proved once more. Raised hashes stay as they are, so twice is another password.
        if let Some(done) = self.prove_and_step_up(presented, password.clone(), address, now).await? {
            return Ok(done);
        }
        let again = self.prove_and_step_up(presented, password, address, now).await?;
        Ok(again.unwrap_or(Reauthentication::WrongPassword))
    }

    /// `None`: the user's hash is another one by now.
    async fn prove_and_step_up(
        &self,
        presented: &str,
        password: Password,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Option<Reauthentication>> {
        let Some(caller) = self.caller(presented, now).await? else {
            return Ok(Some(Reauthentication::InvalidToken));
        };
        match self.prove_again(&caller, password, address, now).await? {
            Proved::Right => self.step_up(caller, now).await,
            Proved::Wrong => Ok(Some(Reauthentication::WrongPassword)),
            Proved::Throttled { retry_after } => Ok(Some(Reauthentication::Throttled { retry_after })),
        }
    }

    async fn step_up(&self, caller: Caller, now: Timestamp) -> Result<Option<Reauthentication>> {
        let Caller { user, as_of, holder } = caller;
        let Some(holder) = holder else {
            // Without a row nothing is written. The head was read with the user, before the hash.
            let access = self.signer()?.access_token(&user, None, as_of, now)?;
            Audit::Reauthenticated(user.id, None).log();
            let grant = Grant { user, credentials: Credentials::Jwt { access } };
            return Ok(Some(Reauthentication::Granted(grant)));
        };
        self.ready_to_renew(&user, &holder)?;
        let _turn = self.gate.pass(Login::Session(holder.session)).await?;
        let step = StepUp { user: user.id, proved: user.password_hash, holder, now };
        Ok(Some(match self.store.step_up(&step).await? {
            SteppedUp::Done(found, event) => {
                self.learn(&event);
                Audit::Reauthenticated(step.user, Some(found.session.id)).log();
                Reauthentication::Granted(self.renewed(found, now)?)
            }
            SteppedUp::Refused(refusal) => {
                Audit::Refused(step.holder.session, refusal).log();
                Reauthentication::InvalidToken
            }
            SteppedUp::Overtaken => return Ok(None),
            SteppedUp::Unknown => Reauthentication::InvalidToken,
        }))
    }

    /// Before a row is renewed: what cannot be answered must not cost the old credential.
    pub(crate) fn ready_to_renew(&self, user: &User, holder: &Holder) -> Result<()> {
        if holder.generation.is_some() {
            // A session token needs no signature.
            return Ok(());
        }
        self.signer()?;
        self.check_size(user)
    }

    /// The current credentials of a row, whichever it carries.
    pub(crate) fn renewed(&self, found: Found, now: Timestamp) -> Result<Grant> {
        match found.session.strategy {
            RowStrategy::Session => Ok(session::grant(self, found.user, found.session)),
            RowStrategy::Hybrid => hybrid::renewed(self, found, now),
        }
    }

    /// Checks the password of a user who is logged in. Failures are charged as those of logins are, but to the login: a
    /// stolen session must not be a way to guess faster, and a stranger who knows the email must not keep its owner from
    /// changing the password.
    pub(crate) async fn prove_again(
        &self,
        caller: &Caller,
        password: Password,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Proved> {
        let user = &caller.user;
        let login = Login::of(caller.holder.as_ref(), user.id);
        let attempt = match self.throttle.begin_again(login, address, now) {
            Ok(attempt) => attempt,
            Err(TooMany { retry_after }) => {
                Audit::LoginThrottled(address).log();
                return Ok(Proved::Throttled { retry_after });
            }
        };
        match self.passwords.verify(password, Some(user.password_hash.clone())).await {
            Ok(true) => {
                attempt.succeeded(now);
                Ok(Proved::Right)
            }
            Ok(false) => {
                attempt.failed();
                Audit::LoginFailed(Some(user.id), "wrong password of a login that lives", address).log();
                Ok(Proved::Wrong)
            }
            Err(error) => {
                attempt.abandon();
                Err(error)
            }
        }
    }
}

/// What came of checking the password of a user who is logged in.
pub(crate) enum Proved {
    /// It is the password.
    Right,
    /// It is not.
    Wrong,
    /// Too many failures lately.
    Throttled { retry_after: Duration },
}
