//! A key that proves tokens, and what can be published of it.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::signature::{ParsedPublicKey, VerificationAlgorithm};

use super::{Algorithm, InvalidKey, SigningKey, ecdsa, ed25519, hmac, rsa};
use crate::KeyId;
use crate::jwk::{self, Jwk};

/// Proves tokens. Cheap to clone.
#[derive(Clone)]
pub struct VerifyingKey(Arc<Verifying>);

enum Verifying {
    Public(PublicKey),
    Secret(Arc<hmac::Key>),
}

/// A public key, ready to prove signatures.
pub(super) struct PublicKey {
    algorithm: Algorithm,
    parsed: ParsedPublicKey,
    jwk: Jwk,
}

impl PublicKey {
    pub(super) fn parse(
        algorithm: Algorithm,
        verification: &'static dyn VerificationAlgorithm,
        bytes: &[u8],
        jwk: Jwk,
    ) -> Result<Self, InvalidKey> {
        let parsed = ParsedPublicKey::new(verification, bytes).map_err(|_| InvalidKey(algorithm))?;
        Ok(Self { algorithm, parsed, jwk })
    }
}

impl From<PublicKey> for VerifyingKey {
    fn from(key: PublicKey) -> Self {
        Self(Arc::new(Verifying::Public(key)))
    }
}

impl From<Arc<hmac::Key>> for VerifyingKey {
    fn from(key: Arc<hmac::Key>) -> Self {
        Self(Arc::new(Verifying::Secret(key)))
    }
}

impl VerifyingKey {
    /// An Ed25519 key.
    pub fn ed25519(x: &[u8]) -> Result<Self, InvalidKey> {
        ed25519::public(x).map(Self::from)
    }

    /// A P-256 key from its coordinates, 32 bytes each.
    pub fn p256(x: &[u8], y: &[u8]) -> Result<Self, InvalidKey> {
        ecdsa::P256.public(&[&[4], x, y].concat()).map(Self::from)
    }

    /// A P-384 key from its coordinates, 48 bytes each.
    pub fn p384(x: &[u8], y: &[u8]) -> Result<Self, InvalidKey> {
        ecdsa::P384.public(&[&[4], x, y].concat()).map(Self::from)
    }

    /// An RSA key for `RS256`, from modulus and exponent, big endian without leading zeros.
    pub fn rs256(n: &[u8], e: &[u8]) -> Result<Self, InvalidKey> {
        rsa::PKCS1.public(n, e).map(Self::from)
    }

    /// An RSA key for `PS256`, from modulus and exponent, big endian without leading zeros.
    pub fn ps256(n: &[u8], e: &[u8]) -> Result<Self, InvalidKey> {
        rsa::PSS.public(n, e).map(Self::from)
    }

    /// A shared secret at least as long as the hash of `HS256`, `HS384` or `HS512`.
    pub fn secret(algorithm: Algorithm, secret: &[u8]) -> Result<Self, InvalidKey> {
        SigningKey::secret(algorithm, secret).map(|key| key.verifying_key())
    }

    /// The one algorithm of this key.
    pub fn algorithm(&self) -> Algorithm {
        match &*self.0 {
            Verifying::Public(key) => key.algorithm,
            Verifying::Secret(key) => key.algorithm(),
        }
    }

    /// Whether the signature is right. Constant time where a secret takes part.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &*self.0 {
            Verifying::Public(key) => key.parsed.verify_sig(message, signature).is_ok(),
            Verifying::Secret(key) => key.verifies(message, signature),
        }
    }

    /// The public key for a JWKS; `None` for a secret one, which is never published.
    pub fn jwk(&self) -> Option<&Jwk> {
        match &*self.0 {
            Verifying::Public(key) => Some(&key.jwk),
            Verifying::Secret(_) => None,
        }
    }

    /// The name of this key in tokens: an RFC 7638 thumbprint; for a secret, a digest that reveals nothing of it.
    pub fn key_id(&self) -> KeyId {
        match &*self.0 {
            Verifying::Public(key) => key.jwk.thumbprint(),
            Verifying::Secret(key) => jwk::key_id(&key.sign(b"cloakroom key id v1")),
        }
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", self.algorithm())
    }
}
