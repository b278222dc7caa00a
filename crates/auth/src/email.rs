//! Emails: what names an account at login.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

/// An email as its owner typed it, and as accounts are told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    /// As typed, without the spaces around it: what mail is sent to.
    pub typed: String,
    /// The canonical form.
    pub key: EmailKey,
}

/// The canonical form of an email: two spellings of one account must meet in throttling, uniqueness and login.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EmailKey(String);

/// Why a text is no email.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEmail {
    /// Not one part before and one after an `@`.
    #[error("an email has one name before its '@' and a domain after it")]
    Parts,
    /// Too long for a mailbox (RFC 5321 section 4.5.3.1).
    #[error("an email has at most 254 bytes, 64 of them before its '@'")]
    Length,
    /// Spaces or control characters inside.
    #[error("an email has no spaces or control characters")]
    Characters,
    /// Two dots in a row, or one at an end of the domain.
    #[error("the domain of an email has no empty part")]
    Domain,
}

impl Email {
    /// Reads an email. This is the one place that decides which spellings are the same account: spaces around it,
    /// case and compatibility forms (NFKC) do not matter; dots and plus signs do, since they do to mail servers.
    pub fn parse(text: &str) -> Result<Self, InvalidEmail> {
        let typed = text.trim();
        if typed.len() > 254 {
            return Err(InvalidEmail::Length);
        }
        // Lower case can leave a text that is not NFKC, and NFKC one that is not lower case: until neither changes it.
        let mut key: String = typed.nfkc().collect();
        for _ in 0..3 {
            key = key.to_lowercase().nfkc().collect();
        }
        if key.chars().any(|character| character.is_control() || character.is_whitespace()) {
            return Err(InvalidEmail::Characters);
        }
        let (name, domain) = key.rsplit_once('@').ok_or(InvalidEmail::Parts)?;
        if name.is_empty() || domain.is_empty() || name.contains('@') {
            return Err(InvalidEmail::Parts);
        }
        if name.len() > 64 || key.len() > 254 {
            return Err(InvalidEmail::Length);
        }
        if domain.split('.').any(str::is_empty) || key.contains("..") {
            return Err(InvalidEmail::Domain);
        }
        Ok(Self { typed: typed.to_owned(), key: EmailKey(key) })
    }
}

impl EmailKey {
    /// For stores: what [`as_str`](Self::as_str) once gave them.
    pub fn from_store(key: String) -> Self {
        Self(key)
    }

    /// As stores hold it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EmailKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> String {
        Email::parse(text).unwrap().key.0
    }

    #[test]
    fn spellings_of_one_account_meet() {
        for same in [
            "bob@example.com",
            "BOB@Example.COM",
            "  bob@example.com ",
            "ｂob@example.com",
            "bob@example.com\t",
        ] {
            assert_eq!(key(same), "bob@example.com", "{same:?}");
        }
        assert_eq!(Email::parse(" Bob@Example.com ").unwrap().typed, "Bob@Example.com");
        assert_ne!(key("b.ob@example.com"), key("bob@example.com"));
        assert_ne!(key("bob+a@example.com"), key("bob@example.com"));
    }

    #[test]
    fn the_canonical_form_is_its_own_canonical_form() {
        for text in ["İ@example.com", "ẞ@EXAMPLE.com", "ﬁ@example.com", "Ǆ@example.com", "ϔ@x.y"] {
            assert_eq!(key(&key(text)), key(text), "{text}");
        }
    }

    #[test]
    fn what_is_no_email_is_told_why() {
        for (bad, why) in [
            ("", InvalidEmail::Parts),
            ("bob", InvalidEmail::Parts),
            ("@example.com", InvalidEmail::Parts),
            ("bob@", InvalidEmail::Parts),
            ("a@b@example.com", InvalidEmail::Parts),
            ("a b@example.com", InvalidEmail::Characters),
            ("a\r\nBcc: x@example.com", InvalidEmail::Characters),
            ("bob@example..com", InvalidEmail::Domain),
            ("bob@example.com.", InvalidEmail::Domain),
        ] {
            assert_eq!(Email::parse(bad), Err(why), "{bad:?}");
        }
        assert_eq!(Email::parse(&format!("{}@example.com", "a".repeat(65))), Err(InvalidEmail::Length));
        assert_eq!(Email::parse(&format!("a@{}.com", "b".repeat(260))), Err(InvalidEmail::Length));
    }
}
