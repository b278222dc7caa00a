//! Making an account.

use std::net::IpAddr;
use std::time::Duration;

use cloakroom_verify::{Roles, Timestamp};

use crate::audit::Audit;
use crate::auth::Auth;
use crate::email::Email;
use crate::error::Result;
use crate::password::NewPassword;
use crate::store::Added;
use crate::throttle::TooMany;
use crate::token;
use crate::user::{NewUser, Status, User};

/// What came of a signup.
#[derive(Debug)]
pub enum Signup {
    /// The account is there; nobody is logged in.
    Created(User),
    /// Another account has the email.
    EmailTaken,
    /// Too many requests from this address.
    Throttled {
        /// When to come again.
        retry_after: Duration,
    },
    /// Only an operator makes accounts here.
    Closed,
}

impl Auth {
    /// Makes an account for whoever asks, if the deployment is open.
    pub async fn signup(
        &self,
        email: Email,
        password: NewPassword,
        name: Option<String>,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Signup> {
        if !self.settings.signup_open {
            return Ok(Signup::Closed);
        }
        if let Err(TooMany { retry_after }) = self.throttle.charge_address(address, now) {
            return Ok(Signup::Throttled { retry_after });
        }
        Ok(match self.add_user(email, password, name, Roles::default(), now).await? {
            Added::User(user) => Signup::Created(user),
            Added::EmailTaken => Signup::EmailTaken,
        })
    }

    /// Makes an account. The password is hashed before the email is looked at, so both answers cost the same.
    pub async fn add_user(
        &self,
        email: Email,
        password: NewPassword,
        name: Option<String>,
        roles: Roles,
        now: Timestamp,
    ) -> Result<Added> {
        let password_hash = self.passwords.hash(password).await?;
        let id = token::new_user_id(now);
        let status = Status::Active;
        let new = NewUser { id, email, name, password_hash, roles, status, created_at: now };
        self.check_size(&User::from(new.clone()))?;
        let added = self.store.add(new).await?;
        match &added {
            Added::User(user) => Audit::UserCreated(user.id).log(),
            Added::EmailTaken => {}
        }
        Ok(added)
    }
}
