//! What administrators do: users with the role `admin`, and service keys with the scope `admin`.

mod caller;
pub mod revocations;
pub mod users;

pub use caller::Admin;
