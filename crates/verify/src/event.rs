//! What can kill a credential: the events of the feed.

use crate::{KeyId, Rv, ServiceKeyId, SessionId, Timestamp, TokenId, UserId};

/// One entry of the feed: at `rv` this happened; it matters until `keep_until`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Where it stands in the feed, and for the `*Before` kinds the least `rv` that survives it.
    pub rv: Rv,
    /// What it kills.
    pub revocation: Revocation,
    /// When everything that it kills has expired by itself, so that it may be forgotten.
    pub keep_until: Timestamp,
}

/// What an event kills. A verdict is the OR over all scopes; `*Before` merges by maximum.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Revocation {
    /// Every credential with this `sid`.
    SessionRevoked(SessionId),
    /// This one access token.
    TokenRevoked(TokenId),
    /// Every credential of the user that is older: logout everywhere, password change, disable.
    UserBefore(UserId),
    /// Every credential of everyone that is older.
    EverythingBefore,
    /// Roles or profile changed: older access tokens of the user are refused, passports are filled again.
    ClaimsBefore(UserId),
    /// A new generation of a session token or a changed row: its passport is filled again.
    SessionChanged(SessionId),
    /// Everything that this key signed.
    KeyRevoked(KeyId),
    /// Calls of the service that holds this key.
    ServiceKeyRevoked(ServiceKeyId),
}
