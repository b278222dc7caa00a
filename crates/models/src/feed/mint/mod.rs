//! How a credential is made while revocations race with it: logins that hash, refreshes of a row that a new password
//! kept, exchanges of a token without a row, on two servers.
//!
//! * [`state`]: what the store knows, what is in the making; [`action`]: what can happen next; [`scenario`]: who races

pub mod action;
mod model;
pub mod scenario;
pub mod state;

pub use model::{CHECKS, Mint};
