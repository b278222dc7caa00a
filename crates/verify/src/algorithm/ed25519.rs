//! EdDSA with Ed25519.

use std::sync::Arc;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, ParsedPublicKey};
use zeroize::Zeroizing;

use super::{Algorithm, InvalidKey};

const INVALID: InvalidKey = InvalidKey(Algorithm::EdDsa);

#[derive(Clone)]
pub(super) struct Verifying {
    public: [u8; 32],
    parsed: Arc<ParsedPublicKey>,
}

impl Verifying {
    pub(super) fn new(public: &[u8]) -> Result<Self, InvalidKey> {
        let public = public.try_into().map_err(|_| INVALID)?;
        let parsed = ParsedPublicKey::new(&ED25519, public).map_err(|_| INVALID)?;
        Ok(Self { public, parsed: Arc::new(parsed) })
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.parsed.verify_sig(message, signature).is_ok()
    }

    pub(super) const fn public(&self) -> &[u8; 32] {
        &self.public
    }
}

pub(super) struct Signing {
    pair: Ed25519KeyPair,
    verifying: Verifying,
}

impl Signing {
    pub(super) fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, InvalidKey> {
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| INVALID)?;
        let verifying = Verifying::new(pair.public_key().as_ref())?;
        Ok(Self { pair, verifying })
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }

    pub(super) fn verifying(&self) -> Verifying {
        self.verifying.clone()
    }
}

pub(super) fn generate() -> Result<Zeroizing<Vec<u8>>, InvalidKey> {
    let random = aws_lc_rs::rand::SystemRandom::new();
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&random).map_err(|_| INVALID)?;
    Ok(Zeroizing::new(pkcs8.as_ref().to_vec()))
}
