//! What an operator does to accounts.

use cloakroom_verify::{Roles, Timestamp, UserId};

use crate::auth::Auth;
use crate::error::Result;
use crate::store::Changed;
use crate::user::{Status, User};

impl Auth {
    /// Enables or disables an account; disabling ends every login it has. `None`: no such user.
    pub async fn set_status(&self, user: UserId, status: Status, now: Timestamp) -> Result<Option<User>> {
        let changed = self.store.set_status(user, status, now).await?;
        Ok(changed.map(|changed| self.learn_change(changed)))
    }

    /// Sets the roles; access tokens with the old ones are refused. Roles that would not fit a token are an error.
    pub async fn set_roles(&self, user: UserId, roles: Roles, now: Timestamp) -> Result<Option<User>> {
        let Some((mut with_roles, _)) = self.store.by_id(user).await? else { return Ok(None) };
        with_roles.roles = roles.clone();
        self.check_size(&with_roles)?;
        let changed = self.store.set_roles(user, roles, now).await?;
        Ok(changed.map(|changed| self.learn_change(changed)))
    }

    fn learn_change(&self, changed: Changed) -> User {
        if let Some(event) = &changed.event {
            self.learn(event);
        }
        changed.user
    }
}
