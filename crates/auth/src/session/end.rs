//! How a login came to its end, in the words that are kept and told of it.

use cloakroom_verify::{Rv, Timestamp};

use super::{Dead, Session};
use crate::feed::AsOf;
use crate::user::{LoginsEnded, User};

/// The end of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revoked {
    /// The event that told of it.
    pub rv: Rv,
    /// When; unknown of what an older version ended.
    pub at: Option<Timestamp>,
    /// Why.
    pub reason: EndReason,
}

/// Why a login was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// Its owner logged out.
    Logout,
    /// Its owner ended it from another login.
    EndedByUser,
    /// An operator ended it.
    EndedByAdmin,
    /// A newer login of a user with too many.
    TooMany,
    /// A spent refresh token came back.
    RefreshTokenReused,
    /// The password was changed from another login.
    PasswordChanged,
    /// The account was disabled.
    UserDisabled,
    /// Every login of everyone was ended.
    Everything,
}

impl EndReason {
    const ALL: [Self; 8] = [
        Self::Logout,
        Self::EndedByUser,
        Self::EndedByAdmin,
        Self::TooMany,
        Self::RefreshTokenReused,
        Self::PasswordChanged,
        Self::UserDisabled,
        Self::Everything,
    ];

    /// The word that stores, answers and audit lines use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::EndedByUser => "ended_by_user",
            Self::EndedByAdmin => "ended_by_admin",
            Self::TooMany => "too_many_sessions",
            Self::RefreshTokenReused => "refresh_token_reused",
            Self::PasswordChanged => "password_changed",
            Self::UserDisabled => "user_disabled",
            Self::Everything => "everything_revoked",
        }
    }

    /// Reads that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }

    /// Reads what a store keeps of something that has ended. A word of a newer version, or none, takes nothing back: then
    /// an operator's server ended it, for a reason of its own.
    pub fn of_ended(word: Option<&str>) -> Self {
        word.and_then(Self::parse).unwrap_or(Self::EndedByAdmin)
    }
}

/// How a login came to its end, as its owner may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// Why.
    pub why: Why,
    /// When, as far as that is known.
    pub at: Option<Timestamp>,
}

/// Why a login is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Somebody or something ended it.
    Ended(EndReason),
    /// Its absolute timeout ran out.
    Expired,
    /// It was not used for too long.
    Idle,
}

impl Why {
    /// The word that answers use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ended(reason) => reason.as_str(),
            Self::Expired => "expired",
            Self::Idle => "idle",
        }
    }
}

impl Session {
    /// How it came to its end; `None` while it lives. For a [`Dead`] that was judged with these facts.
    pub fn ending(&self, user: &User, as_of: AsOf, now: Timestamp) -> Option<Ending> {
        Some(match self.judge(user, as_of, now).err()? {
            Dead::Revoked => {
                let revoked = self.revoked.as_ref()?;
                Ending { why: Why::Ended(revoked.reason), at: revoked.at }
            }
            Dead::UserDisabled => Ending { why: Why::Ended(EndReason::UserDisabled), at: None },
            Dead::Outdated if self.rv < user.min_rv => match user.logins_ended {
                Some(LoginsEnded { at, reason }) => Ending { why: Why::Ended(reason), at: Some(at) },
                None => Ending { why: Why::Ended(EndReason::EndedByAdmin), at: None },
            },
            Dead::Outdated => Ending { why: Why::Ended(EndReason::Everything), at: None },
            Dead::Expired => Ending { why: Why::Expired, at: Some(self.expires_at) },
            Dead::Idle => Ending { why: Why::Idle, at: Some(self.idle_expires_at()) },
        })
    }
}
