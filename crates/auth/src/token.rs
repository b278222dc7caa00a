//! Opaque tokens: made, proved, and the only place that draws random bytes.
//!
//! `mac = HMAC-SHA256(K[version], prefix || version || session || generation || row secret)[..16]`. A thief of
//! the database lacks `K`, a thief of `K` lacks the row's secret. Every old generation of a session is
//! recognised from its one row for ever, and the current token can be written again when an answer was lost.

use std::collections::BTreeMap;
use std::fmt;

use aws_lc_rs::{constant_time, hmac};
use cloakroom_verify::{OpaqueToken, ServiceKeyId, SessionId, Timestamp, TokenId, UserId};
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::session::{RowSecret, Session};

/// The keys of the macs by version; one writes, all read.
pub struct TokenKeys {
    writes: u8,
    keys: BTreeMap<u8, hmac::Key>,
}

/// There is no key to make tokens with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no token key")]
pub struct NoTokenKey;

impl TokenKeys {
    /// Keys of 32 bytes with their versions, each already derived for this use (HKDF, "cloakroom token mac v1"), and
    /// the version that writes.
    pub fn new(
        keys: impl IntoIterator<Item = (u8, Zeroizing<[u8; 32]>)>,
        writes: u8,
    ) -> Result<Self, NoTokenKey> {
        let keys: BTreeMap<_, _> = keys
            .into_iter()
            .map(|(version, key)| (version, hmac::Key::new(hmac::HMAC_SHA256, &*key)))
            .collect();
        if keys.contains_key(&writes) { Ok(Self { writes, keys }) } else { Err(NoTokenKey) }
    }

    /// Whether there is a key of this version.
    pub fn knows(&self, version: u8) -> bool {
        self.keys.contains_key(&version)
    }

    /// Whether the mac is right for this row. An unknown version is not.
    pub fn proves(&self, token: &OpaqueToken, secret: &RowSecret) -> bool {
        let Some(key) = self.keys.get(&token.version) else { return false };
        let expected = mac(key, token, secret);
        constant_time::verify_slices_are_equal(&expected, &token.mac).is_ok()
    }

    /// The current token of a row, under the key that writes.
    pub fn current(&self, row: &Session) -> OpaqueToken {
        let mut token = OpaqueToken {
            kind: row.strategy.kind(),
            version: self.writes,
            session: row.id,
            generation: row.generation,
            mac: [0; 16],
        };
        if let Some(key) = self.keys.get(&self.writes) {
            token.mac = mac(key, &token, &row.secret);
        }
        token
    }
}

impl fmt::Debug for TokenKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenKeys").field("writes", &self.writes).finish_non_exhaustive()
    }
}

/// All parts have a fixed length, so no two tokens are ever the same message.
fn mac(key: &hmac::Key, token: &OpaqueToken, secret: &RowSecret) -> [u8; 16] {
    let mut message = hmac::Context::with_key(key);
    message.update(token.kind.prefix().as_bytes());
    message.update(&[token.version]);
    message.update(token.session.as_bytes());
    message.update(&token.generation.to_be_bytes());
    message.update(&secret.0);
    let tag = message.sign();
    let mut cut = [0; 16];
    cut.copy_from_slice(&tag.as_ref()[..16]);
    cut
}

/// The text of a token for its client. Secret.
pub fn secret_text(token: &OpaqueToken) -> SecretString {
    SecretString::from(token.to_text())
}

/// Fresh random bytes.
///
/// # Panics
/// When the operating system has no randomness to give: nothing safe can be done without it.
#[expect(clippy::disallowed_methods, reason = "this is the one place that draws random bytes")]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // From the kernel: a generator in this process would be seeded anew, for 20 ms, in each thread that asks.
    getrandom::fill(&mut bytes).expect("the operating system provides random bytes");
    bytes
}

fn uuid_v7(now: Timestamp) -> [u8; 16] {
    let millis = u64::try_from(now.as_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random()).into_uuid().into_bytes()
}

/// A new user id (UUIDv7: it tells when it was made).
pub fn new_user_id(now: Timestamp) -> UserId {
    UserId::from_bytes(uuid_v7(now))
}

/// A new id of a service key.
pub fn new_service_key_id(now: Timestamp) -> ServiceKeyId {
    ServiceKeyId::from_bytes(uuid_v7(now))
}

/// A new session id.
pub fn new_session_id(now: Timestamp) -> SessionId {
    SessionId::from_bytes(uuid_v7(now))
}

/// A new `jti`.
pub fn new_token_id(now: Timestamp) -> TokenId {
    TokenId::from_bytes(uuid_v7(now))
}
