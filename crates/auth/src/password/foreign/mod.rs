//! Hashes that other systems made: read strictly, proved as those systems did, replaced by one of ours at the first
//! login that proves one.
//!
//! One file a scheme. What would cost too much at a login is refused before it is stored, and again when it is read.

mod argon2;
mod bcrypt;
mod hmac;
mod pbkdf2;
mod scrypt;
mod text;

use super::hash::{Params, PhcString};

/// The most memory that a hash may take: all that the pool has.
const MAX_MEMORY_KIB: u32 = 256 * 1024;
/// The shortest result that proves anything: 128 bits.
const MIN_OUTPUT: usize = 16;
/// Longer results and salts than any of these systems writes.
const MAX_OUTPUT: usize = 64;
const MAX_SALT: usize = 128;

/// A hash of another system.
pub(super) enum Foreign {
    Argon2(argon2::Argon2),
    Bcrypt(bcrypt::Bcrypt),
    Scrypt(scrypt::Scrypt),
    Pbkdf2(pbkdf2::Pbkdf2),
    Hmac(hmac::Hmac),
}

/// Why a hash of another system is refused. It never tells the hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ForeignRefused {
    /// Not a text that any scheme here begins with.
    #[error(
        "not a hash of a known kind: argon2, bcrypt ($2a$, $2b$, $2y$), $scrypt$, $pbkdf2-sha256$, $pbkdf2-sha512$, \
         pbkdf2_sha256$ or hmac_sha256"
    )]
    Unknown,
    /// `salt:hash`, which says neither how it was made nor of what.
    #[error(
        "a text salt:hash does not say how it was made: write {{\"hmac_sha256\": {{\"salt\": .., \"hash\": ..}}}} if \
         it is the hex of HMAC-SHA256(key = salt, password)"
    )]
    Ambiguous,
    /// The kind is known, and the rest cannot be read.
    #[error("not a readable {0} hash")]
    Malformed(&'static str),
    /// Proving it would take more than a login may.
    #[error("this hash would cost too much at each login: {0}")]
    TooCostly(&'static str),
}

/// What proving takes. Only its order of magnitude means anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cost {
    pub(super) memory_kib: u32,
    /// Of one core of a small server.
    pub(super) micros: u64,
}

impl Cost {
    /// What argon2 with these parameters takes.
    pub(super) fn of_argon2(params: Params) -> Self {
        let blocks = u64::from(params.memory_kib) * u64::from(params.iterations);
        Self { memory_kib: params.memory_kib, micros: blocks * 2 / 3 }
    }
}

impl Foreign {
    pub(super) fn parse(text: &str) -> Result<Self, ForeignRefused> {
        if text.starts_with("$argon2") {
            argon2::Argon2::parse(text).map(Self::Argon2)
        } else if text.starts_with("$2") {
            bcrypt::Bcrypt::parse(text).map(Self::Bcrypt)
        } else if text.starts_with("$scrypt$") {
            scrypt::Scrypt::parse(text).map(Self::Scrypt)
        } else if text.starts_with("$pbkdf2-") || text.starts_with("pbkdf2_") {
            pbkdf2::Pbkdf2::parse(text).map(Self::Pbkdf2)
        } else if text.starts_with(hmac::PREFIX) {
            hmac::Hmac::parse(text).map(Self::Hmac)
        } else if text.contains(':') && !text.contains('$') {
            Err(ForeignRefused::Ambiguous)
        } else {
            Err(ForeignRefused::Unknown)
        }
    }

    /// Whether these bytes are the password. In constant time but for the length of the password.
    pub(super) fn proves(&self, password: &[u8]) -> bool {
        match self {
            Self::Argon2(hash) => hash.proves(password),
            Self::Bcrypt(hash) => hash.proves(password),
            Self::Scrypt(hash) => hash.proves(password),
            Self::Pbkdf2(hash) => hash.proves(password),
            Self::Hmac(hash) => hash.proves(password),
        }
    }

    pub(super) fn cost(&self) -> Cost {
        match self {
            Self::Argon2(hash) => hash.cost(),
            Self::Bcrypt(hash) => hash.cost(),
            Self::Scrypt(hash) => hash.cost(),
            Self::Pbkdf2(hash) => hash.cost(),
            Self::Hmac(_) => Cost { memory_kib: 0, micros: 1 },
        }
    }
}

impl PhcString {
    /// A hash of another system as text. A `!`, with which Django marks an account without a password, makes
    /// [one without](Self::no_password).
    pub fn import(text: &str) -> Result<Self, ForeignRefused> {
        if text.starts_with('!') {
            return Ok(Self::no_password());
        }
        Foreign::parse(text)?;
        let imported = Self::from_store(text.to_owned());
        // argon2id as we write it is read by our own, stricter, reader.
        if imported.is_readable() { Ok(imported) } else { Err(ForeignRefused::Malformed("argon2")) }
    }

    /// The hex of `HMAC-SHA256(key = salt, password)`, as many tutorials make it. The key is the salt as text.
    pub fn import_hmac(salt: &str, hex: &str) -> Result<Self, ForeignRefused> {
        hmac::Hmac::of_hex(salt, hex).map(|hash| Self::from_store(hash.to_text()))
    }

    /// Whether guessing costs less than against a hash with these parameters, so that whoever copies the table before
    /// the owner's first login here guesses faster.
    pub fn is_weaker_than(&self, params: Params) -> bool {
        Foreign::parse(self.as_str())
            .is_ok_and(|foreign| foreign.cost().micros < Cost::of_argon2(params).micros / 2)
    }
}

fn equal(one: &[u8], other: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(one, other).is_ok()
}

#[cfg(test)]
mod tests;
