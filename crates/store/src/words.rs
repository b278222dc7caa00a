//! How values are spelled in every database: a row moves from one to the other as it is.

use std::time::Duration;

use cloakroom_auth::session::RowStrategy;
use cloakroom_verify::{KeyId, Revocation, Roles, ServiceKeyId, SessionId, TokenId, Transport, UserId};

/// The event of this kind and key.
pub(crate) fn revocation(kind: &str, key: &[u8]) -> Option<Revocation> {
    let id = || key.try_into().ok();
    Some(match kind {
        "session_revoked" => Revocation::SessionRevoked(SessionId::from_bytes(id()?)),
        "token_revoked" => Revocation::TokenRevoked(TokenId::from_bytes(id()?)),
        "user_before" => Revocation::UserBefore(UserId::from_bytes(id()?)),
        "everything_before" => Revocation::EverythingBefore,
        "claims_before" => Revocation::ClaimsBefore(UserId::from_bytes(id()?)),
        "session_changed" => Revocation::SessionChanged(SessionId::from_bytes(id()?)),
        "key_revoked" => Revocation::KeyRevoked(std::str::from_utf8(key).ok()?.parse::<KeyId>().ok()?),
        "service_key_revoked" => Revocation::ServiceKeyRevoked(ServiceKeyId::from_bytes(id()?)),
        _ => return None,
    })
}

/// The kind and the key of an event.
pub(crate) fn kind_and_key(revocation: &Revocation) -> (&'static str, Vec<u8>) {
    match revocation {
        Revocation::SessionRevoked(id) => ("session_revoked", id.as_bytes().to_vec()),
        Revocation::TokenRevoked(id) => ("token_revoked", id.as_bytes().to_vec()),
        Revocation::UserBefore(id) => ("user_before", id.as_bytes().to_vec()),
        Revocation::EverythingBefore => ("everything_before", Vec::new()),
        Revocation::ClaimsBefore(id) => ("claims_before", id.as_bytes().to_vec()),
        Revocation::SessionChanged(id) => ("session_changed", id.as_bytes().to_vec()),
        Revocation::KeyRevoked(id) => ("key_revoked", id.as_str().as_bytes().to_vec()),
        Revocation::ServiceKeyRevoked(id) => ("service_key_revoked", id.as_bytes().to_vec()),
    }
}

/// The word of a strategy.
pub(crate) fn strategy_word(strategy: RowStrategy) -> &'static str {
    match strategy {
        RowStrategy::Session => "session",
        RowStrategy::Hybrid => "hybrid",
    }
}

/// Reads that word.
pub(crate) fn strategy(word: &str) -> Option<RowStrategy> {
    [RowStrategy::Session, RowStrategy::Hybrid].into_iter().find(|strategy| strategy_word(*strategy) == word)
}

/// Reads the word of a transport.
pub(crate) fn transport(word: &str) -> Option<Transport> {
    [Transport::Cookie, Transport::Body].into_iter().find(|transport| transport.as_str() == word)
}

/// A JSON array of strings.
pub(crate) fn roles_json(roles: &Roles) -> String {
    serde_json::Value::from_iter(roles.iter()).to_string()
}

/// Reads that array.
pub(crate) fn roles(json: &str) -> Option<Roles> {
    serde_json::from_str::<Vec<String>>(json).ok().map(|roles| roles.into_iter().collect())
}

/// Milliseconds, as far as a column can hold them.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Reads that column.
pub(crate) fn duration(millis: i64) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}
