//! HMAC with SHA-2: whoever can verify can also sign.

use aws_lc_rs::hmac;

use super::{Algorithm, InvalidKey};

pub(super) struct Key {
    algorithm: Algorithm,
    key: hmac::Key,
}

impl Key {
    pub(super) fn new(algorithm: Algorithm, secret: &[u8]) -> Result<Self, InvalidKey> {
        let hash = match algorithm {
            Algorithm::Hs256 => hmac::HMAC_SHA256,
            Algorithm::Hs384 => hmac::HMAC_SHA384,
            Algorithm::Hs512 => hmac::HMAC_SHA512,
            Algorithm::EdDsa | Algorithm::Es256 | Algorithm::Es384 | Algorithm::Rs256 | Algorithm::Ps256 => {
                return Err(InvalidKey(algorithm));
            }
        };
        if algorithm.secret_bytes().is_none_or(|least| secret.len() < least) {
            return Err(InvalidKey(algorithm));
        }
        Ok(Self { algorithm, key: hmac::Key::new(hash, secret) })
    }

    pub(super) const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Compares in constant time and over the full length: a cut mac is not a shorter mac.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        hmac::verify(&self.key, message, signature).is_ok()
    }

    pub(super) fn signature_len(&self) -> usize {
        self.key.algorithm().tag_len()
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        hmac::sign(&self.key, message).as_ref().to_vec()
    }
}
