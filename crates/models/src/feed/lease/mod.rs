//! How fresh a verifier is: a database with its lives, servers, a relay, verifiers, a network that loses, repeats and
//! delays, checks read by read, and receipts.
//!
//! * [`state`]: what a moment consists of; [`action`]: what can happen next; [`scenario`]: who takes part
//! * `database`, `server`, `receipt`: numbers, epochs and answers; `verifier`, `check`: what is made of them
//! * [`real`]: the model's ages as the verifier's own types
//!
//! A **crash** of a verifier needs no action: one that restarts knows nothing, as all do at first. A server that dies
//! has lost what it was asked; only what it knew of leases matters, and its restart is an action.

pub mod action;
mod check;
mod database;
mod model;
pub mod real;
mod receipt;
pub mod scenario;
mod server;
pub mod state;
mod verifier;

pub use model::Feed;
