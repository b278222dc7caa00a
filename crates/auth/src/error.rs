//! The one error of the rules. Expected refusals are outcomes of each verb, not errors.

use std::time::Duration;

use crate::store::StoreError;

/// Why a verb could not be carried out at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store did not answer: 503, never 401.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Too many password hashes wait already.
    #[error("the password hashing queue is full")]
    Busy {
        /// When to come again.
        retry_after: Duration,
    },
    /// The claims do not fit a token: a mistake of the configuration or of the roles.
    #[error("the access token would be larger than 4 KiB: give the user fewer or shorter roles")]
    TokenTooLarge,
    /// The key that signs access tokens was revoked, and its successor is not in use yet: 503, like any outage.
    #[error("the signing key was revoked and no other is in use yet")]
    NoSigningKey,
    /// A token was made by a key that this server has not read yet: 503, until the keys are read again.
    #[error("a token names a key that is not known yet")]
    KeyNotRead,
    /// Too many requests of one login wait for each other: 503, for it alone.
    #[error("too many requests of this login wait for each other")]
    Crowded,
    /// What is stored for a user cannot be read as a password hash, or a key is missing.
    #[error("{0}")]
    Broken(&'static str),
}

/// The answer of a verb.
pub type Result<T> = std::result::Result<T, Error>;
