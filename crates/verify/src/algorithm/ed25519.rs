//! EdDSA with Ed25519 (RFC 8037).

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair};
use zeroize::Zeroizing;

use super::{Algorithm, InvalidKey, PublicKey};
use crate::jwk::Jwk;

const INVALID: InvalidKey = InvalidKey(Algorithm::EdDsa);

pub(super) fn public(x: &[u8]) -> Result<PublicKey, InvalidKey> {
    let x: &[u8; 32] = x.try_into().map_err(|_| INVALID)?;
    PublicKey::parse(Algorithm::EdDsa, &ED25519, x, Jwk::ed25519(x))
}

pub(super) fn generate() -> Result<Zeroizing<Vec<u8>>, InvalidKey> {
    let random = aws_lc_rs::rand::SystemRandom::new();
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&random).map_err(|_| INVALID)?;
    Ok(Zeroizing::new(pkcs8.as_ref().to_vec()))
}

pub(super) fn open(pkcs8: &[u8]) -> Result<(Ed25519KeyPair, PublicKey), InvalidKey> {
    let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| INVALID)?;
    let public = public(pair.public_key().as_ref())?;
    Ok((pair, public))
}
