//! What proving a password again does to a login (docs/refresh.md).
//!
//! A login keeps its row and gets its next generation, which is also its floor: what was handed out before is refused
//! from then on, and tells on nobody, since requests in flight carry it honestly.

use cloakroom_verify::{SessionId, Timestamp, UserId};

use crate::feed::AsOf;
use crate::password::PhcString;
use crate::refresh::{Refusal, Spent};
use crate::session::{Dead, RowStrategy, Session};
use crate::user::{Status, User};

/// The login that a change keeps, as its credential tells of it.
#[derive(Debug, Clone)]
pub struct Holder {
    /// Its row.
    pub session: SessionId,
    /// The generation of the session token that was shown; `None` with an access token, which knows of none.
    pub generation: Option<u32>,
}

/// A login whose owner proved the password again.
#[derive(Debug, Clone)]
pub struct StepUp {
    /// Whose it is.
    pub user: UserId,
    /// The hash that the password was checked against.
    pub proved: PhcString,
    /// The login.
    pub holder: Holder,
    /// When it is judged.
    pub now: Timestamp,
}

/// A password to be replaced.
#[derive(Debug, Clone)]
pub struct PasswordChange {
    /// Whose it is.
    pub user: UserId,
    /// The hash that the current password was checked against.
    pub proved: PhcString,
    /// The hash of the next one.
    pub new: PhcString,
    /// The head that was read with the caller's credential, before anything was hashed.
    pub as_of: AsOf,
    /// The one login that lives on; `None` for a caller without a row, who gets a new token.
    pub keep: Option<Holder>,
    /// When it is judged.
    pub now: Timestamp,
}

/// Whether the user may still change the password. A store calls it under the lock of the user. A caller without a row
/// is judged by the head that was read with its credential: the token that it gets is newer than whatever ended its
/// login meanwhile, so nothing else would.
pub fn judge_caller(user: &User, as_of: AsOf, change: &PasswordChange) -> Result<(), Refusal> {
    match user.status {
        Status::Active => {}
        Status::Disabled => return Err(Refusal::Dead(Dead::UserDisabled)),
    }
    if change.keep.is_none() && change.as_of.head() < user.least_rv(as_of) {
        return Err(Refusal::Dead(Dead::Outdated));
    }
    Ok(())
}

/// Whether this row is kept for its holder. A store calls it under the row lock.
pub fn judge(
    row: &Session,
    user: &User,
    as_of: AsOf,
    holder: &Holder,
    now: Timestamp,
) -> Result<(), Refusal> {
    row.judge(user, as_of, now).map_err(Refusal::Dead)?;
    match (row.strategy, holder.generation) {
        // The claims of an access token say nothing of the row's kind: the password does.
        (RowStrategy::Session | RowStrategy::Hybrid, None) => Ok(()),
        (RowStrategy::Hybrid, Some(_)) => Err(Refusal::WrongKind),
        (RowStrategy::Session, Some(generation)) if generation < row.generation => Err(Refusal::BelowFloor),
        (RowStrategy::Session, Some(generation)) if generation > row.generation => {
            Err(Refusal::FromTheFuture)
        }
        (RowStrategy::Session, Some(_)) => Ok(()),
    }
}

impl Session {
    /// The row after its owner proved the password. Neither timeout moves further than a use would move it.
    pub fn renew(&mut self, as_of: AsOf, now: Timestamp) {
        self.generation = self.generation.saturating_add(1);
        self.floor = self.generation;
        self.spent = Spent::default();
        self.auth_time = now;
        self.last_used_at = self.last_used_at.max(now);
        self.written_epoch = as_of.head().epoch();
    }
}
