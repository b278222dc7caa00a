//! A verifier in a service of its own: it follows the feed of the authentication servers over HTTP, and checks
//! everything here.
//!
#![cfg_attr(feature = "axum", doc = "```no_run")]
#![cfg_attr(not(feature = "axum"), doc = "```ignore")]
//! use axum::{Router, routing::get};
//! use cloakroom_verify::{Principal, layer::AuthenticateLayer, remote};
//!
//! # async fn service() -> Result<Router, Box<dyn std::error::Error>> {
//! let verifier = remote::Verifier::builder("https://auth.example.com", "cloakroom") // the issuer, and one of its token.audience
//!     .server("https://auth-1.internal.example.com")
//!     .server("https://auth-2.internal.example.com")
//!     .service_key(std::env::var("SHOP_SERVICE_KEY")?)
//!     .spawn()?;
//!
//! Ok(Router::new()
//!     .route("/orders", get(async |caller: Principal| format!("the orders of {}", caller.user)))
//!     .layer(AuthenticateLayer::new(verifier)))
//! # }
//! ```
//!
//! # What it promises
//! A check that reads its clock later than the bound (2 s) after a revocation was committed does not accept what the
//! revocation kills, whatever is delayed, lost, reordered or cut off. Usually it bites in milliseconds. When no server
//! can be reached for longer than the bound, checks answer [`Unavailable`](crate::authenticate::Denied::Unavailable),
//! 503 and never 401, on all routes but those that are
//! [tolerant](crate::layer::AuthenticateLayer::tolerant).
//!
//! It holds while this machine's clock runs within 500 ppm and is not frozen together with it, while revocations are
//! committed at one primary at a time, and over https.
//!
//! # How it does
//! * [`link`]: what is asked of a server; over HTTP in `http`
//! * `follower`: asks each server eight times a bound (`pace`) and on demand; `fill`: takes in snapshots; `listen`: the
//!   stream, which makes it quick and proves nothing
//! * `knowledge`: in which order it comes to be known; `server_time`: the clock that `exp` is judged by
//! * `authority`, `keys`: sessions, real uses and keys, which are asked for
//! * `watch`: [`Principal::revoked`](crate::Principal::revoked), for connections that outlive their check
//! * `ear`, `relay`, `http::pass_on`: for who passes the feed on, behind the feature `relay`
//! * [`Metrics`]: what it has done; [`Runtime`]: to wait and to draw lots

mod authority;
mod ear;
mod fill;
mod follower;
mod http;
mod keys;
mod knowledge;
pub mod link;
mod listen;
mod metrics;
mod pace;
#[cfg(feature = "relay")]
mod relay;
mod runtime;
mod server_time;
mod setup;
mod verifier;
mod watch;

#[cfg(feature = "relay")]
pub use ear::Ear;
#[cfg(feature = "relay")]
pub use http::Passed;
pub use http::{HttpLink, InvalidServer};
pub use metrics::{Metrics, ServerMetrics};
#[cfg(feature = "relay")]
pub use relay::{Feed, HttpFeed};
pub use runtime::{Runtime, Tokio};
pub use setup::{BOUND, Builder, SetupError};
pub use verifier::{Remote, Work};
pub use watch::Ended;
pub(crate) use watch::Watch;

/// A verifier that follows its servers over HTTP. Cheap to clone.
pub type Verifier = Remote<HttpLink, Tokio, crate::clock::SystemClock>;

impl Verifier {
    /// Sets one up for what `issuer` issues (its public URL) to `audience`.
    pub fn builder(issuer: impl Into<String>, audience: impl Into<String>) -> Builder {
        Builder::new(issuer, audience)
    }
}
