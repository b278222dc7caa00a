//! Taking over an account of another system.

use crate::audit::Audit;
use crate::auth::Auth;
use crate::error::{Error, Result};
use crate::store::Added;
use crate::user::{NewUser, User};

/// What came of taking over an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Import {
    /// It is there; in a rehearsal: it could be.
    Done,
    /// Another account has the email.
    EmailTaken,
    /// Another account has the id.
    IdTaken,
    /// Its roles would not fit an access token.
    TokenTooLarge,
}

impl Auth {
    /// Adds an account whose hash was [imported](crate::password::PhcString::import). A rehearsal only tells what would
    /// come of it.
    pub async fn import_user(&self, new: NewUser, rehearsal: bool) -> Result<Import> {
        match self.check_size(&User::from(new.clone())) {
            Err(Error::TokenTooLarge) => return Ok(Import::TokenTooLarge),
            checked => checked?,
        }
        if self.store.by_id(new.id).await?.is_some() {
            return Ok(Import::IdTaken);
        }
        if rehearsal {
            let taken = self.store.by_email(&new.email.key).await?.is_some();
            return Ok(if taken { Import::EmailTaken } else { Import::Done });
        }
        match self.store.add(new).await? {
            Added::User(user) => {
                Audit::UserCreated(user.id).log();
                Ok(Import::Done)
            }
            Added::EmailTaken => Ok(Import::EmailTaken),
        }
    }
}
