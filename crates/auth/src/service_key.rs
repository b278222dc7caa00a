//! Service keys: what programs of the operator's own show, each for the scopes it needs.
//!
//! `cka_` and strict base64url of `id(16) || secret(32)`. The store holds only the hash of the secret: 256 random bits
//! need no slow one.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::{constant_time, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cloakroom_verify::{ServiceKeyId, Timestamp};
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::token;

/// What every service key begins with.
pub const PREFIX: &str = "cka_";

/// What a service key allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// Ask whether a token is good (RFC 7662).
    Introspect,
    /// Revoke a token (RFC 7009).
    Revoke,
    /// Follow the revocation feed.
    Feed,
    /// Everything an administrator may.
    Admin,
}

/// The word is no scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected introspect, revoke, feed or admin")]
pub struct UnknownScope;

impl Scope {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Introspect => "introspect",
            Self::Revoke => "revoke",
            Self::Feed => "feed",
            Self::Admin => "admin",
        }
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(word: &str) -> Result<Self, UnknownScope> {
        let all = [Self::Introspect, Self::Revoke, Self::Feed, Self::Admin];
        all.into_iter().find(|scope| scope.as_str() == word).ok_or(UnknownScope)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A service key as the store holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceKey {
    /// Its public id.
    pub id: ServiceKeyId,
    /// What the operator calls it; unique among those that are not revoked.
    pub name: String,
    /// What it allows.
    pub scopes: Vec<Scope>,
    /// SHA-256 of its secret.
    pub hash: [u8; 32],
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
}

impl ServiceKey {
    /// A new key, and its text, which is shown once and kept nowhere.
    pub fn make(name: String, scopes: Vec<Scope>, now: Timestamp) -> (Self, SecretString) {
        let (id, secret) = (token::new_service_key_id(now), Zeroizing::new(token::random::<32>()));
        let bytes = Zeroizing::new([&id.as_bytes()[..], &secret[..]].concat());
        let text = SecretString::from(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(&*bytes)));
        (Self { id, name, scopes, hash: hash(&secret), created_at: now, revoked_at: None }, text)
    }

    /// Whether this secret is the key's and the key was not revoked. Compared in constant time.
    pub fn is_shown_by(&self, shown: &Shown) -> bool {
        let same = constant_time::verify_slices_are_equal(&self.hash, &hash(&shown.secret)).is_ok();
        same && self.id == shown.id && self.revoked_at.is_none()
    }

    /// Whether it allows this. `admin` does not include the others: a key holds what it was given.
    pub fn allows(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

/// What a caller showed: the form is right, nothing else is known.
pub struct Shown {
    /// Which key it claims to be.
    pub id: ServiceKeyId,
    secret: Zeroizing<[u8; 32]>,
}

impl Shown {
    /// Reads the text.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?);
        let (id, secret) = bytes.split_at_checked(16)?;
        let secret = Zeroizing::new(<[u8; 32]>::try_from(secret).ok()?);
        Some(Self { id: ServiceKeyId::from_bytes(id.try_into().ok()?), secret })
    }
}

fn hash(secret: &[u8; 32]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, secret).as_ref());
    hash
}

/// A name is 1 to 64 characters, none of them a control character.
pub fn is_name(text: &str) -> bool {
    let length = text.chars().count();
    (1..=64).contains(&length) && !text.chars().any(char::is_control) && text.trim() == text
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_key_is_shown_by_its_own_text_only() {
        let make = || ServiceKey::make(String::from("shop"), vec![Scope::Feed], Timestamp::from_seconds(1));
        let ((key, text), (other, _)) = (make(), make());
        let text = text.expose_secret();
        assert!(key.is_shown_by(&Shown::parse(text).unwrap()));
        assert!(!other.is_shown_by(&Shown::parse(text).unwrap()));
        let revoked = ServiceKey { revoked_at: Some(Timestamp::from_seconds(2)), ..key.clone() };
        assert!(!revoked.is_shown_by(&Shown::parse(text).unwrap()));
        assert!(key.allows(Scope::Feed) && !key.allows(Scope::Admin));
        for length in 0..text.len() {
            assert!(Shown::parse(&text[..length]).is_none(), "cut to {length}");
        }
        assert!(Shown::parse(&text.replace("cka_", "cks_")).is_none());
        assert!(Shown::parse(&format!("{text}=")).is_none());
    }
}
