//! Signs whatever it is given, as an issuer of ours never would. The tests of the server forge with it too, by the
//! server's own key: so that strictness is what refuses, and not a wrong signature.

use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{self, KeyPair, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cloakroom_verify::KeyId;
use cloakroom_verify::algorithm::{Algorithm, SigningKey};
use cloakroom_verify::keys::KeySet;

pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub struct Forge {
    pub key: SigningKey,
    pub kid: KeyId,
    raw: Raw,
}

enum Raw {
    Ed25519(signature::Ed25519KeyPair),
    Es256(signature::EcdsaKeyPair),
    Rs256(RsaKeyPair),
    Hs256(hmac::Key),
}

impl Forge {
    pub fn eddsa() -> Self {
        Self::new(Algorithm::EdDsa)
    }

    pub fn es256() -> Self {
        Self::new(Algorithm::Es256)
    }

    /// With a new key pair of `EdDSA`, `ES256` or `RS256`.
    pub fn new(algorithm: Algorithm) -> Self {
        Self::of(algorithm, &SigningKey::generate(algorithm).expect("a key"))
    }

    /// With this key pair.
    pub fn of(algorithm: Algorithm, pkcs8: &[u8]) -> Self {
        let key = SigningKey::from_pkcs8(algorithm, pkcs8).expect("a key");
        let raw = match algorithm {
            Algorithm::EdDsa => Raw::Ed25519(signature::Ed25519KeyPair::from_pkcs8(pkcs8).expect("a key")),
            Algorithm::Es256 => {
                let curve = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
                Raw::Es256(signature::EcdsaKeyPair::from_pkcs8(curve, pkcs8).expect("a key"))
            }
            Algorithm::Rs256 => Raw::Rs256(RsaKeyPair::from_pkcs8(pkcs8).expect("a key")),
            Algorithm::Es384 | Algorithm::Ps256 | Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => {
                panic!("no test forges with {algorithm}")
            }
        };
        Self { kid: key.key_id(), key, raw }
    }

    pub fn hs256(secret: &[u8]) -> Self {
        let key = SigningKey::secret(Algorithm::Hs256, secret).expect("a long secret");
        Self { kid: key.key_id(), key, raw: Raw::Hs256(hmac::Key::new(hmac::HMAC_SHA256, secret)) }
    }

    pub fn keys(&self) -> Arc<KeySet> {
        Arc::new(KeySet::new([(self.kid.clone(), self.key.verifying_key())]))
    }

    /// A token of exactly these bytes.
    pub fn sign(&self, header: &str, payload: &str) -> String {
        self.sign_parts(&encode(header), &encode(payload))
    }

    /// A token of exactly these parts, however they are spelled.
    pub fn sign_parts(&self, header: &str, payload: &str) -> String {
        let message = format!("{header}.{payload}");
        let signature = encode(self.signature(message.as_bytes()));
        format!("{message}.{signature}")
    }

    pub fn signature(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.raw {
            Raw::Ed25519(key) => key.sign(message).as_ref().to_vec(),
            Raw::Es256(key) => key.sign(&random, message).expect("it signs anything").as_ref().to_vec(),
            Raw::Rs256(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                let signed = key.sign(&signature::RSA_PKCS1_SHA256, &random, message, &mut signature);
                signed.expect("it signs anything");
                signature
            }
            Raw::Hs256(key) => hmac::sign(key, message).as_ref().to_vec(),
        }
    }

    /// The public key as its bytes (of RSA, PKCS#1); there is none of a secret.
    pub fn public(&self) -> Vec<u8> {
        match &self.raw {
            Raw::Ed25519(key) => key.public_key().as_ref().to_vec(),
            Raw::Es256(key) => key.public_key().as_ref().to_vec(),
            Raw::Rs256(key) => key.public_key().as_ref().to_vec(),
            Raw::Hs256(_) => Vec::new(),
        }
    }

    /// The public key as X.509 DER: what stands between the lines of a PEM file.
    pub fn public_der(&self) -> Vec<u8> {
        let der = |key: Result<PublicKeyX509Der<'_>, _>| key.map(|der| der.as_ref().to_vec());
        match &self.raw {
            Raw::Ed25519(key) => der(key.public_key().as_der()).expect("a public key"),
            Raw::Es256(key) => der(key.public_key().as_der()).expect("a public key"),
            Raw::Rs256(key) => der(key.public_key().as_der()).expect("a public key"),
            Raw::Hs256(_) => Vec::new(),
        }
    }

    pub fn header(&self) -> String {
        let alg = self.key.algorithm();
        format!(r#"{{"alg":"{alg}","kid":"{}","typ":"at+jwt"}}"#, self.kid)
    }
}
