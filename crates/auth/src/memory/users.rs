//! The user table.

use async_trait::async_trait;
use cloakroom_verify::{Revocation, Roles, Timestamp, UserId};

use super::Memory;
use crate::email::EmailKey;
use crate::feed::AsOf;
use crate::password::PhcString;
use crate::privilege::{self, PasswordChange};
use crate::session::EndReason;
use crate::store::{Added, Changed, PasswordChanged, StoreError, Stored, Users};
use crate::user::{NewUser, Status, User};

#[async_trait]
impl Users for Memory {
    async fn add(&self, new: NewUser) -> Stored<Added> {
        let mut state = self.lock();
        if state.users.values().any(|user| user.email_key == new.email.key) {
            return Ok(Added::EmailTaken);
        }
        if state.users.contains_key(&new.id) {
            return Err(StoreError::new("there is an account with this id"));
        }
        let user = User::from(new);
        state.users.insert(user.id, user.clone());
        Ok(Added::User(user))
    }

    async fn by_email(&self, email: &EmailKey) -> Stored<Option<(User, AsOf)>> {
        let state = self.lock();
        let user = state.users.values().find(|user| user.email_key == *email);
        Ok(user.map(|user| (user.clone(), state.as_of())))
    }

    async fn by_id(&self, id: UserId) -> Stored<Option<(User, AsOf)>> {
        let state = self.lock();
        Ok(state.users.get(&id).map(|user| (user.clone(), state.as_of())))
    }

    async fn raise_hash(&self, id: UserId, old: &PhcString, new: PhcString) -> Stored<bool> {
        let mut state = self.lock();
        let user = state.users.get_mut(&id).filter(|user| user.password_hash == *old);
        Ok(user.map(|user| user.password_hash = new).is_some())
    }

    async fn list_users(&self, query: &str, after: Option<UserId>, limit: u32) -> Stored<Vec<User>> {
        let state = self.lock();
        let wanted = |user: &&User| {
            after.is_none_or(|after| user.id > after) && user.email_key.as_str().contains(query)
        };
        Ok(state.users.values().filter(wanted).take(limit as usize).cloned().collect())
    }

    async fn set_status(&self, id: UserId, status: Status, now: Timestamp) -> Stored<Option<Changed>> {
        let mut state = self.lock();
        let Some(user) = state.users.get(&id) else { return Ok(None) };
        let changes = user.status != status;
        let event = (changes && status == Status::Disabled)
            .then(|| state.append(Revocation::UserBefore(id), None, now));
        let Some(user) = state.users.get_mut(&id) else { return Ok(None) };
        user.status = status;
        if let Some(event) = &event {
            user.end_logins(event.rv, EndReason::UserDisabled, now);
        }
        Ok(Some(Changed { user: user.clone(), event }))
    }

    async fn change_password(&self, change: &PasswordChange) -> Stored<PasswordChanged> {
        let mut state = self.lock();
        let Some(user) = state.users.get(&change.user).cloned() else { return Ok(PasswordChanged::Unknown) };
        if user.password_hash != change.proved {
            return Ok(PasswordChanged::Overtaken);
        }
        if let Err(refusal) = privilege::judge_caller(&user, state.as_of(), change) {
            return Ok(PasswordChanged::Refused(refusal));
        }
        let mut kept = None;
        if let Some(holder) = &change.keep {
            let found = state.found(holder.session).filter(|found| found.user.id == user.id);
            let Some(found) = found else { return Ok(PasswordChanged::Unknown) };
            if let Err(refusal) = privilege::judge(&found.session, &user, found.as_of, holder, change.now) {
                return Ok(PasswordChanged::Refused(refusal));
            }
            kept = Some(found.session);
        }
        let event = state.append(Revocation::UserBefore(user.id), None, change.now);
        let as_of = state.as_of();
        if let Some(row) = &mut kept {
            row.renew(as_of, change.now);
            row.rv = event.rv;
            state.sessions.insert(row.id, row.clone());
        }
        let Some(user) = state.users.get_mut(&change.user) else { return Ok(PasswordChanged::Unknown) };
        user.password_hash = change.new.clone();
        user.end_logins(event.rv, EndReason::PasswordChanged, change.now);
        Ok(PasswordChanged::Done { user: user.clone(), as_of, kept, event })
    }

    async fn set_roles(&self, id: UserId, roles: Roles, now: Timestamp) -> Stored<Option<Changed>> {
        let mut state = self.lock();
        let Some(user) = state.users.get(&id) else { return Ok(None) };
        let event = (user.roles != roles).then(|| state.append(Revocation::ClaimsBefore(id), None, now));
        let Some(user) = state.users.get_mut(&id) else { return Ok(None) };
        user.roles = roles;
        Ok(Some(Changed { user: user.clone(), event }))
    }
}
