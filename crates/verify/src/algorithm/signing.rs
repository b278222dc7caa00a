//! A key that signs tokens, with the one that proves them.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair};
use zeroize::Zeroizing;

use super::{Algorithm, InvalidKey, PublicKey, VerifyingKey, ecdsa, ed25519, hmac, rsa};
use crate::KeyId;

/// Signs tokens.
pub struct SigningKey {
    signer: Signer,
    verifying: VerifyingKey,
}

enum Signer {
    Ed25519(Ed25519KeyPair),
    Ecdsa(EcdsaKeyPair),
    Rsa(RsaKeyPair, &'static rsa::Padding),
    Secret(Arc<hmac::Key>),
}

impl SigningKey {
    /// Makes a key pair, as PKCS#8. A symmetric algorithm has none: its secret comes from the configuration.
    pub fn generate(algorithm: Algorithm) -> Result<Zeroizing<Vec<u8>>, InvalidKey> {
        match algorithm {
            Algorithm::EdDsa => ed25519::generate(),
            Algorithm::Es256 => ecdsa::P256.generate(),
            Algorithm::Es384 => ecdsa::P384.generate(),
            Algorithm::Rs256 => rsa::PKCS1.generate(),
            Algorithm::Ps256 => rsa::PSS.generate(),
            Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => Err(InvalidKey(algorithm)),
        }
    }

    /// Reads a key pair from PKCS#8.
    pub fn from_pkcs8(algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self, InvalidKey> {
        let ecdsa = |curve: &ecdsa::Curve| {
            curve.open(pkcs8).map(|(pair, public)| Self::of(Signer::Ecdsa(pair), public))
        };
        let rsa = |padding: &'static rsa::Padding| {
            padding.open(pkcs8).map(|(pair, public)| Self::of(Signer::Rsa(pair, padding), public))
        };
        match algorithm {
            Algorithm::EdDsa => {
                ed25519::open(pkcs8).map(|(pair, public)| Self::of(Signer::Ed25519(pair), public))
            }
            Algorithm::Es256 => ecdsa(&ecdsa::P256),
            Algorithm::Es384 => ecdsa(&ecdsa::P384),
            Algorithm::Rs256 => rsa(&rsa::PKCS1),
            Algorithm::Ps256 => rsa(&rsa::PSS),
            Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => Err(InvalidKey(algorithm)),
        }
    }

    /// A shared secret at least as long as the hash. Whether it is hard to guess is for the caller to judge.
    pub fn secret(algorithm: Algorithm, secret: &[u8]) -> Result<Self, InvalidKey> {
        let key = Arc::new(hmac::Key::new(algorithm, secret)?);
        Ok(Self { verifying: Arc::clone(&key).into(), signer: Signer::Secret(key) })
    }

    fn of(signer: Signer, public: PublicKey) -> Self {
        Self { signer, verifying: public.into() }
    }

    /// The one algorithm of this key.
    pub fn algorithm(&self) -> Algorithm {
        self.verifying.algorithm()
    }

    /// What proves this key's signatures.
    pub fn verifying_key(&self) -> VerifyingKey {
        self.verifying.clone()
    }

    /// The name of this key in tokens.
    pub fn key_id(&self) -> KeyId {
        self.verifying.key_id()
    }

    /// Of each signature of this key, in bytes.
    pub(crate) fn signature_len(&self) -> usize {
        match &self.signer {
            Signer::Ecdsa(_) if self.algorithm() == Algorithm::Es384 => 96,
            Signer::Ed25519(_) | Signer::Ecdsa(_) => 64,
            Signer::Rsa(pair, _) => pair.public_modulus_len(),
            Signer::Secret(key) => key.signature_len(),
        }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.signer {
            Signer::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Signer::Ecdsa(pair) => {
                let signature = pair.sign(&random, message);
                signature.expect("a key on its curve signs any message").as_ref().to_vec()
            }
            Signer::Rsa(pair, padding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let signed = pair.sign(padding.signing, &random, message, &mut signature);
                signed.expect("a key of 3072 bits or more signs any message");
                signature
            }
            Signer::Secret(key) => key.sign(message),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.algorithm())
    }
}
