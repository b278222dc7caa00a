//! A session: the revocable record of one login on one device, with one opaque token.
//!
//! The strategies differ only in how that token travels, so listing, ending, renewal and reuse detection
//! are the same few steps for both, and there is no table of tokens.
//!
//! * here: the row; `life`: whether it lives; `end`: how it came to its end
//! * what changes it: [`refresh`](crate::refresh), [`exchange`](crate::exchange), [`privilege`](crate::privilege)

mod end;
mod life;

use std::fmt;
use std::time::Duration;

use cloakroom_verify::{OpaqueKind, Rv, SessionId, Strategy, Timestamp, Transport, UserId};

use crate::refresh::Spent;

pub use end::{EndReason, Ending, Revoked, Why};
pub use life::{Dead, Life};

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
    /// The thumbprint of the key that the token is bound to (RFC 9449). Reserved: the rules know it, and nothing sets it yet.
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
