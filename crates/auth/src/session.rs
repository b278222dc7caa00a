//! A session: the revocable record of one login on one device, with one opaque token.
//!
//! The strategies differ only in how that token travels, so listing, ending, renewal and reuse detection
//! are the same few steps for both, and there is no table of tokens.

use std::fmt;
use std::time::Duration;

use cloakroom_verify::{OpaqueKind, Rv, SessionId, Strategy, Timestamp, Transport, UserId};

use crate::feed::AsOf;
use crate::refresh::Spent;
use crate::user::{LoginsEnded, Status, User};

/// A session row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its public name.
    pub id: SessionId,
    /// Whose login it is.
    pub user: UserId,
    /// Which kind of token it carries now; an exchange changes it.
    pub strategy: RowStrategy,
    /// How that token travels.
    pub transport: Transport,
    /// Whether its cookie outlives the browser.
    pub remember: bool,
    /// The row's part of every mac; the other part is the token key, which is not in the database.
    pub secret: RowSecret,
    /// The only generation of the token that counts as current.
    pub generation: u32,
    /// Generations below it are from before a privilege change.
    pub floor: u32,
    /// The last four spent generations.
    pub spent: Spent,
    /// True for ever once the client sent an attempt: omitting it later must not help a thief.
    pub keyed: bool,
    /// How often a client without attempts was forgiven; never reset.
    pub strikes: u32,
    /// The thumbprint of the key that the token is bound to.
    pub jkt: Option<Box<str>>,
    /// The feed position it was minted at.
    pub rv: Rv,
    /// The epoch in which the row was last written: a token from the future is believed only after a newer one began.
    pub written_epoch: u32,
    /// What the user calls the device.
    pub device: String,
    /// The address of the login.
    pub ip: Option<String>,
    /// The User-Agent of the login, cut short.
    pub user_agent: Option<String>,
    /// When the password was last proved.
    pub auth_time: Timestamp,
    /// When the login was made.
    pub created_at: Timestamp,
    /// The last use that the store knows of.
    pub last_used_at: Timestamp,
    /// How long it may rest unused.
    pub idle_timeout: Duration,
    /// When it ends whatever happens.
    pub expires_at: Timestamp,
    /// When and why it was ended. The row stays until `expires_at`, so that reuse stays visible.
    pub revoked: Option<Revoked>,
}

/// The strategies that have a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowStrategy {
    /// The token is a session token.
    Session,
    /// The token is a refresh token.
    Hybrid,
}

impl RowStrategy {
    /// The kind of token that such a row carries.
    pub const fn kind(self) -> OpaqueKind {
        match self {
            Self::Session => OpaqueKind::Session,
            Self::Hybrid => OpaqueKind::Refresh,
        }
    }
}

impl From<RowStrategy> for Strategy {
    fn from(strategy: RowStrategy) -> Self {
        match strategy {
            RowStrategy::Session => Self::Session,
            RowStrategy::Hybrid => Self::Hybrid,
        }
    }
}

/// Sixteen random bytes that never change. Secret: no Debug, and useless without the token key.
#[derive(Clone, PartialEq, Eq, zeroize::Zeroize, zeroize::ZeroizeOnDrop)]
pub struct RowSecret(pub [u8; 16]);

impl fmt::Debug for RowSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RowSecret(..)")
    }
}

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

/// Why a row is no longer good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dead {
    /// It was ended.
    Revoked,
    /// Its absolute timeout has run out.
    Expired,
    /// Its idle timeout has run out, as far as the store knows of uses.
    Idle,
    /// Its user may not log in.
    UserDisabled,
    /// Something newer killed every older login of the user, or of everyone.
    Outdated,
}

/// What decides whether a row lives, of itself and of its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// Whether it was ended.
    pub revoked: bool,
    /// Whether its user may log in.
    pub status: Status,
    /// The feed position it was minted at.
    pub rv: Rv,
    /// Every older credential of its user is dead.
    pub min_rv: Rv,
    /// When it ends whatever happens.
    pub expires_at: Timestamp,
    /// The last use that the store knows of.
    pub last_used_at: Timestamp,
    /// How long it may rest unused.
    pub idle_timeout: Duration,
}

impl Life {
    /// The one test of a row (docs/revocation.md). The head must have been read with it.
    pub fn judge(&self, as_of: AsOf, now: Timestamp) -> Result<(), Dead> {
        if self.revoked {
            return Err(Dead::Revoked);
        }
        match self.status {
            Status::Active => {}
            Status::Disabled => return Err(Dead::UserDisabled),
        }
        if self.rv < self.min_rv.max(as_of.floor()) {
            return Err(Dead::Outdated);
        }
        if now >= self.expires_at {
            return Err(Dead::Expired);
        }
        if now >= self.idle_expires_at() {
            return Err(Dead::Idle);
        }
        Ok(())
    }

    fn idle_expires_at(&self) -> Timestamp {
        idle_end(self.last_used_at, self.idle_timeout, self.expires_at)
    }
}

fn idle_end(last_used_at: Timestamp, idle_timeout: Duration, expires_at: Timestamp) -> Timestamp {
    last_used_at.after(idle_timeout).min(expires_at)
}

impl Session {
    /// Whether it lives. The user and the head must have been read with it.
    pub fn judge(&self, user: &User, as_of: AsOf, now: Timestamp) -> Result<(), Dead> {
        self.life(user).judge(as_of, now)
    }

    fn life(&self, user: &User) -> Life {
        Life {
            revoked: self.revoked.is_some(),
            status: user.status,
            rv: self.rv,
            min_rv: user.min_rv,
            expires_at: self.expires_at,
            last_used_at: self.last_used_at,
            idle_timeout: self.idle_timeout,
        }
    }

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

    /// When it ends unless it is used before.
    pub fn idle_expires_at(&self) -> Timestamp {
        idle_end(self.last_used_at, self.idle_timeout, self.expires_at)
    }
}

/// A login to be written: inserted only where the user is still active and nothing newer killed it.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// The row as it shall stand.
    pub row: Session,
    /// A login past this many live ones ends the least recently used, in the same transaction.
    pub max_per_user: u32,
}

/// The timeouts of a strategy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Moves with use.
    pub idle: Duration,
    /// Never moves.
    pub absolute: Duration,
}
