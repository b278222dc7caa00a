//! The user table, and what comes of a change to it.

use async_trait::async_trait;
use cloakroom_verify::{Event, Roles, Timestamp, UserId};

use super::Stored;
use crate::email::EmailKey;
use crate::feed::AsOf;
use crate::password::PhcString;
use crate::privilege::PasswordChange;
use crate::refresh::Refusal;
use crate::session::Session;
use crate::user::{NewUser, Status, User};

/// The user table.
#[async_trait]
pub trait Users: Send + Sync + 'static {
    /// Adds an account in the status it asks for, unless its canonical email is taken: of two at once exactly one
    /// succeeds. A taken id is an error.
    async fn add(&self, user: NewUser) -> Stored<Added>;

    /// The account of an email, with the head read in the same statement.
    async fn by_email(&self, email: &EmailKey) -> Stored<Option<(User, AsOf)>>;

    /// The account with this id, with the head read in the same statement.
    async fn by_id(&self, id: UserId) -> Stored<Option<(User, AsOf)>>;

    /// Replaces the hash iff it is still `old` (a password change must win). Losing this write is harmless.
    async fn raise_hash(&self, id: UserId, old: &PhcString, new: PhcString) -> Stored<bool>;

    /// Accounts whose canonical email contains `query`, in the order of their ids, after `after`, at most `limit`.
    async fn list_users(&self, query: &str, after: Option<UserId>, limit: u32) -> Stored<Vec<User>>;

    /// Enables or disables. Disabling appends `user_before` and raises `min_rv` in the same step; doing what is
    /// done already appends nothing. `None`: no such user.
    async fn set_status(&self, id: UserId, status: Status, now: Timestamp) -> Stored<Option<Changed>>;

    /// Replaces the password hash and ends every login but the kept one, in one step and by one `user_before` S: the
    /// hash and `min_rv` = S; the kept row, if [`privilege::judge`](crate::privilege::judge) keeps it under its lock, is
    /// [renewed](Session::renew) with `rv` = S. Nothing changes where the hash is not the proved one any more.
    async fn change_password(&self, change: &PasswordChange) -> Stored<PasswordChanged>;

    /// Sets the roles and appends `claims_before`; the same roles again append nothing. `None`: no such user.
    async fn set_roles(&self, id: UserId, roles: Roles, now: Timestamp) -> Stored<Option<Changed>>;

    /// Many were added: a store that plans by the sizes of its tables learns them anew. Losing this is harmless.
    async fn settle(&self) {}
}

/// What came of adding an account.
#[derive(Debug)]
pub enum Added {
    /// It is there.
    User(User),
    /// Another account has the email.
    EmailTaken,
}

/// A changed account, and the event that told of it, if there was anything to tell.
#[derive(Debug)]
pub struct Changed {
    /// The account as it stands now.
    pub user: User,
    /// What was appended to the feed.
    pub event: Option<Event>,
}

/// What came of changing a password.
#[derive(Debug)]
pub enum PasswordChanged {
    /// It is changed, and every other login ended.
    Done {
        /// The account as it stands now.
        user: User,
        /// The head of this step: the event's own number.
        as_of: AsOf,
        /// The login that lives on.
        kept: Option<Session>,
        /// The `user_before`.
        event: Event,
    },
    /// The login that was to be kept is no good; nothing changed.
    Refused(Refusal),
    /// The password was changed meanwhile; nothing changed.
    Overtaken,
    /// There is no such user, or no such row of this user.
    Unknown,
}
