//! Access tokens: a [`jws`] with the claims of RFC 9068, read as strictly as they are written.

mod claims;
mod sign;

use std::time::Duration;

use crate::jws::{self, Kind};
use crate::keys::KeySet;
use crate::{KeyId, Principal, Rv, SessionId, Timestamp, TokenId, UserId};

pub use crate::jws::Invalid;
pub use sign::{Claims, MAX_BYTES, TooLarge, check_size, sign};

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

/// Proves a token and judges its claims at `now`.
pub fn verify(token: &str, keys: &KeySet, rules: &Rules, now: Timestamp) -> Result<Verified, Invalid> {
    let verified = verify_authentic(token, keys, rules)?;
    verified.judge(rules, now)?;
    Ok(verified)
}

/// Proves a token whatever the time: an expired one still says which login to end.
pub fn verify_authentic(token: &str, keys: &KeySet, rules: &Rules) -> Result<Verified, Invalid> {
    let proved = jws::prove(token, keys, Kind::AccessToken)?;
    claims::read(&proved.payload, &proved.key.kid, rules)
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
