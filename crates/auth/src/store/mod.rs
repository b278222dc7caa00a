//! What a store must do, and which losses are harmless.
//!
//! * `users`, `sessions`, `feed`, `service_keys`: a trait each, and what its methods answer
//!
//! A store keeps rows and applies decisions; it never decides. Each method is one atomic step. The contract
//! suite in `cloakroom-store/tests/contract.rs` runs on every store and proves each sentence here.
//!
//! Order inside every revoking step (docs/revocation.md): lock users by id, then sessions by id; move the head
//! and insert the events; write the returned number into the locked rows; commit, nothing else. So the order
//! of the numbers is the order of the commits, without gaps.

mod feed;
mod service_keys;
mod sessions;
mod users;

pub use feed::{Feed, LONGEST_CLAIM};
pub use service_keys::ServiceKeys;
pub use sessions::{
    Ended, EndedAll, Exchanged, Found, Remains, Rotation, Sessions, Started, SteppedUp, Trouble,
};
pub use users::{Added, Changed, PasswordChanged, Users};

/// The store did not answer, or answered nonsense. Opaque: a caller can only say "unavailable".
#[derive(Debug, thiserror::Error)]
#[error("the store is unavailable: {0}")]
pub struct StoreError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

impl StoreError {
    /// Wraps a driver's error or a sentence.
    pub fn new(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(source.into())
    }
}

/// The answer of a store.
pub type Stored<T> = Result<T, StoreError>;

/// Everything that the rules need of a database.
pub trait Store: Users + Sessions + Feed + ServiceKeys {}
impl<T: Users + Sessions + Feed + ServiceKeys> Store for T {}
