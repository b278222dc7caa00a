//! Reading JWK Sets: keys that somebody else has written.

use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::IgnoredAny;
use zeroize::Zeroizing;

use crate::KeyId;
use crate::algorithm::{Algorithm, InvalidKey, VerifyingKey};

/// The longest set that is looked at, and the most keys in it.
const READ_AT_MOST: usize = 256 * 1024;
const KEYS_AT_MOST: usize = 100;

/// Why a JWK Set is refused, whole: half a set would refuse honest tokens and nobody would know why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidJwks {
    /// Not a JWK Set, or an unreasonably large one.
    #[error("not a JWK Set of at most {KEYS_AT_MOST} keys")]
    Form,
    /// Two keys have the same `kid`: a token could mean either.
    #[error("two keys have the kid {0}")]
    DuplicateKid(KeyId),
    /// A key that no honest issuer publishes.
    #[error("key {index}: {why}")]
    Key {
        /// Its place, from 0.
        index: usize,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// Reads a set of public keys. A key that has a private member, or is a secret, makes the whole set wrong.
///
/// As RFC 7517 section 5 asks, keys for another use than signatures, and of types and algorithms that are not offered
/// here, are left out.
pub fn public_keys(json: &[u8]) -> Result<Vec<(KeyId, VerifyingKey)>, InvalidJwks> {
    read(json, false)
}

/// Reads a set that may hold shared secrets (`kty` `oct`) beside public keys: from a file whose owner keeps it, never
/// from what was fetched.
pub fn keys_and_secrets(json: &[u8]) -> Result<Vec<(KeyId, VerifyingKey)>, InvalidJwks> {
    read(json, true)
}

fn read(json: &[u8], secrets: bool) -> Result<Vec<(KeyId, VerifyingKey)>, InvalidJwks> {
    if json.len() > READ_AT_MOST {
        return Err(InvalidJwks::Form);
    }
    let set: Set = serde_json::from_slice(json).map_err(|_| InvalidJwks::Form)?;
    if set.keys.len() > KEYS_AT_MOST {
        return Err(InvalidJwks::Form);
    }
    let mut kids = HashSet::new();
    let mut keys = Vec::new();
    for (index, jwk) in set.keys.into_iter().enumerate() {
        let member: Member = serde_json::from_str(jwk.get()).map_err(|_| InvalidJwks::Key {
            index,
            why: "a member is missing, doubled or of the wrong type",
        })?;
        let Some(key) = member.key(secrets).map_err(|why| InvalidJwks::Key { index, why })? else { continue };
        let kid = match member.kid {
            None => key.key_id(),
            Some(kid) => {
                kid.parse().map_err(|_| InvalidJwks::Key { index, why: "kid is not a plain word" })?
            }
        };
        if !kids.insert(kid.clone()) {
            return Err(InvalidJwks::DuplicateKid(kid));
        }
        keys.push((kid, key));
    }
    Ok(keys)
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Box<serde_json::value::RawValue>>,
}

#[derive(Deserialize)]
struct Member {
    kty: String,
    alg: Option<String>,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    k: Option<Zeroizing<String>>,
    d: Option<IgnoredAny>,
    p: Option<IgnoredAny>,
    q: Option<IgnoredAny>,
    dp: Option<IgnoredAny>,
    dq: Option<IgnoredAny>,
    qi: Option<IgnoredAny>,
    oth: Option<IgnoredAny>,
}

const FOREIGN: &str = "it has members of another key type";
const MISMATCH: &str = "its alg does not go with its key";

impl Member {
    /// The key, or `None` if it is not for us.
    fn key(&self, secrets: bool) -> Result<Option<VerifyingKey>, &'static str> {
        let private = [&self.d, &self.p, &self.q, &self.dp, &self.dq, &self.qi, &self.oth];
        if private.iter().any(|member| member.is_some()) {
            return Err("it has a private member: whoever has read it can sign");
        }
        if !self.is_to_verify()? {
            return Ok(None);
        }
        match self.kty.as_str() {
            "OKP" => self.okp(),
            "EC" => self.ec(),
            "RSA" => self.rsa(),
            "oct" if secrets => self.secret(),
            "oct" => Err("it is a secret"),
            _ => Ok(None),
        }
    }

    fn is_to_verify(&self) -> Result<bool, &'static str> {
        let usage = self.usage.as_deref().is_none_or(|usage| usage == "sig");
        let Some(operations) = &self.key_ops else { return Ok(usage) };
        let distinct: HashSet<_> = operations.iter().collect();
        if distinct.len() < operations.len() {
            return Err("key_ops names an operation twice");
        }
        Ok(usage && operations.iter().any(|operation| operation == "verify"))
    }

    fn okp(&self) -> Result<Option<VerifyingKey>, &'static str> {
        self.has_none_of(&[&self.y, &self.n, &self.e])?;
        if self.crv.as_deref() != Some("Ed25519") {
            return Ok(None);
        }
        // RFC 9864 gives the same algorithm a second name.
        self.agrees(&["EdDSA", "Ed25519"])?;
        made(VerifyingKey::ed25519(&bytes(self.x.as_ref())?))
    }

    fn ec(&self) -> Result<Option<VerifyingKey>, &'static str> {
        self.has_none_of(&[&self.n, &self.e])?;
        let point = || Ok::<_, &'static str>((bytes(self.x.as_ref())?, bytes(self.y.as_ref())?));
        match self.crv.as_deref() {
            Some("P-256") => {
                self.agrees(&["ES256"])?;
                let (x, y) = point()?;
                made(VerifyingKey::p256(&x, &y))
            }
            Some("P-384") => {
                self.agrees(&["ES384"])?;
                let (x, y) = point()?;
                made(VerifyingKey::p384(&x, &y))
            }
            Some(_) => Ok(None),
            None => Err("it has no crv"),
        }
    }

    fn rsa(&self) -> Result<Option<VerifyingKey>, &'static str> {
        self.has_none_of(&[&self.crv, &self.x, &self.y])?;
        let (n, e) = (bytes(self.n.as_ref())?, bytes(self.e.as_ref())?);
        match self.alg.as_deref().map(str::parse::<Algorithm>) {
            None => Err("an RSA key without alg: it could sign in several ways"),
            Some(Ok(Algorithm::Rs256)) => made(VerifyingKey::rs256(&n, &e)),
            Some(Ok(Algorithm::Ps256)) => made(VerifyingKey::ps256(&n, &e)),
            Some(Ok(_)) => Err(MISMATCH),
            Some(Err(_)) => Ok(None),
        }
    }

    fn secret(&self) -> Result<Option<VerifyingKey>, &'static str> {
        self.has_none_of(&[&self.crv, &self.x, &self.y, &self.n, &self.e])?;
        let secret = URL_SAFE_NO_PAD.decode(self.k.as_ref().ok_or("it has no k")?.as_bytes());
        let secret = Zeroizing::new(secret.map_err(|_| "k is not canonical base64url")?);
        match self.alg.as_deref().map(str::parse::<Algorithm>) {
            None => Err("a secret without alg: it could sign in several ways"),
            Some(Ok(algorithm)) if algorithm.is_symmetric() => made(VerifyingKey::secret(algorithm, &secret)),
            Some(Ok(_)) => Err(MISMATCH),
            Some(Err(_)) => Ok(None),
        }
    }

    fn has_none_of(&self, members: &[&Option<String>]) -> Result<(), &'static str> {
        let secret = self.kty != "oct" && self.k.is_some();
        if secret || members.iter().any(|member| member.is_some()) { Err(FOREIGN) } else { Ok(()) }
    }

    /// `alg` may be left out where the key leaves no choice.
    fn agrees(&self, names: &[&str]) -> Result<(), &'static str> {
        if self.alg.as_deref().is_none_or(|alg| names.contains(&alg)) { Ok(()) } else { Err(MISMATCH) }
    }
}

fn bytes(member: Option<&String>) -> Result<Vec<u8>, &'static str> {
    let text = member.ok_or("a member of its type is missing")?;
    URL_SAFE_NO_PAD.decode(text).map_err(|_| "a member is not canonical base64url")
}

fn made(key: Result<VerifyingKey, InvalidKey>) -> Result<Option<VerifyingKey>, &'static str> {
    key.map(Some).map_err(|InvalidKey(_)| "it is no key of its algorithm, or a weak one")
}
