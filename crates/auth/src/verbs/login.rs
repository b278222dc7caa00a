//! Login by email and password.

use std::net::IpAddr;
use std::time::Duration;

use cloakroom_verify::{Strategy, Timestamp, UserId};

use crate::audit::Audit;
use crate::auth::Auth;
use crate::email::EmailKey;
use crate::error::Result;
use crate::grant::Grant;
use crate::password::Password;
use crate::strategy::{self, Proved, Wish};
use crate::throttle::{Attempt, TooMany};
use crate::user::{Status, User};

/// What came of a login.
#[derive(Debug)]
pub enum Login {
    /// Here are the credentials.
    Granted(Grant),
    /// Unknown, disabled or wrong: one answer, one cost.
    InvalidCredentials,
    /// Too many failures for this account or from this address.
    Throttled {
        /// When to come again.
        retry_after: Duration,
    },
    /// This deployment does not offer the strategy.
    StrategyNotAllowed(Strategy),
}

impl Auth {
    /// Proves a password and issues the credentials of the chosen strategy.
    ///
    /// The head is read with the user, before the hash: a password that was checked against an old row cannot be
    /// stamped with a new head. Whatever the account, exactly one hash is computed.
    pub async fn login(
        &self,
        email: &EmailKey,
        password: Password,
        wish: Wish,
        now: Timestamp,
    ) -> Result<Login> {
        if !self.settings.allows(wish.strategy) {
            return Ok(Login::StrategyNotAllowed(wish.strategy));
        }
        let attempt = match self.begin_attempt(email, wish.address, now).await? {
            Ok(attempt) => attempt,
            Err(TooMany { retry_after }) => {
                Audit::LoginThrottled(wish.address).log();
                return Ok(Login::Throttled { retry_after });
            }
        };
        let address = wish.address;
        match self.prove(email, password, wish, now).await {
            Ok(Ok(grant)) => {
                attempt.succeeded(now);
                let session = grant.session().map(|session| session.id);
                Audit::LoginSucceeded(grant.user.id, session, grant.strategy(), address).log();
                Ok(Login::Granted(grant))
            }
            Ok(Err(Failed { user, why })) => {
                attempt.failed();
                Audit::LoginFailed(user, why, address).log();
                Ok(Login::InvalidCredentials)
            }
            Err(error) => {
                // Our outage is not the client's failure.
                attempt.abandon();
                Err(error)
            }
        }
    }

    /// Debits the attempt before anything is hashed, so that parallel guesses cannot outrun the counter.
    pub(crate) async fn begin_attempt(
        &self,
        email: &EmailKey,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<std::result::Result<Attempt<'_>, TooMany>> {
        let first = self.throttle.begin(email, address, false, now);
        let (Err(_), Some(from)) = (&first, address) else { return Ok(first) };
        // The account's shared budget is spent, perhaps by somebody else: an address that it logged in from
        // before has one of its own.
        let known = self.store.known_address(email, &from.to_canonical().to_string()).await?;
        Ok(if known { self.throttle.begin(email, address, true, now) } else { first })
    }

    async fn prove(
        &self,
        email: &EmailKey,
        password: Password,
        wish: Wish,
        now: Timestamp,
    ) -> Result<std::result::Result<Grant, Failed>> {
        let found = self.store.by_email(email).await?;
        let stored = found.as_ref().map(|(user, _)| user.password_hash.clone());
        let right = self.passwords.verify(password.clone(), stored).await?;
        let (user, as_of) = match found {
            None => return Ok(Err(Failed { user: None, why: "unknown" })),
            Some((user, _)) if !right => return Ok(Err(Failed { user: Some(user.id), why: "wrong" })),
            Some((user, as_of)) => match user.status {
                Status::Active => (user, as_of),
                Status::Disabled => return Ok(Err(Failed { user: Some(user.id), why: "disabled" })),
            },
        };
        self.raise_hash(&user, password).await;
        let id = user.id;
        let granted = strategy::issue(self, Proved { user, as_of, wish, now }).await?;
        Ok(granted.ok_or(Failed { user: Some(id), why: "ended meanwhile" }))
    }

    /// Hashes the password anew when the parameters have risen. It may fail silently: the old hash still works.
    async fn raise_hash(&self, user: &User, password: Password) {
        if !self.hasher().needs_rehash(&user.password_hash) {
            return;
        }
        if let Ok(new) = self.passwords.rehash(password, &user.password_hash).await {
            let raised = self.store.raise_hash(user.id, &user.password_hash, new).await;
            if let Err(error) = raised {
                tracing::warn!(user = %user.id, %error, "could not raise a password hash");
            }
        }
    }
}

/// Why a login failed. For the audit; the client learns nothing of it.
struct Failed {
    user: Option<UserId>,
    why: &'static str,
}
