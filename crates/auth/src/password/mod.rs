//! Passwords: what is accepted as one, and how one is proved.

mod blocklist;
mod foreign;
mod hash;
mod pool;
mod threads;

use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::UnicodeNormalization;

pub use foreign::ForeignRefused;
pub use hash::{HashUnreadable, Hasher, Memory, Params, PhcString};
pub use pool::{Busy, HashPool, PoolLimits};

/// Longer ones are refused before anything is normalised or hashed.
pub const MAX_BYTES: usize = 1024;

/// A password that somebody tries: NFC, never truncated, trimmed or folded. Secret.
#[derive(Clone)]
pub struct Password {
    normal: SecretString,
    /// As it came, where that differs: systems that hash what they are sent may have been sent this.
    typed: Option<SecretString>,
}

/// A password that somebody chooses, and that may be chosen. Secret.
pub struct NewPassword(Password);

/// Why a password is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRefused {
    /// Fewer characters than the deployment asks for.
    #[error("a password has at least {at_least} characters; several words make a good one")]
    TooShort {
        /// How many it asks for.
        at_least: usize,
    },
    /// More than [`MAX_BYTES`].
    #[error("a password has at most {MAX_BYTES} bytes")]
    TooLong,
    /// Easy to guess, for this reason.
    #[error("this password is easy to guess: {0}")]
    Blocklisted(&'static str),
}

impl PasswordRefused {
    /// The stable code of the contract.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooShort { .. } => "too_short",
            Self::TooLong => "too_long",
            Self::Blocklisted(_) => "password_blocklisted",
        }
    }
}

impl Password {
    /// Reads what was typed.
    pub fn parse(typed: &SecretString) -> Result<Self, PasswordRefused> {
        let typed = typed.expose_secret();
        if typed.len() > MAX_BYTES {
            return Err(PasswordRefused::TooLong);
        }
        let normal = SecretString::from(typed.nfc().collect::<String>());
        let differs = normal.expose_secret() != typed;
        Ok(Self { normal, typed: differs.then(|| SecretString::from(typed)) })
    }

    fn expose(&self) -> &str {
        self.normal.expose_secret()
    }

    /// What another system may have hashed: the text as it came, and its NFC form where that is another.
    fn spellings(&self) -> impl Iterator<Item = &str> {
        self.typed.iter().map(ExposeSecret::expose_secret).chain(std::iter::once(self.expose()))
    }
}

impl NewPassword {
    /// Reads what was chosen. No composition rules (NIST SP 800-63B-4 section 3.1.1.2): only length, counted in
    /// characters, and whether it is easy to guess, also from `context`, such as email and name.
    pub fn parse(typed: &SecretString, at_least: usize, context: &[&str]) -> Result<Self, PasswordRefused> {
        let password = Password::parse(typed)?;
        if password.expose().chars().count() < at_least {
            return Err(PasswordRefused::TooShort { at_least });
        }
        match blocklist::reason(password.expose(), context) {
            Some(reason) => Err(PasswordRefused::Blocklisted(reason)),
            None => Ok(Self(password)),
        }
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(..)")
    }
}

impl std::fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewPassword(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(text: &str) -> Result<(), PasswordRefused> {
        NewPassword::parse(&SecretString::from(text), 15, &["alice@example.com", "Alice Liddell"]).map(drop)
    }

    #[test]
    fn length_counts_characters_and_is_bounded_in_bytes() {
        assert_eq!(new("fourteen chars"), Err(PasswordRefused::TooShort { at_least: 15 }));
        assert_eq!(new("fifteen charact"), Ok(()));
        assert_eq!(
            new(
                "🦊🐢🐍🦉🐳🦔🦅🐝🦋🐌🐞🐬🦈🐙🦀🦞🦐🦑🐡🐠🐟🐕🐩🐈🐓🦃🦚🦜🦢🦩🕊🐇🦝🦨🦡🦫🦦🦥🐁🐀🐿🦎🐉🐲🌵🎄🌲🌳🌴🌱🌿☘🍀🎍🎋🍃🍂🍁🍄🐚🌾💐🌷🌹"
            ),
            Ok(())
        );
        assert_eq!(new(&"a b".repeat(400)), Err(PasswordRefused::TooLong));
        // Decomposed letters count once: NFC comes before the count.
        assert_eq!(
            new("e\u{301}o\u{301}a\u{301} rest of it"),
            Err(PasswordRefused::TooShort { at_least: 15 })
        );
    }

    #[test]
    fn no_composition_rule_stands_in_the_way_of_a_good_one() {
        for good in [
            "plain lower case words",
            "GREEN KETTLE OF DOOM",
            "8402 7731 5590 6624",
            "    leading spaces kept",
        ] {
            assert_eq!(new(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn the_two_spellings_of_one_text_are_one_password() {
        let (composed, decomposed) = (SecretString::from("\u{e9}"), SecretString::from("e\u{301}"));
        let (one, other) = (Password::parse(&composed).unwrap(), Password::parse(&decomposed).unwrap());
        assert_eq!(one.expose(), other.expose());
        assert_eq!(format!("{one:?}"), "Password(..)");
    }
}
