//! Accounts.

use cloakroom_verify::{Roles, Rv, Timestamp, UserId};

use crate::email::{Email, EmailKey};
use crate::feed::AsOf;
use crate::password::PhcString;
use crate::session::EndReason;

/// An account, as a store holds it.
#[derive(Debug, Clone)]
pub struct User {
    /// Its public name.
    pub id: UserId,
    /// The email as its owner typed it.
    pub email: String,
    /// The email as accounts are told apart.
    pub email_key: EmailKey,
    /// The display name.
    pub name: Option<String>,
    /// The hash of the password.
    pub password_hash: PhcString,
    /// What the user may do.
    pub roles: Roles,
    /// Whether it may log in.
    pub status: Status,
    /// Every credential of this user with an older `rv` is dead.
    pub min_rv: Rv,
    /// When and why `min_rv` was raised last: what the owners of the logins that it ended are told.
    pub logins_ended: Option<LoginsEnded>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl User {
    /// The oldest number that a credential of this user may have, as of a reading: what killed all older ones counts on.
    pub fn least_rv(&self, as_of: AsOf) -> Rv {
        self.min_rv.max(as_of.floor())
    }

    /// Whether a login or an access token of this number stands. One that was ended by itself may not, all the same.
    pub fn admits(&self, rv: Rv, as_of: AsOf) -> bool {
        match self.status {
            Status::Active => rv >= self.least_rv(as_of),
            Status::Disabled => false,
        }
    }

    /// Kills every login that is older than the event of this number, which tells of it.
    pub fn end_logins(&mut self, rv: Rv, reason: EndReason, at: Timestamp) {
        self.min_rv = rv;
        self.logins_ended = Some(LoginsEnded { at, reason });
    }
}

/// When and why all older logins of a user were ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginsEnded {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: EndReason,
}

/// Whether an account may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It may log in.
    Active,
    /// It may not, and every login it had is ended.
    Disabled,
}

impl Status {
    /// The word that stores and the contract use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }

    /// Reads that word; an unknown one (of a newer version) is nothing to act on.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Active, Self::Disabled].into_iter().find(|status| status.as_str() == word)
    }
}

/// An account to be made.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Its public name.
    pub id: UserId,
    /// As typed, and as accounts are told apart.
    pub email: Email,
    /// The display name.
    pub name: Option<String>,
    /// The hash of the password.
    pub password_hash: PhcString,
    /// What it may do.
    pub roles: Roles,
    /// Whether it may log in from the start.
    pub status: Status,
    /// When it is made.
    pub created_at: Timestamp,
}

impl From<NewUser> for User {
    /// As a store keeps it.
    fn from(new: NewUser) -> Self {
        Self {
            id: new.id,
            email: new.email.typed,
            email_key: new.email.key,
            name: new.name,
            password_hash: new.password_hash,
            roles: new.roles,
            status: new.status,
            min_rv: Rv::ZERO,
            logins_ended: None,
            created_at: new.created_at,
        }
    }
}

/// Why a name or a role is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// A display name of the wrong length or with control characters.
    #[error("a name has 1 to 128 characters and no control characters")]
    Name,
    /// A role outside its alphabet.
    #[error("a role is 1 to 64 characters of a-z, 0-9, '_', '.', '-'")]
    Role,
    /// A device label of the wrong length or with control characters.
    #[error("a device label has 1 to 64 characters and no control characters")]
    Device,
}

/// Checks a display name.
pub fn check_name(name: &str) -> Result<(), InvalidName> {
    if plain(name, 128) { Ok(()) } else { Err(InvalidName::Name) }
}

/// Checks a device label.
pub fn check_device(label: &str) -> Result<(), InvalidName> {
    if plain(label, 64) { Ok(()) } else { Err(InvalidName::Device) }
}

/// Checks a role.
pub fn check_role(role: &str) -> Result<(), InvalidName> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.-".contains(&byte);
    if (1..=64).contains(&role.len()) && role.bytes().all(allowed) { Ok(()) } else { Err(InvalidName::Role) }
}

fn plain(text: &str, at_most: usize) -> bool {
    !text.is_empty() && text.chars().count() <= at_most && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_refuse_control_characters_and_excess() {
        assert_eq!(check_name("Åsa 🦊"), Ok(()));
        for bad in ["", "a\nb", "\u{1b}[2J", &"x".repeat(129)] {
            assert_eq!(check_name(bad), Err(InvalidName::Name), "{bad:?}");
        }
    }

    #[test]
    fn roles_are_plain_words() {
        assert_eq!(check_role("billing.read-only_2"), Ok(()));
        for bad in ["", "Admin", "a b", "a,b", &"r".repeat(65)] {
            assert_eq!(check_role(bad), Err(InvalidName::Role), "{bad:?}");
        }
    }
}
