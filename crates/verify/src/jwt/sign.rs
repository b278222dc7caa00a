//! Writing access tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use crate::algorithm::SigningKey;
use crate::jws::header;
use crate::{KeyId, Roles, Rv, SessionId, Timestamp, TokenId, UserId};

/// The longest token that is issued: a longer one would be cut by some proxy, and then nobody knows why.
pub const MAX_BYTES: usize = 4096;

/// The claims would make a token of more than [`MAX_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the access token would be {0} bytes long, more than {MAX_BYTES}")]
pub struct TooLarge(pub usize);

/// What an access token says (contract section 4).
#[derive(Debug, Clone)]
pub struct Claims<'a> {
    /// `iss`.
    pub issuer: &'a str,
    /// `aud`, always written as a list.
    pub audience: &'a [String],
    /// `client_id`.
    pub client_id: &'a str,
    /// `sub`.
    pub user: UserId,
    /// `sid`, exactly for `hybrid`.
    pub session: Option<SessionId>,
    /// `jti`.
    pub token: TokenId,
    /// `rv`.
    pub rv: Rv,
    /// `iat`.
    pub issued_at: Timestamp,
    /// `exp`.
    pub expires_at: Timestamp,
    /// `auth_time`.
    pub auth_time: Timestamp,
    /// `roles`.
    pub roles: &'a Roles,
    /// `email`.
    pub email: Option<&'a str>,
    /// `name`.
    pub name: Option<&'a str>,
}

/// Writes and signs a token.
pub fn sign(key: &SigningKey, kid: &KeyId, claims: &Claims<'_>) -> Result<String, TooLarge> {
    let mut token = unsigned(key, kid, claims);
    let signature = key.sign(token.as_bytes());
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    fits(token.len()).map(|()| token)
}

/// Whether such a token would fit, without the price of a signature.
pub fn check_size(key: &SigningKey, kid: &KeyId, claims: &Claims<'_>) -> Result<(), TooLarge> {
    // Without padding: four characters for three bytes, and for what is left over one more than its bytes.
    let signature = (key.signature_len() * 4).div_ceil(3);
    fits(unsigned(key, kid, claims).len() + ".".len() + signature)
}

const fn fits(length: usize) -> Result<(), TooLarge> {
    if length > MAX_BYTES { Err(TooLarge(length)) } else { Ok(()) }
}

/// Header and payload: what is signed.
fn unsigned(key: &SigningKey, kid: &KeyId, claims: &Claims<'_>) -> String {
    let written = Written {
        iss: claims.issuer,
        aud: claims.audience,
        sub: claims.user,
        iat: claims.issued_at.as_seconds(),
        exp: claims.expires_at.as_seconds(),
        jti: claims.token,
        sid: claims.session,
        rv: claims.rv.to_string(),
        client_id: claims.client_id,
        auth_time: claims.auth_time.as_seconds(),
        amr: ["pwd"],
        roles: claims.roles.iter().collect(),
        email: claims.email,
        name: claims.name,
    };
    let payload = serde_json::to_vec(&written).expect("strings and numbers serialise");
    let mut token = header::encode(kid, key.algorithm());
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(payload, &mut token);
    token
}

#[derive(Serialize)]
struct Written<'a> {
    iss: &'a str,
    aud: &'a [String],
    sub: UserId,
    iat: i64,
    exp: i64,
    jti: TokenId,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<SessionId>,
    rv: String,
    client_id: &'a str,
    auth_time: i64,
    amr: [&'static str; 1],
    roles: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}
