//! RSA signatures with SHA-256, PKCS#1 v1.5 and PSS: for issuers and clients that cannot do better.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    KeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RSA_PSS_2048_8192_SHA256, RSA_PSS_SHA256,
    RsaEncoding, RsaKeyPair, RsaParameters, RsaPublicKeyComponents,
};
use zeroize::Zeroizing;

use super::{Algorithm, InvalidKey, PublicKey};
use crate::jwk::Jwk;

/// Shorter moduli prove nothing (RFC 7518 section 3.3), longer ones cost a request too much.
const BITS_TO_VERIFY: std::ops::RangeInclusive<usize> = 2048..=8192;
/// What is signed today must still hold when the key is retired (NIST SP 800-57: 128 bits of security).
const BITS_TO_SIGN: usize = 3072;

/// A padding and the one algorithm that goes with it.
pub(super) struct Padding {
    algorithm: Algorithm,
    verification: &'static RsaParameters,
    pub(super) signing: &'static dyn RsaEncoding,
}

pub(super) const PKCS1: Padding = Padding {
    algorithm: Algorithm::Rs256,
    verification: &RSA_PKCS1_2048_8192_SHA256,
    signing: &RSA_PKCS1_SHA256,
};
pub(super) const PSS: Padding = Padding {
    algorithm: Algorithm::Ps256,
    verification: &RSA_PSS_2048_8192_SHA256,
    signing: &RSA_PSS_SHA256,
};

impl Padding {
    /// From modulus and exponent, both big endian without leading zeros.
    pub(super) fn public(&self, n: &[u8], e: &[u8]) -> Result<PublicKey, InvalidKey> {
        let invalid = InvalidKey(self.algorithm);
        if !BITS_TO_VERIFY.contains(&bits(n)) || n.last().is_none_or(|last| last % 2 == 0) || !usual(e) {
            return Err(invalid);
        }
        let der: PublicKeyX509Der<'_> = RsaPublicKeyComponents { n, e }.as_der().map_err(|_| invalid)?;
        PublicKey::parse(self.algorithm, self.verification, der.as_ref(), Jwk::rsa(n, e))
    }

    pub(super) fn generate(&self) -> Result<Zeroizing<Vec<u8>>, InvalidKey> {
        let invalid = |_| InvalidKey(self.algorithm);
        let pair = RsaKeyPair::generate(KeySize::Rsa3072).map_err(invalid)?;
        let pkcs8: Pkcs8V1Der<'_> = pair.as_der().map_err(invalid)?;
        Ok(Zeroizing::new(pkcs8.as_ref().to_vec()))
    }

    pub(super) fn open(&self, pkcs8: &[u8]) -> Result<(RsaKeyPair, PublicKey), InvalidKey> {
        let invalid = InvalidKey(self.algorithm);
        let pair = RsaKeyPair::from_pkcs8(pkcs8).map_err(|_| invalid)?;
        let RsaPublicKeyComponents { n, e } = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
        if bits(&n) < BITS_TO_SIGN {
            return Err(invalid);
        }
        let public = self.public(&n, &e)?;
        Ok((pair, public))
    }
}

fn bits(n: &[u8]) -> usize {
    n.first().map_or(0, |first| n.len() * 8 - first.leading_zeros() as usize)
}

/// 65537 or more, odd, and at most 32 bits: small exponents forgive bad padding, large ones only cost time.
fn usual(e: &[u8]) -> bool {
    let (3..=4, Some(&last)) = (e.len(), e.last()) else { return false };
    e.first() != Some(&0) && last % 2 == 1
}
