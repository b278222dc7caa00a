//! The door of Cloakroom: HTTP, configuration and the command line. A library, so that the same routes can be
//! mounted in an axum application of your own, and the `cloakroom` binary.
//!
//! * [`config`]: what the operator decided; [`key_files`]: the keys; [`wiring`]: makes an [`app::App`] of both
//! * [`routes`]: the routes, one file a resource; [`door`]: what every request passes
//! * [`problem`]: the only place where an error becomes a status; [`json`], [`client_address`], [`cross_site`],
//!   [`cookies`], [`request_id`], `forwarded`: what requests carry; [`grant`], [`view`], [`device`]: what answers look like
//! * [`service_caller`], [`streams`], [`snapshots`]: what programs ask, and what they are told as it happens
//! * [`serve`] (and `stalled`: who takes nothing is closed), [`management`], [`metrics`], [`tend`]: a running server;
//!   [`relay`]: one that passes the feed on; [`cli`]: the commands
//!
//! No SQL and no rules: a handler extracts, calls one verb of `cloakroom-auth`, and renders.

pub mod app;
pub mod cli;
pub mod client_address;
pub mod config;
pub mod cookies;
pub mod cross_site;
pub mod device;
pub mod door;
mod forwarded;
pub mod grant;
mod header_timer;
pub mod json;
pub mod key_files;
pub mod key_watch;
pub mod management;
pub mod metrics;
pub mod problem;
pub mod relay;
pub mod request_id;
pub mod requests;
pub mod routes;
pub mod serve;
pub mod service_caller;
pub mod snapshots;
mod stalled;
pub mod streams;
pub mod tend;
pub mod view;
pub mod wiring;
