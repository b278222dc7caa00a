//! What a command that changes something needs: the configuration, the keys and the store, beside a running server.

use std::sync::Arc;

use cloakroom_auth::Auth;
use cloakroom_auth::email::Email;
use cloakroom_auth::user::User;
use cloakroom_store::{OpenError, Purpose};
use cloakroom_verify::clock::{Clock, SystemClock};
use cloakroom_verify::{Timestamp, UserId};

use super::Failure;
use crate::config::{Config, ConfigError, Inputs};
use crate::key_files::{self, KeyError};
use crate::wiring;

/// An open deployment.
pub struct Context {
    /// What the operator configured.
    pub config: Config,
    /// The rules.
    pub auth: Arc<Auth>,
    /// When the command began.
    pub now: Timestamp,
}

impl Context {
    /// Opens it.
    pub async fn open(inputs: &Inputs) -> Result<Self, Failure> {
        let (config, _) = Config::load(inputs)?;
        let now = SystemClock.wall();
        let keys = key_files::load(&config, inputs.mode, now)?;
        let store = wiring::store(&config, Purpose::Command, now).await?;
        let auth = wiring::auth(&config, keys, store);
        Ok(Self { config, auth, now })
    }

    /// The account of an email or an id.
    pub async fn user(&self, email_or_id: &str) -> Result<User, Failure> {
        let nobody = || Failure::not_found("there is no such user");
        let found = match email_or_id.parse::<UserId>() {
            Ok(id) => self.auth.store.by_id(id).await,
            Err(_) => {
                let email = Email::parse(email_or_id).map_err(|_| nobody())?;
                self.auth.store.by_email(&email.key).await
            }
        };
        let found = found.map_err(Failure::unreachable)?;
        found.map(|(user, _)| user).ok_or_else(nobody)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::refused(error)
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        if matches!(error, KeyError::Unknown { .. }) { Self::not_found(error) } else { Self::refused(error) }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Failed(_) => Self::unreachable(error),
            // Everything else is a database that must not be used as it is.
            OpenError::UnknownUrl
            | OpenError::Sessions(_)
            | OpenError::Held(_)
            | OpenError::Newer { .. }
            | OpenError::Unmigrated { .. }
            | OpenError::Corrupt { .. }
            | OpenError::Foreign { .. }
            | OpenError::Exists(_)
            | OpenError::NotOffered(_)
            | _ => Self::refused(error),
        }
    }
}

impl From<cloakroom_auth::Error> for Failure {
    fn from(error: cloakroom_auth::Error) -> Self {
        use cloakroom_auth::Error;
        match &error {
            Error::Store(_) => Self::unreachable(error),
            Error::TokenTooLarge => Self::refused(error),
            Error::NoSigningKey
            | Error::KeyNotRead
            | Error::Crowded
            | Error::Busy { .. }
            | Error::Broken(_)
            | _ => Self::failed(error),
        }
    }
}
