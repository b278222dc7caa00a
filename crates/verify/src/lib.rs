//! Who is calling? The part of Cloakroom that other services embed.
//!
//! Give it what a request carries and it answers with a [`Principal`], without I/O on the usual path:
//! the strategies `session`, `jwt` and `hybrid` are checked side by side and look the same to a handler.
//!
//! In an axum service (feature `axum`), one layer asks and the arguments of a handler say what it needs:
//!
#![cfg_attr(feature = "axum", doc = "```")]
#![cfg_attr(not(feature = "axum"), doc = "```ignore")]
//! use axum::{Router, routing::get};
//! use cloakroom_verify::Principal;
//! use cloakroom_verify::authenticate::Authenticate;
//! use cloakroom_verify::extract::{Admin, Fresh, Having};
//! use cloakroom_verify::layer::AuthenticateLayer;
//!
//! fn service(verifier: impl Authenticate) -> Router {
//!     Router::new()
//!         // 401 for nobody, 503 when nobody can tell.
//!         .route("/orders", get(async |caller: Principal| format!("the orders of {}", caller.user)))
//!         // The same for everybody; still 401 for a credential that is no good.
//!         .route("/", get(async |caller: Option<Principal>| caller.is_some().to_string()))
//!         .route("/users", get(async |_: Having<Admin>| "only administrators read this"))
//!         .route("/payments", get(async |_: Fresh<300>| "only within five minutes of a login"))
//!         .layer(AuthenticateLayer::new(verifier))
//! }
//! ```
//!
//! An access token alone, without anything around it, judged at a time that is given:
//!
//! ```
//! # use cloakroom_verify::algorithm::{Algorithm, SigningKey};
//! use cloakroom_verify::Timestamp;
//! use cloakroom_verify::jwt::{self, Invalid, Rules};
//! use cloakroom_verify::keys::KeySet;
//!
//! # let pkcs8 = SigningKey::generate(Algorithm::EdDsa)?;
//! # let issuers_key = SigningKey::from_pkcs8(Algorithm::EdDsa, &pkcs8)?;
//! let keys = KeySet::new([(issuers_key.key_id(), issuers_key.verifying_key())]);
//! let rules = Rules::new("https://auth.example.com", "shop");
//!
//! let unsigned = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.e30.";
//! let refused = jwt::verify(unsigned, &keys, &rules, Timestamp::from_seconds(1_800_000_000));
//! assert_eq!(refused.err(), Some(Invalid::Header));
//! # Ok::<(), cloakroom_verify::algorithm::InvalidKey>(())
//! ```
//!
//! * [`verifier`]: the checks; [`authenticate`]: the seams around them
//! * [`proof`]: which credentials a request shows; [`layer`] and [`extract`]: tower and axum
//! * [`key_source`]: the keys of an issuer elsewhere; [`access_tokens`]: a service that can live with `exp`
//! * [`jwt`], [`jws`], [`keys`], [`algorithm`], [`jwk`]: access tokens; [`opaque`]: session and refresh tokens
//! * [`revocations`] (what kills), [`lease`] (how fresh that knowledge is), [`event`] (what it tells of),
//!   [`feed`] (how it comes here, and when it is complete)
//! * `remote`: a verifier that follows servers elsewhere, behind the feature of that name; [`uses`]: telling them of
//!   real uses
//! * [`strangers`]: how many unknown tokens may come from one [`address`]
//! * [`id`], [`timestamp`], [`rv`], [`principal`], [`clock`]: the words that everything is said in
//!
//! It may not depend on a database, nor without the feature `remote` on tokio or an HTTP client.

pub mod access_tokens;
pub mod address;
pub mod algorithm;
pub mod authenticate;
pub mod clock;
pub mod event;
#[cfg(feature = "axum")]
pub mod extract;
pub mod feed;
mod flights;
pub mod id;
pub mod jwk;
pub mod jws;
pub mod jwt;
pub mod key_source;
pub mod keys;
#[cfg(feature = "tower")]
pub mod layer;
pub mod lease;
pub mod opaque;
mod passports;
pub mod principal;
pub mod proof;
mod prover;
#[cfg(feature = "remote")]
pub mod remote;
pub mod revocations;
pub mod rv;
mod scope;
mod seen;
pub mod strangers;
mod sync;
pub mod timestamp;
pub mod uses;
pub mod verifier;

pub use event::{Event, Revocation};
pub use id::{KeyId, ServiceKeyId, SessionId, TokenId, UserId};
pub use opaque::{OpaqueKind, OpaqueToken};
pub use principal::{LoginFacts, Principal, PrincipalFacts, Roles, Strategy, Transport};
pub use rv::Rv;
pub use timestamp::Timestamp;
