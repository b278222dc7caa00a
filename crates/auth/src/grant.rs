//! What login, refresh and exchange hand over.

use std::time::Duration;

use cloakroom_verify::Strategy;
use secrecy::SecretString;

use crate::session::Session;
use crate::user::User;

/// Credentials for a client, and what they stand for.
#[derive(Debug)]
pub struct Grant {
    /// Whose they are.
    pub user: User,
    /// The credentials, by strategy.
    pub credentials: Credentials,
}

/// The credentials of one strategy.
#[derive(Debug)]
pub enum Credentials {
    /// A session token and its row.
    Session {
        /// Shown on each request.
        token: SecretString,
        /// The login it stands for.
        session: Session,
    },
    /// An access token alone.
    Jwt {
        /// Shown on each request.
        access: AccessToken,
    },
    /// An access token and what renews it.
    Hybrid {
        /// Shown on each request.
        access: AccessToken,
        /// Shown only to be renewed.
        refresh: SecretString,
        /// The login they stand for.
        session: Session,
    },
}

/// A signed access token.
#[derive(Debug)]
pub struct AccessToken {
    /// The compact JWS.
    pub text: SecretString,
    /// How long it is good for.
    pub expires_in: Duration,
}

impl Grant {
    /// The strategy whose credentials these are.
    pub fn strategy(&self) -> Strategy {
        match self.credentials {
            Credentials::Session { .. } => Strategy::Session,
            Credentials::Jwt { .. } => Strategy::Jwt,
            Credentials::Hybrid { .. } => Strategy::Hybrid,
        }
    }

    /// The login, where there is a row.
    pub fn session(&self) -> Option<&Session> {
        match &self.credentials {
            Credentials::Session { session, .. } | Credentials::Hybrid { session, .. } => Some(session),
            Credentials::Jwt { .. } => None,
        }
    }
}
