//! Access tokens: compact JWS (RFC 7515) with the claims of RFC 9068, read as strictly as they are written.
//!
//! A token is refused for anything that is not exactly what an issuer of ours could have meant: a lax reader is
//! where forgeries and second spellings of revoked tokens come from (RFC 8725).

mod claims;
pub(crate) mod header;
mod sign;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::keys::KeySet;
use crate::{KeyId, Principal, Rv, SessionId, Timestamp, TokenId, UserId};

pub use sign::{Claims, MAX_BYTES, TooLarge, sign};

/// The longest token that is looked at.
const READ_AT_MOST: usize = 8 * 1024;
/// The most that clocks may be assumed to differ by.
pub const MAX_LEEWAY: Duration = Duration::from_secs(60);

/// What an access token must say.
#[derive(Debug, Clone)]
pub struct Rules {
    /// `iss`, compared exactly.
    pub issuer: String,
    /// One of the entries of `aud`.
    pub audience: String,
    /// How far clocks may differ, at most [`MAX_LEEWAY`].
    pub leeway: Duration,
}

impl Rules {
    /// Rules with a leeway of 5 s.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        Self { issuer: issuer.into(), audience: audience.into(), leeway: Duration::from_secs(5) }
    }

    fn leeway(&self) -> Duration {
        self.leeway.min(MAX_LEEWAY)
    }
}

/// A token whose signature and claims are right.
#[derive(Debug, Clone)]
pub struct Verified {
    /// The key that signed it.
    pub kid: KeyId,
    /// Its own id.
    pub token: TokenId,
    /// The login, for `hybrid`.
    pub session: Option<SessionId>,
    /// Whose it is.
    pub user: UserId,
    /// The feed position it was minted at.
    pub rv: Rv,
    /// Not good before.
    pub not_before: Option<Timestamp>,
    /// Not good from here on, leeway aside.
    pub expires_at: Timestamp,
    /// Who it stands for.
    pub principal: Principal,
}

/// Why a token is refused. For logs: a client is told only that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Invalid {
    /// Not three parts of canonical base64url, or too long.
    #[error("not a compact JWS")]
    Form,
    /// A header that is not exactly what an access token has.
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

/// Proves a token and judges its claims at `now`.
pub fn verify(token: &str, keys: &KeySet, rules: &Rules, now: Timestamp) -> Result<Verified, Invalid> {
    let verified = verify_authentic(token, keys, rules)?;
    verified.judge(rules, now)?;
    Ok(verified)
}

/// Proves a token whatever the time: an expired one still says which login to end.
pub fn verify_authentic(token: &str, keys: &KeySet, rules: &Rules) -> Result<Verified, Invalid> {
    if token.len() > READ_AT_MOST {
        return Err(Invalid::Form);
    }
    let (message, signature) = token.rsplit_once('.').ok_or(Invalid::Form)?;
    let (head, payload) = message.split_once('.').ok_or(Invalid::Form)?;
    if payload.contains('.') {
        return Err(Invalid::Form);
    }
    let key = match keys.by_header(head) {
        Some(key) => key,
        None => header::find_key(&decode(head)?, keys)?,
    };
    if !key.key.verifies(message.as_bytes(), &decode(signature)?) {
        return Err(Invalid::Signature);
    }
    claims::read(&decode(payload)?, &key.kid, rules)
}

impl Verified {
    /// Judges the claims about time.
    pub fn judge(&self, rules: &Rules, now: Timestamp) -> Result<(), Invalid> {
        if now >= self.expires_at.after(rules.leeway()) {
            return Err(Invalid::Expired);
        }
        if self.not_before.is_some_and(|not_before| now < not_before.before(rules.leeway())) {
            return Err(Invalid::NotYet);
        }
        Ok(())
    }
}

/// Canonical base64url: no padding, no foreign characters, no stray trailing bits.
fn decode(part: &str) -> Result<Vec<u8>, Invalid> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Invalid::Form)
}
