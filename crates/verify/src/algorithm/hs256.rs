//! HMAC with SHA-256.

use std::sync::Arc;

use aws_lc_rs::hmac;

use super::{Algorithm, InvalidKey};

#[derive(Clone)]
pub(super) struct Key(Arc<hmac::Key>);

impl Key {
    pub(super) fn new(secret: &[u8]) -> Result<Self, InvalidKey> {
        if secret.len() < 32 {
            return Err(InvalidKey(Algorithm::Hs256));
        }
        Ok(Self(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, secret))))
    }

    /// Compares in constant time and over the full length: a cut mac is not a shorter mac.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        hmac::verify(&self.0, message, signature).is_ok()
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        hmac::sign(&self.0, message).as_ref().to_vec()
    }
}
