//! The rules of Cloakroom: who may log in, what a login is worth, and how it ends.
//!
//! * [`auth`]: the verbs, one file each in [`verbs`]; [`settings`]: what an operator decides
//! * [`user`], [`email`], [`password`], [`throttle`]: accounts and how they are proved
//! * [`session`], [`refresh`], [`exchange`], [`privilege`], [`token`], [`uses`]: the one row of a login and its one token
//! * [`strategy`], [`grant`], [`keyring`], [`key_readings`]: what a login hands over
//! * [`feed`], [`follow`], [`recent`], [`doorbell`], [`passport`], [`check_row`], [`lookups`]: revocation, and how this server knows of it
//! * [`verifiers`], [`node`], [`drift`], [`receipt`], [`proved_keys`]: who else is told, and when everybody knows
//! * [`gate`]: no login takes every connection to the store with it
//! * [`store`]: what a database must do; `memory`: one for tests, behind the feature of that name
//! * [`audit`], [`refresh_event`], [`grace`], [`error`]
//!
//! No HTTP, no SQL, no configuration files. `now` is a value everywhere; only [`token`] draws random bytes.

pub mod audit;
pub mod auth;
pub mod check_row;
pub mod doorbell;
pub mod drift;
pub mod email;
pub mod error;
pub mod exchange;
pub mod feed;
pub mod follow;
pub mod gate;
pub mod grace;
pub mod grant;
pub mod key_readings;
pub mod keyring;
pub mod lookups;
#[cfg(feature = "memory")]
pub mod memory;
pub mod node;
pub mod passport;
pub mod password;
pub mod privilege;
pub mod proved_keys;
pub mod receipt;
pub mod recent;
pub mod refresh;
pub mod refresh_event;
pub mod service_key;
pub mod session;
pub mod settings;
pub mod store;
pub mod strategy;
pub mod throttle;
pub mod token;
pub mod user;
pub use cloakroom_verify::uses;
pub mod verbs;
pub mod verifiers;

pub use auth::Auth;
pub use error::{Error, Result};
