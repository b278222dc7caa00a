//! Whether a row lives: the one test of it (docs/revocation.md).

use std::time::Duration;

use cloakroom_verify::{Rv, Timestamp};

use super::Session;
use crate::feed::AsOf;
use crate::user::{Status, User};

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

    /// Whether it was ended, by itself or with all older logins: there is nothing left to be ended.
    pub fn has_ended(&self, user: &User, as_of: AsOf) -> bool {
        self.revoked.is_some() || self.rv < user.least_rv(as_of)
    }

    /// Live as far as a store can tell: uses that it does not know of may keep an idle one alive.
    pub fn may_live(&self, user: &User, as_of: AsOf, now: Timestamp) -> bool {
        !self.has_ended(user, as_of) && now < self.expires_at
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

    /// When it ends unless it is used before.
    pub fn idle_expires_at(&self) -> Timestamp {
        idle_end(self.last_used_at, self.idle_timeout, self.expires_at)
    }
}
