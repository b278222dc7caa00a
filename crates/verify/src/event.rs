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

impl Revocation {
    /// The word of its kind, and what it names: an id as text, a key id as it is; `None` for everything.
    pub fn kind_and_key(&self) -> (&'static str, Option<String>) {
        match self {
            Self::SessionRevoked(id) => ("session_revoked", Some(id.to_string())),
            Self::TokenRevoked(id) => ("token_revoked", Some(id.to_string())),
            Self::UserBefore(id) => ("user_before", Some(id.to_string())),
            Self::EverythingBefore => ("everything_before", None),
            Self::ClaimsBefore(id) => ("claims_before", Some(id.to_string())),
            Self::SessionChanged(id) => ("session_changed", Some(id.to_string())),
            Self::KeyRevoked(id) => ("key_revoked", Some(id.as_str().to_owned())),
            Self::ServiceKeyRevoked(id) => ("service_key_revoked", Some(id.to_string())),
        }
    }

    /// Reads that; `None` for a kind that this version does not know, or a key that its kind cannot have.
    pub fn of_kind_and_key(kind: &str, key: Option<&str>) -> Option<Self> {
        match (kind, key) {
            ("session_revoked", Some(id)) => id.parse().ok().map(Self::SessionRevoked),
            ("token_revoked", Some(id)) => id.parse().ok().map(Self::TokenRevoked),
            ("user_before", Some(id)) => id.parse().ok().map(Self::UserBefore),
            ("everything_before", None) => Some(Self::EverythingBefore),
            ("claims_before", Some(id)) => id.parse().ok().map(Self::ClaimsBefore),
            ("session_changed", Some(id)) => id.parse().ok().map(Self::SessionChanged),
            ("key_revoked", Some(id)) => id.parse().ok().map(Self::KeyRevoked),
            ("service_key_revoked", Some(id)) => id.parse().ok().map(Self::ServiceKeyRevoked),
            _ => None,
        }
    }

    /// Whether it kills by age: then its position is the least that survives.
    pub const fn kills_what_is_older(&self) -> bool {
        match self {
            Self::UserBefore(_) | Self::EverythingBefore | Self::ClaimsBefore(_) => true,
            Self::SessionRevoked(_)
            | Self::TokenRevoked(_)
            | Self::SessionChanged(_)
            | Self::KeyRevoked(_)
            | Self::ServiceKeyRevoked(_) => false,
        }
    }
}
