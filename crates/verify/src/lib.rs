//! Who is calling? The part of Cloakroom that other services embed.
//!
//! Give it what a request carries and it answers with a [`Principal`], without I/O on the usual path:
//! the strategies `session`, `jwt` and `hybrid` are checked side by side and look the same to a handler.
//!
//! * [`verifier`]: the checks; [`authenticate`]: the seams around them
//! * [`proof`]: which credentials a request shows; [`layer`] and [`extract`]: tower and axum
//! * [`jwt`], [`keys`], [`algorithm`], [`jwk`]: access tokens; [`opaque`]: session and refresh tokens
//! * [`revocations`] (what kills), [`lease`] (how fresh that knowledge is), [`event`] (how it is told)
//! * [`id`], [`timestamp`], [`rv`], [`principal`], [`clock`]: the words that everything is said in
//!
//! It may not depend on tokio, a database or an HTTP client.

pub mod algorithm;
pub mod authenticate;
pub mod clock;
pub mod event;
#[cfg(feature = "axum")]
pub mod extract;
pub mod id;
pub mod jwk;
pub mod jwt;
pub mod keys;
#[cfg(feature = "tower")]
pub mod layer;
pub mod lease;
pub mod opaque;
mod passports;
pub mod principal;
pub mod proof;
pub mod revocations;
pub mod rv;
mod scope;
mod seen;
pub mod timestamp;
pub mod verifier;

pub use event::{Event, Revocation};
pub use id::{KeyId, ServiceKeyId, SessionId, TokenId, UserId};
pub use opaque::{OpaqueKind, OpaqueToken};
pub use principal::{LoginFacts, Principal, PrincipalFacts, Roles, Strategy, Transport};
pub use rv::Rv;
pub use timestamp::Timestamp;
