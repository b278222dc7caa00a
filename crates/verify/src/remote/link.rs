//! The seam between the protocol and the network: what a verifier asks of one server.
//!
//! A link only carries. It keeps no time and repeats nothing: how long to wait, whom to ask next and what an answer is
//! worth is decided by the loop, which so runs unchanged over a simulated network.

use std::future::Future;

use crate::feed::wire::NotUnderstood;
use crate::feed::wire::snapshot::SnapshotHead;
use crate::feed::wire::sync::{SyncAnswer, SyncQuestion};
use crate::feed::wire::touch::Use;
use crate::{Event, OpaqueToken, Rv};

/// A way to one server.
pub trait Link: Send + Sync + 'static {
    /// Events as they happen.
    type Pushed: Pushed;
    /// Everything that is live.
    type Snapshot: Snapshot;

    /// Asks what happened.
    fn sync(&self, question: &SyncQuestion) -> impl Future<Output = Result<SyncAnswer, Failed>> + Send;

    /// Opens the stream of what happens after a position.
    fn stream(&self, after: Option<Rv>) -> impl Future<Output = Result<Self::Pushed, Failed>> + Send;

    /// Opens a snapshot.
    fn snapshot(&self) -> impl Future<Output = Result<Self::Snapshot, Failed>> + Send;

    /// Asks about a session token: the answer of `POST /v1/introspect`.
    fn introspect(&self, token: &OpaqueToken) -> impl Future<Output = Result<Vec<u8>, Failed>> + Send;

    /// Tells of real uses.
    fn touch(&self, uses: &[Use]) -> impl Future<Output = Result<(), Failed>> + Send;

    /// Fetches the public keys.
    fn jwks(&self) -> impl Future<Output = Result<Vec<u8>, Failed>> + Send;
}

/// Events as they happen.
pub trait Pushed: Send {
    /// The next event; `None`: a sign of life. An error ends it.
    fn next(&mut self) -> impl Future<Output = Result<Option<Event>, Failed>> + Send;
}

/// A snapshot on its way.
pub trait Snapshot: Send {
    /// What it reaches, and how many events it brings.
    fn head(&self) -> &SnapshotHead;
    /// The next event; `None`: the other side ended it.
    fn next(&mut self) -> impl Future<Output = Result<Option<Event>, Failed>> + Send;
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failed {
    /// No connection, or it broke.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// No answer in time.
    #[error("the server did not answer in time")]
    Slow,
    /// Another status than 200: for 401 and 403 look at the service key and its scopes.
    #[error("the server answered with status {0}")]
    Refused(u16),
    /// An answer that this version does not understand, so it is not believed either.
    #[error(transparent)]
    NotUnderstood(#[from] NotUnderstood),
    /// More than an answer may have.
    #[error("the answer is too large")]
    TooLarge,
}
