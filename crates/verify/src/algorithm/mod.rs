//! Signatures. One key has one algorithm, fixed by the key and never by the token; `none` cannot be written.
//!
//! * here: the names; `verifying` and `signing`: a key of any of them
//! * `ed25519`, `ecdsa`, `rsa`, `hmac`: what a key of each must be

mod ecdsa;
mod ed25519;
mod hmac;
mod rsa;
mod signing;
mod verifying;

use std::fmt;
use std::str::FromStr;

pub use signing::SigningKey;
pub use verifying::VerifyingKey;

use verifying::PublicKey;

/// How a token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// Ed25519 (RFC 8037).
    EdDsa,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// RSA with PKCS#1 v1.5 and SHA-256: verifies from 2048 bits, signs from 3072.
    Rs256,
    /// RSA with PSS and SHA-256: verifies from 2048 bits, signs from 3072.
    Ps256,
    /// HMAC with SHA-256: whoever can verify can also sign.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
}

impl Algorithm {
    /// All there are.
    pub const ALL: [Self; 8] = [
        Self::EdDsa,
        Self::Es256,
        Self::Es384,
        Self::Rs256,
        Self::Ps256,
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
    ];

    /// The name in a token's header, compared exactly.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
        }
    }

    /// Whether one secret both signs and verifies: such a key is never published.
    pub const fn is_symmetric(self) -> bool {
        self.secret_bytes().is_some()
    }

    /// The fewest bytes of a shared secret: as many as the hash has (RFC 7518 section 3.2). `None` for key pairs.
    pub const fn secret_bytes(self) -> Option<usize> {
        match self {
            Self::Hs256 => Some(32),
            Self::Hs384 => Some(48),
            Self::Hs512 => Some(64),
            Self::EdDsa | Self::Es256 | Self::Es384 | Self::Rs256 | Self::Ps256 => None,
        }
    }
}

/// The name is not one of [`Algorithm::ALL`], letter by letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected EdDSA, ES256, ES384, RS256, PS256, HS256, HS384 or HS512")]
pub struct UnknownAlgorithm;

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name).ok_or(UnknownAlgorithm)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// One key of each algorithm. RSA keys are slow to make: one serves both paddings.
    fn keys() -> Vec<SigningKey> {
        let rsa = SigningKey::generate(Algorithm::Rs256).unwrap();
        let open = |algorithm: Algorithm| match algorithm {
            Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => {
                SigningKey::secret(algorithm, &[7; 64]).unwrap()
            }
            Algorithm::Rs256 | Algorithm::Ps256 => SigningKey::from_pkcs8(algorithm, &rsa).unwrap(),
            Algorithm::EdDsa | Algorithm::Es256 | Algorithm::Es384 => {
                SigningKey::from_pkcs8(algorithm, &SigningKey::generate(algorithm).unwrap()).unwrap()
            }
        };
        Algorithm::ALL.into_iter().map(open).collect()
    }

    #[test]
    fn a_signature_proves_exactly_its_message_under_its_key_and_algorithm() {
        let keys = keys();
        for (n, key) in keys.iter().enumerate() {
            assert_eq!(key.algorithm(), Algorithm::ALL[n]);
            let signature = key.sign(b"message");
            assert_eq!(signature.len(), key.signature_len());
            let verifying = key.verifying_key();
            assert!(verifying.verifies(b"message", &signature));
            assert!(!verifying.verifies(b"massage", &signature));
            for length in 0..signature.len() {
                assert!(!verifying.verifies(b"message", &signature[..length]), "cut to {length}");
            }
            assert!(!verifying.verifies(b"message", &[&signature[..], &[0]].concat()), "and one more");
            assert!(!verifying.verifies(b"message", &vec![0; signature.len()]), "psychic signature");
            for (m, other) in keys.iter().enumerate() {
                assert_eq!(other.verifying_key().verifies(b"message", &signature), n == m, "{n} under {m}");
            }
        }
    }

    #[test]
    fn a_secret_is_at_least_as_long_as_its_hash() {
        for (algorithm, length) in [(Algorithm::Hs256, 32), (Algorithm::Hs384, 48), (Algorithm::Hs512, 64)] {
            assert!(SigningKey::secret(algorithm, &[7; 64][..length - 1]).is_err());
            assert!(SigningKey::secret(algorithm, &[7; 64][..length]).is_ok());
        }
        assert!(SigningKey::secret(Algorithm::EdDsa, &[7; 64]).is_err(), "no secret is a public key");
    }

    #[test]
    fn a_point_off_its_curve_is_no_key() {
        assert!(VerifyingKey::p256(&[1; 32], &[1; 32]).is_err());
        assert!(VerifyingKey::p384(&[1; 48], &[1; 48]).is_err());
        assert!(VerifyingKey::p256(&[0; 32], &[0; 32]).is_err());
    }

    #[test]
    fn an_rsa_key_that_is_short_even_or_of_a_small_exponent_is_none() {
        let modulus = |bytes: usize| [vec![0xc1; bytes - 1], vec![0x0b]].concat();
        assert!(VerifyingKey::rs256(&modulus(256), &[1, 0, 1]).is_ok());
        assert!(VerifyingKey::ps256(&modulus(1024), &[1, 0, 1]).is_ok());
        for (n, e) in [
            (modulus(255), vec![1, 0, 1]),
            (modulus(1025), vec![1, 0, 1]),
            ([vec![0], modulus(256)].concat(), vec![1, 0, 1]),
            (vec![0xc0; 256], vec![1, 0, 1]),
            (modulus(256), vec![3]),
            (modulus(256), vec![1, 0, 0]),
            (modulus(256), vec![0, 1, 0, 1]),
            (modulus(256), vec![1; 5]),
            (Vec::new(), Vec::new()),
        ] {
            assert!(VerifyingKey::rs256(&n, &e).is_err(), "{} bytes, {e:?}", n.len());
        }
    }

    #[test]
    fn an_rsa_key_of_2048_bits_verifies_and_does_not_sign() {
        use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
        use aws_lc_rs::signature::RsaKeyPair;
        let pair = RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
        let pkcs8: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        assert!(SigningKey::from_pkcs8(Algorithm::Rs256, pkcs8.as_ref()).is_err());
    }

    #[test]
    fn a_secret_key_is_never_published_and_its_id_tells_nothing() {
        let key = SigningKey::secret(Algorithm::Hs256, &[7; 32]).unwrap();
        assert!(key.verifying_key().jwk().is_none());
        assert_ne!(key.key_id(), SigningKey::secret(Algorithm::Hs256, &[8; 32]).unwrap().key_id());
    }
}
