//! What a caller can ask of [`Auth`](crate::Auth): one file a verb.

pub mod accounts;
mod caller;
pub mod exchange;
pub mod import;
pub mod introspect;
pub mod login;
pub mod logout;
pub mod password;
pub mod reauthenticate;
pub mod refresh;
pub mod revoke;
pub mod sessions;
pub mod signup;
pub mod tend;
