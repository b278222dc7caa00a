//! Compact JSON Web Signatures (RFC 7515), read as strictly as they are written.
//!
//! Whatever is not exactly what an honest issuer writes is refused: a lax reader is where forgeries and second
//! spellings of revoked tokens come from (RFC 8725). Claims are not looked at here: that is [`jwt`](crate::jwt).

pub(crate) mod header;

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::keys::{KeySet, NamedKey};

/// The longest token that is looked at.
pub const READ_AT_MOST: usize = 8 * 1024;

/// Characters of a signature that is decoded without an allocation: all but those of RSA.
const SHORT: usize = 128;

/// What a token is meant to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `typ` is `at+jwt` (RFC 9068).
    AccessToken,
    /// Any signed payload, of any `typ` or none.
    Any,
}

/// Why a token is refused. For logs: a client is told only that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Invalid {
    /// Not three parts of canonical base64url, or too long.
    #[error("not a compact JWS")]
    Form,
    /// A header with more, less or something else than there must be.
    #[error("unacceptable header")]
    Header,
    /// No key with this `kid`.
    #[error("unknown key")]
    UnknownKey,
    /// Another algorithm than the key's.
    #[error("wrong algorithm for the key")]
    Algorithm,
    /// The signature is wrong.
    #[error("wrong signature")]
    Signature,
    /// Claims that are missing, doubled or of the wrong type.
    #[error("unacceptable claims")]
    Claims,
    /// Another issuer.
    #[error("wrong issuer")]
    Issuer,
    /// For somebody else.
    #[error("wrong audience")]
    Audience,
    /// Past its `exp`.
    #[error("expired")]
    Expired,
    /// Before its `nbf`.
    #[error("not yet valid")]
    NotYet,
}

/// A payload whose signature is right.
#[derive(Debug, Clone)]
pub struct Proved {
    /// The key that proved it.
    pub key: Arc<NamedKey>,
    /// What was signed, decoded.
    pub payload: Vec<u8>,
}

/// Proves a token: its form, its header and its signature, in this order.
pub fn prove(token: &str, keys: &KeySet, kind: Kind) -> Result<Proved, Invalid> {
    let Parts { header, payload, signature, message } = split(token)?;
    let key = match keys.by_header(header) {
        Some(key) => key,
        None => header::find_key(&decode(header)?, keys, kind)?,
    };
    let mut short = [0; SHORT];
    let long;
    let signature = if signature.len() <= SHORT {
        let length = URL_SAFE_NO_PAD.decode_slice(signature, &mut short).map_err(|_| Invalid::Form)?;
        &short[..length]
    } else {
        long = decode(signature)?;
        &long
    };
    if !key.key.verifies(message.as_bytes(), signature) {
        return Err(Invalid::Signature);
    }
    Ok(Proved { key, payload: decode(payload)? })
}

/// Header and payload as they stand, decoded and **not proved**: to show to a person, never to decide by.
pub fn look(token: &str) -> Result<(Vec<u8>, Vec<u8>), Invalid> {
    let Parts { header, payload, .. } = split(token)?;
    Ok((decode(header)?, decode(payload)?))
}

struct Parts<'t> {
    header: &'t str,
    payload: &'t str,
    signature: &'t str,
    /// What is signed: header and payload as they are spelled.
    message: &'t str,
}

/// Exactly three parts: five would be an encrypted token, which nobody here has asked for.
fn split(token: &str) -> Result<Parts<'_>, Invalid> {
    if token.len() > READ_AT_MOST {
        return Err(Invalid::Form);
    }
    let (message, signature) = token.rsplit_once('.').ok_or(Invalid::Form)?;
    let (header, payload) = message.split_once('.').ok_or(Invalid::Form)?;
    if payload.contains('.') {
        return Err(Invalid::Form);
    }
    Ok(Parts { header, payload, signature, message })
}

/// Canonical base64url: no padding, no foreign characters, no stray trailing bits.
fn decode(part: &str) -> Result<Vec<u8>, Invalid> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Invalid::Form)
}
