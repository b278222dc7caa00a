//! A hash as it is kept, and what it says.

use phc::{Output, PasswordHash, Salt};

use super::Params;
use super::compute::context;
use crate::password::foreign::Foreign;

/// What is stored for an account without a password.
const NO_PASSWORD: &str = "!";

/// A hash as it is stored: `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`, or until the first login here that of another
/// system. Not for logs.
#[derive(Clone, PartialEq, Eq)]
pub struct PhcString(String);

impl PhcString {
    /// For stores: what [`as_str`](Self::as_str) once gave them.
    pub fn from_store(text: String) -> Self {
        Self(text)
    }

    /// Of an account that has no password yet: none is ever right, at the cost of one that is wrong.
    pub fn no_password() -> Self {
        Self(NO_PASSWORD.to_owned())
    }

    /// Whether a password can be tried against it.
    pub(in crate::password) fn is_readable(&self) -> bool {
        match Kind::of(self) {
            Ok(Kind::Ours(stored)) => read(stored).is_ok_and(|(params, ..)| context(params).is_ok()),
            Ok(Kind::Foreign(_) | Kind::NoPassword) => true,
            Err(HashUnreadable) => false,
        }
    }

    /// As stores hold it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PhcString {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PhcString(..)")
    }
}

/// A stored hash, or the parameters for one, that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a usable password hash")]
pub struct HashUnreadable;

/// What a stored text is.
pub(super) enum Kind<'s> {
    Ours(&'s PhcString),
    Foreign(Foreign),
    NoPassword,
}

impl<'s> Kind<'s> {
    pub(super) fn of(stored: &'s PhcString) -> Result<Self, HashUnreadable> {
        if stored.0 == NO_PASSWORD {
            return Ok(Self::NoPassword);
        }
        if stored.0.starts_with("$argon2id$v=19$") {
            return Ok(Self::Ours(stored));
        }
        Foreign::parse(&stored.0).map(Self::Foreign).map_err(|_| HashUnreadable)
    }
}

pub(super) fn write(params: Params, salt: Salt, hash: Output) -> PhcString {
    use base64::Engine;
    let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD_NO_PAD.encode(bytes);
    let Params { memory_kib, iterations, parallelism } = params;
    let (salt, hash) = (encode(salt.as_ref()), encode(hash.as_bytes()));
    PhcString(format!("$argon2id$v=19$m={memory_kib},t={iterations},p={parallelism}${salt}${hash}"))
}

pub(super) fn read(stored: &PhcString) -> Result<(Params, Salt, Output), HashUnreadable> {
    let parsed = PasswordHash::new(&stored.0).map_err(|_| HashUnreadable)?;
    if parsed.algorithm.as_str() != "argon2id" || parsed.version != Some(19) {
        return Err(HashUnreadable);
    }
    let number = |name: &str| parsed.params.get_decimal(name).ok_or(HashUnreadable);
    let params = Params { memory_kib: number("m")?, iterations: number("t")?, parallelism: number("p")? };
    Ok((params, parsed.salt.ok_or(HashUnreadable)?, parsed.hash.ok_or(HashUnreadable)?))
}
