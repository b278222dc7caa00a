//! ECDSA on the NIST curves; signatures are `r || s` of fixed length (RFC 7518 section 3.4).

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED,
    ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm,
    KeyPair,
};
use zeroize::Zeroizing;

use super::{Algorithm, InvalidKey, PublicKey};
use crate::jwk::Jwk;

/// A curve and the one algorithm that goes with it.
pub(super) struct Curve {
    algorithm: Algorithm,
    /// Its name in a JWK.
    name: &'static str,
    /// Bytes of a coordinate.
    pub(super) length: usize,
    verification: &'static EcdsaVerificationAlgorithm,
    signing: &'static EcdsaSigningAlgorithm,
}

pub(super) const P256: Curve = Curve {
    algorithm: Algorithm::Es256,
    name: "P-256",
    length: 32,
    verification: &ECDSA_P256_SHA256_FIXED,
    signing: &ECDSA_P256_SHA256_FIXED_SIGNING,
};
pub(super) const P384: Curve = Curve {
    algorithm: Algorithm::Es384,
    name: "P-384",
    length: 48,
    verification: &ECDSA_P384_SHA384_FIXED,
    signing: &ECDSA_P384_SHA384_FIXED_SIGNING,
};

impl Curve {
    /// From an uncompressed point, `4 || x || y`; one off the curve is refused.
    pub(super) fn public(&self, point: &[u8]) -> Result<PublicKey, InvalidKey> {
        let invalid = InvalidKey(self.algorithm);
        let (4, coordinates) = point.split_first().ok_or(invalid)? else { return Err(invalid) };
        if coordinates.len() != 2 * self.length {
            return Err(invalid);
        }
        let (x, y) = coordinates.split_at(self.length);
        PublicKey::parse(self.algorithm, self.verification, point, Jwk::ec(self.name, x, y))
    }

    pub(super) fn generate(&self) -> Result<Zeroizing<Vec<u8>>, InvalidKey> {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(self.signing, &SystemRandom::new());
        let pkcs8 = pkcs8.map_err(|_| InvalidKey(self.algorithm))?;
        Ok(Zeroizing::new(pkcs8.as_ref().to_vec()))
    }

    pub(super) fn open(&self, pkcs8: &[u8]) -> Result<(EcdsaKeyPair, PublicKey), InvalidKey> {
        let pair = EcdsaKeyPair::from_pkcs8(self.signing, pkcs8).map_err(|_| InvalidKey(self.algorithm))?;
        let public = self.public(pair.public_key().as_ref())?;
        Ok((pair, public))
    }
}
