//! The user table.

use async_trait::async_trait;
use cloakroom_auth::email::EmailKey;
use cloakroom_auth::feed::AsOf;
use cloakroom_auth::password::PhcString;
use cloakroom_auth::privilege::{self, PasswordChange};
use cloakroom_auth::session::EndReason;
use cloakroom_auth::store::{Added, Changed, PasswordChanged, Stored, Users};
use cloakroom_auth::user::{NewUser, Status, User};
use cloakroom_verify::{Revocation, Roles, Timestamp, UserId};

use super::coalesce::{Answer, Wish};
use super::fault::Result;
use super::plan::Plan;
use super::rows::{self, head_columns, user_columns};
use super::step::{Transaction, single, transaction};
use super::{Postgres, session_row, sessions, sizes};
use crate::words;

macro_rules! user_where {
    ($condition:literal) => {
        concat!(
            "SELECT ",
            user_columns!(),
            ", ",
            head_columns!(),
            " FROM users u, feed_head h WHERE ",
            $condition
        )
    };
}

/// A row that a step decides about is locked before it is read: a statement that waits for a lock goes on with what
/// it saw of every other table before it waited.
pub(super) const LOCK: &str = "SELECT 1 FROM users WHERE id = $1 FOR NO KEY UPDATE";
/// The account with this id, with the head.
pub(super) const BY_ID: &str = user_where!("u.id = $1");

#[async_trait]
impl Users for Postgres {
    async fn add(&self, new: NewUser) -> Stored<Added> {
        const ADD: &str = "INSERT INTO users (id, email, email_key, name, password_hash, roles, status, min_rv, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8) ON CONFLICT (email_key) DO NOTHING";
        let user = User::from(new);
        let (id, roles): (&[u8], _) = (user.id.as_bytes(), words::roles_json(&user.roles));
        let (key, hash, status) =
            (user.email_key.as_str(), user.password_hash.as_str(), user.status.as_str());
        let created_at = user.created_at.as_millis();
        let added = single!(self.pool, connection => {
            let values: super::connect::Values<'_> =
                &[&id, &user.email, &key, &user.name, &hash, &roles, &status, &created_at];
            connection.execute(ADD, values).await
        })?;
        Ok(if added == 1 { Added::User(user) } else { Added::EmailTaken })
    }

    async fn by_email(&self, email: &EmailKey) -> Stored<Option<(User, AsOf)>> {
        let email = email.as_str();
        single!(self.pool, connection => {
            let row = connection.row(user_where!("u.email_key = $1"), &[&email]).await?;
            row.as_ref().map(rows::user_as_of).transpose()
        })
    }

    async fn by_id(&self, id: UserId) -> Stored<Option<(User, AsOf)>> {
        let id: &[u8] = id.as_bytes();
        single!(self.pool, connection => {
            connection.row(BY_ID, &[&id]).await?.as_ref().map(rows::user_as_of).transpose()
        })
    }

    async fn raise_hash(&self, id: UserId, old: &PhcString, new: PhcString) -> Stored<bool> {
        const RAISE: &str = "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2";
        let (id, old, new): (&[u8], _, _) = (id.as_bytes(), old.as_str(), new.as_str());
        let raised = single!(self.pool, connection => connection.execute(RAISE, &[&id, &old, &new]).await)?;
        Ok(raised == 1)
    }

    async fn list_users(&self, query: &str, after: Option<UserId>, limit: u32) -> Stored<Vec<User>> {
        const LIST: &str = concat!(
            "SELECT ",
            user_columns!(),
            " FROM users u WHERE u.id > $1 AND strpos(u.email_key, $2) > 0 ORDER BY u.id LIMIT $3"
        );
        // No text of this database can hold one, so none contains it.
        if query.contains('\0') {
            return Ok(Vec::new());
        }
        let after = after.map_or_else(Vec::new, |after| after.as_bytes().to_vec());
        let limit = i64::from(limit);
        single!(self.pool, connection => {
            let found = connection.rows(LIST, &[&after, &query, &limit]).await?;
            found.iter().map(|row| rows::user(row, 0)).collect()
        })
    }

    async fn set_status(&self, id: UserId, status: Status, now: Timestamp) -> Stored<Option<Changed>> {
        match status {
            Status::Disabled => {
                let answer = self.coalescer.ask(Wish::Disable { user: id, now }).await?;
                let Answer::Changed(changed) = answer else { return Err(answer.of_another_wish()) };
                Ok(changed)
            }
            Status::Active => transaction!(self.pool, transaction => enable(transaction, id).await),
        }
    }

    async fn change_password(&self, change: &PasswordChange) -> Stored<PasswordChanged> {
        transaction!(self.pool, transaction => change_password(transaction, change).await)
    }

    async fn set_roles(&self, id: UserId, roles: Roles, now: Timestamp) -> Stored<Option<Changed>> {
        transaction!(self.pool, transaction => set_roles(transaction, id, &roles, now).await)
    }

    async fn settle(&self) {
        sizes::learn(&self.pool, "ANALYZE users").await;
    }
}

/// Writes the status of a user that is locked.
pub(super) const SET_STATUS: &str = "UPDATE users SET status = $2 WHERE id = $1";

/// Locks an account and reads it.
async fn locked(transaction: &Transaction<'_>, id: UserId) -> Result<Option<(User, AsOf)>> {
    let id: &[u8] = id.as_bytes();
    let [_, found] = transaction.pipeline([(LOCK, &[&id]), (BY_ID, &[&id])]).await?;
    found.first().map(rows::user_as_of).transpose()
}

async fn enable(transaction: &Transaction<'_>, id: UserId) -> Result<Option<Changed>> {
    let Some((mut user, _)) = locked(transaction, id).await? else { return Ok(None) };
    if user.status != Status::Active {
        user.status = Status::Active;
        let (id, word): (&[u8], _) = (id.as_bytes(), user.status.as_str());
        transaction.execute(SET_STATUS, &[&id, &word]).await?;
    }
    Ok(Some(Changed { user, event: None }))
}

async fn set_roles(
    transaction: &Transaction<'_>,
    id: UserId,
    roles: &Roles,
    now: Timestamp,
) -> Result<Option<Changed>> {
    const SET: &str = "UPDATE users SET roles = $2 WHERE id = $1";
    let Some((mut user, _)) = locked(transaction, id).await? else { return Ok(None) };
    if user.roles == *roles {
        return Ok(Some(Changed { user, event: None }));
    }
    user.roles = roles.clone();
    let (bytes, json): (&[u8], _) = (id.as_bytes(), words::roles_json(roles));
    transaction.execute(SET, &[&bytes, &json]).await?;
    let mut plan = Plan::default();
    plan.tell(Revocation::ClaimsBefore(id), None, now);
    let event = plan.commit(transaction).await?.event(0)?;
    Ok(Some(Changed { user, event: Some(event) }))
}

async fn change_password(transaction: &Transaction<'_>, change: &PasswordChange) -> Result<PasswordChanged> {
    loop {
        if let Some(done) = try_change_password(transaction, change).await? {
            return Ok(done);
        }
    }
}

/// `None`: everything was revoked meanwhile, and it is to be decided again.
async fn try_change_password(
    transaction: &Transaction<'_>,
    change: &PasswordChange,
) -> Result<Option<PasswordChanged>> {
    const SET: &str = "UPDATE users SET password_hash = $2 WHERE id = $1";
    let user_id: &[u8] = change.user.as_bytes();
    let session: &[u8] = change.keep.as_ref().map_or(&[], |holder| holder.session.as_bytes());
    let [_, _, user, found] = transaction
        .pipeline([
            (LOCK, &[&user_id]),
            (sessions::LOCK, &[&session]),
            (BY_ID, &[&user_id]),
            (sessions::FOUND, &[&session]),
        ])
        .await?;
    let Some((mut user, as_of)) = user.first().map(rows::user_as_of).transpose()? else {
        return Ok(Some(PasswordChanged::Unknown));
    };
    if user.password_hash != change.proved {
        return Ok(Some(PasswordChanged::Overtaken));
    }
    if let Err(refusal) = privilege::judge_caller(&user, as_of, change) {
        return Ok(Some(PasswordChanged::Refused(refusal)));
    }
    let mut plan = Plan::default();
    let event = plan.sweep(user.id, EndReason::PasswordChanged, change.now);
    let mut kept = None;
    if let Some(holder) = &change.keep {
        let found = found.first().map(rows::found).transpose()?.filter(|found| found.user.id == user.id);
        let Some(mut row) = found.map(|found| found.session) else {
            return Ok(Some(PasswordChanged::Unknown));
        };
        if let Err(refusal) = privilege::judge(&row, &user, as_of, holder, change.now) {
            return Ok(Some(PasswordChanged::Refused(refusal)));
        }
        row.renew(as_of, change.now);
        session_row::update(transaction, &row).await?;
        plan.keep(row.id, event);
        kept = Some(row);
    }
    user.password_hash = change.new.clone();
    let hash = user.password_hash.as_str();
    transaction.execute(SET, &[&user_id, &hash]).await?;
    let Some(told) = plan.commit_by(transaction, as_of.floor()).await? else { return Ok(None) };
    let event = told.event(event)?;
    user.end_logins(event.rv, EndReason::PasswordChanged, change.now);
    if let Some(row) = &mut kept {
        row.rv = event.rv;
    }
    Ok(Some(PasswordChanged::Done { user, as_of: told.as_of, kept, event }))
}
