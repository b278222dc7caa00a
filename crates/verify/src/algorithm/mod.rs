//! Signatures. One key has one algorithm, fixed by the key and never by the token; `none` cannot be written.

mod ed25519;
mod es256;
mod hs256;

use std::fmt;

use crate::KeyId;
use crate::jwk::{self, Jwk};

/// How a token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// Ed25519 (RFC 8037).
    EdDsa,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// HMAC with SHA-256: whoever can verify can also sign.
    Hs256,
}

impl Algorithm {
    /// The name in a token's header, compared exactly.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Hs256 => "HS256",
        }
    }

    /// Reads that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::EdDsa, Self::Es256, Self::Hs256].into_iter().find(|algorithm| algorithm.as_str() == name)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The bytes are no key of the algorithm, or a weak one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a usable {0} key")]
pub struct InvalidKey(pub Algorithm);

/// Proves tokens. Cheap to clone.
#[derive(Clone)]
pub struct VerifyingKey(Verifying);

#[derive(Clone)]
enum Verifying {
    EdDsa(ed25519::Verifying),
    Es256(es256::Verifying),
    Hs256(hs256::Key),
}

impl VerifyingKey {
    /// The one algorithm of this key.
    pub const fn algorithm(&self) -> Algorithm {
        match self.0 {
            Verifying::EdDsa(_) => Algorithm::EdDsa,
            Verifying::Es256(_) => Algorithm::Es256,
            Verifying::Hs256(_) => Algorithm::Hs256,
        }
    }

    /// Whether the signature is right. Constant time where a secret takes part.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.0 {
            Verifying::EdDsa(key) => key.verifies(message, signature),
            Verifying::Es256(key) => key.verifies(message, signature),
            Verifying::Hs256(key) => key.verifies(message, signature),
        }
    }

    /// The public key for a JWKS; `None` for a secret one, which is never published.
    pub fn jwk(&self) -> Option<Jwk> {
        match &self.0 {
            Verifying::EdDsa(key) => Some(Jwk::ed25519(key.public())),
            Verifying::Es256(key) => Some(Jwk::p256(key.public())),
            Verifying::Hs256(_) => None,
        }
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", self.algorithm())
    }
}

/// Signs tokens.
pub struct SigningKey(Signing);

enum Signing {
    EdDsa(ed25519::Signing),
    Es256(es256::Signing),
    Hs256(hs256::Key),
}

impl SigningKey {
    /// Makes a key pair, as PKCS#8. `HS256` has no key pair: its secret comes from the configuration.
    pub fn generate(algorithm: Algorithm) -> Result<zeroize::Zeroizing<Vec<u8>>, InvalidKey> {
        match algorithm {
            Algorithm::EdDsa => ed25519::generate(),
            Algorithm::Es256 => es256::generate(),
            Algorithm::Hs256 => Err(InvalidKey(algorithm)),
        }
    }

    /// Reads a key pair from PKCS#8.
    pub fn from_pkcs8(algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self, InvalidKey> {
        match algorithm {
            Algorithm::EdDsa => ed25519::Signing::from_pkcs8(pkcs8).map(|key| Self(Signing::EdDsa(key))),
            Algorithm::Es256 => es256::Signing::from_pkcs8(pkcs8).map(|key| Self(Signing::Es256(key))),
            Algorithm::Hs256 => Err(InvalidKey(algorithm)),
        }
    }

    /// An `HS256` key of at least 32 bytes (RFC 7518 section 3.2). Whether they are hard to guess is for the caller.
    pub fn hs256(secret: &[u8]) -> Result<Self, InvalidKey> {
        hs256::Key::new(secret).map(|key| Self(Signing::Hs256(key)))
    }

    /// The one algorithm of this key.
    pub const fn algorithm(&self) -> Algorithm {
        match self.0 {
            Signing::EdDsa(_) => Algorithm::EdDsa,
            Signing::Es256(_) => Algorithm::Es256,
            Signing::Hs256(_) => Algorithm::Hs256,
        }
    }

    /// What proves this key's signatures.
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey(match &self.0 {
            Signing::EdDsa(key) => Verifying::EdDsa(key.verifying()),
            Signing::Es256(key) => Verifying::Es256(key.verifying()),
            Signing::Hs256(key) => Verifying::Hs256(key.clone()),
        })
    }

    /// The name of this key in tokens: an RFC 7638 thumbprint; for a secret, a digest that reveals nothing of it.
    pub fn key_id(&self) -> KeyId {
        match &self.0 {
            Signing::EdDsa(key) => Jwk::ed25519(key.verifying().public()).thumbprint(),
            Signing::Es256(key) => Jwk::p256(key.verifying().public()).thumbprint(),
            Signing::Hs256(key) => jwk::key_id(&key.sign(b"cloakroom key id v1")),
        }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.0 {
            Signing::EdDsa(key) => key.sign(message),
            Signing::Es256(key) => key.sign(message),
            Signing::Hs256(key) => key.sign(message),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.algorithm())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_proves_exactly_its_message_under_its_key() {
        let pkcs8 =
            |algorithm| SigningKey::from_pkcs8(algorithm, &SigningKey::generate(algorithm).unwrap()).unwrap();
        let pairs = [Algorithm::EdDsa, Algorithm::Es256];
        let keys = pairs.into_iter().map(pkcs8).chain([SigningKey::hs256(&[7; 32]).unwrap()]);
        for key in keys {
            let signature = key.sign(b"message");
            let verifying = key.verifying_key();
            assert_eq!(verifying.algorithm(), key.algorithm());
            assert!(verifying.verifies(b"message", &signature));
            assert!(!verifying.verifies(b"massage", &signature));
            for length in 0..signature.len() {
                assert!(!verifying.verifies(b"message", &signature[..length]), "cut to {length}");
            }
            assert!(!verifying.verifies(b"message", &vec![0; signature.len()]), "psychic signature");
        }
    }

    #[test]
    fn a_short_secret_is_no_key() {
        assert!(SigningKey::hs256(&[7; 31]).is_err());
    }

    #[test]
    fn a_secret_key_is_never_published_and_its_id_tells_nothing() {
        let key = SigningKey::hs256(&[7; 32]).unwrap();
        assert!(key.verifying_key().jwk().is_none());
        assert_ne!(key.key_id(), SigningKey::hs256(&[8; 32]).unwrap().key_id());
    }
}
