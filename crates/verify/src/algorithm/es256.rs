//! ECDSA on P-256 with SHA-256; signatures are `r || s`, 64 bytes.

use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, ParsedPublicKey,
};
use zeroize::Zeroizing;

use super::{Algorithm, InvalidKey};

const INVALID: InvalidKey = InvalidKey(Algorithm::Es256);

#[derive(Clone)]
pub(super) struct Verifying {
    public: [u8; 65],
    parsed: Arc<ParsedPublicKey>,
}

impl Verifying {
    pub(super) fn new(public: &[u8]) -> Result<Self, InvalidKey> {
        let public: [u8; 65] = public.try_into().map_err(|_| INVALID)?;
        let parsed = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public).map_err(|_| INVALID)?;
        Ok(Self { public, parsed: Arc::new(parsed) })
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.parsed.verify_sig(message, signature).is_ok()
    }

    pub(super) const fn public(&self) -> &[u8; 65] {
        &self.public
    }
}

pub(super) struct Signing {
    pair: EcdsaKeyPair,
    random: SystemRandom,
    verifying: Verifying,
}

impl Signing {
    pub(super) fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, InvalidKey> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).map_err(|_| INVALID)?;
        let verifying = Verifying::new(pair.public_key().as_ref())?;
        Ok(Self { pair, random: SystemRandom::new(), verifying })
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature = self.pair.sign(&self.random, message);
        signature.expect("a valid P-256 key signs any message").as_ref().to_vec()
    }

    pub(super) fn verifying(&self) -> Verifying {
        self.verifying.clone()
    }
}

pub(super) fn generate() -> Result<Zeroizing<Vec<u8>>, InvalidKey> {
    let random = SystemRandom::new();
    let pkcs8 =
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).map_err(|_| INVALID)?;
    Ok(Zeroizing::new(pkcs8.as_ref().to_vec()))
}
