//! The user table.

use async_trait::async_trait;
use cloakroom_auth::email::EmailKey;
use cloakroom_auth::feed::AsOf;
use cloakroom_auth::password::PhcString;
use cloakroom_auth::privilege::{self, PasswordChange};
use cloakroom_auth::session::EndReason;
use cloakroom_auth::store::{Added, Changed, PasswordChanged, Stored, Users};
use cloakroom_auth::user::{NewUser, Status, User};
use cloakroom_verify::{Event, Revocation, Roles, Timestamp, UserId};
use rusqlite::types::ToSql;
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::rows::{self, HEAD, USER, USER_COLUMNS};
use super::{Sqlite, feed, session_row, sessions};
use crate::words;

#[async_trait]
impl Users for Sqlite {
    async fn add(&self, new: NewUser) -> Stored<Added> {
        self.write(move |transaction| {
            let user = User::from(new);
            let added = transaction
                .prepare_cached(
                    "INSERT INTO users (id, email, email_key, name, password_hash, roles, status, min_rv, created_at) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8) ON CONFLICT (email_key) DO NOTHING",
                )?
                .execute(params![
                    user.id.as_bytes(),
                    user.email,
                    user.email_key.as_str(),
                    user.name,
                    user.password_hash.as_str(),
                    words::roles_json(&user.roles),
                    user.status.as_str(),
                    user.created_at.as_millis(),
                ])?;
            Ok(if added == 1 { Added::User(user) } else { Added::EmailTaken })
        })
        .await
    }

    async fn by_email(&self, email: &EmailKey) -> Stored<Option<(User, AsOf)>> {
        let email = email.as_str().to_owned();
        self.read(move |connection| user_where(connection, "u.email_key = ?1", &email)).await
    }

    async fn by_id(&self, id: UserId) -> Stored<Option<(User, AsOf)>> {
        self.read(move |connection| user_where(connection, "u.id = ?1", id.as_bytes())).await
    }

    async fn raise_hash(&self, id: UserId, old: &PhcString, new: PhcString) -> Stored<bool> {
        let old = old.clone();
        self.write(move |transaction| {
            let raised = transaction
                .prepare_cached("UPDATE users SET password_hash = ?3 WHERE id = ?1 AND password_hash = ?2")?
                .execute(params![id.as_bytes(), old.as_str(), new.as_str()])?;
            Ok(raised == 1)
        })
        .await
    }

    async fn list_users(&self, query: &str, after: Option<UserId>, limit: u32) -> Stored<Vec<User>> {
        let query = query.to_owned();
        self.read(move |connection| {
            let after = after.map_or_else(Vec::new, |after| after.as_bytes().to_vec());
            connection
                .prepare_cached(&format!(
                    "SELECT {USER} FROM users u WHERE u.id > ?1 AND instr(u.email_key, ?2) > 0 ORDER BY u.id LIMIT ?3"
                ))?
                .query_map(params![after, query, limit], |row| rows::user(row, 0))?
                .collect()
        })
        .await
    }

    async fn set_status(&self, id: UserId, status: Status, now: Timestamp) -> Stored<Option<Changed>> {
        self.write(move |transaction| {
            let Some((mut user, _)) = by_id(transaction, id)? else { return Ok(None) };
            if user.status == status {
                return Ok(Some(Changed { user, event: None }));
            }
            user.status = status;
            let event = match status {
                Status::Active => None,
                Status::Disabled => Some(end_logins(transaction, &mut user, EndReason::UserDisabled, now)?),
            };
            transaction
                .prepare_cached("UPDATE users SET status = ?2 WHERE id = ?1")?
                .execute(params![id.as_bytes(), status.as_str()])?;
            Ok(Some(Changed { user, event }))
        })
        .await
    }

    async fn change_password(&self, change: &PasswordChange) -> Stored<PasswordChanged> {
        let change = change.clone();
        self.write(move |transaction| {
            let Some((mut user, as_of)) = by_id(transaction, change.user)? else {
                return Ok(PasswordChanged::Unknown);
            };
            if user.password_hash != change.proved {
                return Ok(PasswordChanged::Overtaken);
            }
            if let Err(refusal) = privilege::judge_caller(&user, as_of, &change) {
                return Ok(PasswordChanged::Refused(refusal));
            }
            let mut kept = None;
            if let Some(holder) = &change.keep {
                let row = sessions::row_of(transaction, holder.session, user.id)?;
                let Some(row) = row else { return Ok(PasswordChanged::Unknown) };
                if let Err(refusal) = privilege::judge(&row, &user, as_of, holder, change.now) {
                    return Ok(PasswordChanged::Refused(refusal));
                }
                kept = Some(row);
            }
            let event = end_logins(transaction, &mut user, EndReason::PasswordChanged, change.now)?;
            let as_of = feed::as_of(transaction)?;
            user.password_hash = change.new;
            transaction
                .prepare_cached("UPDATE users SET password_hash = ?2 WHERE id = ?1")?
                .execute(params![user.id.as_bytes(), user.password_hash.as_str()])?;
            if let Some(row) = &mut kept {
                row.renew(as_of, change.now);
                row.rv = event.rv;
                session_row::update(transaction, row)?;
            }
            Ok(PasswordChanged::Done { user, as_of, kept, event })
        })
        .await
    }

    async fn set_roles(&self, id: UserId, roles: Roles, now: Timestamp) -> Stored<Option<Changed>> {
        self.write(move |transaction| {
            let Some((mut user, _)) = by_id(transaction, id)? else { return Ok(None) };
            if user.roles == roles {
                return Ok(Some(Changed { user, event: None }));
            }
            user.roles = roles;
            let event = feed::append(transaction, Revocation::ClaimsBefore(id), None, now)?;
            transaction
                .prepare_cached("UPDATE users SET roles = ?2 WHERE id = ?1")?
                .execute(params![id.as_bytes(), words::roles_json(&user.roles)])?;
            Ok(Some(Changed { user, event: Some(event) }))
        })
        .await
    }
}

/// Kills every login of a user that is older than this, by one event.
pub(super) fn end_logins(
    connection: &Connection,
    user: &mut User,
    reason: EndReason,
    now: Timestamp,
) -> Result<Event> {
    let event = feed::append(connection, Revocation::UserBefore(user.id), None, now)?;
    user.end_logins(event.rv, reason, now);
    connection
        .prepare_cached(
            "UPDATE users SET min_rv = ?2, logins_ended_at = ?3, logins_ended_reason = ?4 WHERE id = ?1",
        )?
        .execute(params![user.id.as_bytes(), event.rv.as_i64(), now.as_millis(), reason.as_str()])?;
    Ok(event)
}

/// The account with this id, with the head of the same statement.
pub(super) fn by_id(connection: &Connection, id: UserId) -> Result<Option<(User, AsOf)>> {
    user_where(connection, "u.id = ?1", id.as_bytes())
}

fn user_where(connection: &Connection, condition: &str, value: &dyn ToSql) -> Result<Option<(User, AsOf)>> {
    connection
        .prepare_cached(&format!("SELECT {USER}, {HEAD} FROM users u, feed_head h WHERE {condition}"))?
        .query_row([value], |row| Ok((rows::user(row, 0)?, rows::as_of(row, USER_COLUMNS)?)))
        .optional()
}
