//! What a check of a session token reads: less of a row and its user than other steps do, since with
//! `session.freshness = "always"` every request pays for it.

use std::time::Duration;

use cloakroom_verify::{LoginFacts, Principal, PrincipalFacts, Roles, Rv, SessionId, Timestamp, UserId};

use crate::feed::AsOf;
use crate::session::{Life, RowSecret, RowStrategy};
use crate::store::Found;
use crate::user::Status;

/// A session as a check judges it, and who it stands for.
#[derive(Debug, Clone)]
pub struct CheckRow {
    /// Its public name.
    pub session: SessionId,
    /// The row's part of the mac.
    pub secret: RowSecret,
    /// Which kind of token it carries now.
    pub strategy: RowStrategy,
    /// The only generation of the token that counts as current.
    pub generation: u32,
    /// Whether it lives.
    pub life: Life,
    /// The head of the same statement.
    pub as_of: AsOf,
    /// Who its session token stands for.
    pub principal: Principal,
}

/// The same as a store reads it.
#[derive(Debug)]
#[expect(missing_docs, reason = "as in `Session` and `User`")]
pub struct CheckColumns<'r> {
    pub session: SessionId,
    pub user: UserId,
    pub secret: RowSecret,
    pub strategy: RowStrategy,
    pub generation: u32,
    pub rv: Rv,
    pub device: &'r str,
    pub ip: Option<&'r str>,
    pub auth_time: Timestamp,
    pub created_at: Timestamp,
    pub last_used_at: Timestamp,
    pub idle_timeout: Duration,
    pub expires_at: Timestamp,
    pub revoked: bool,
    pub email: &'r str,
    pub name: Option<&'r str>,
    pub roles: Roles,
    pub status: Status,
    pub min_rv: Rv,
    pub user_created_at: Timestamp,
    pub as_of: AsOf,
}

impl From<CheckColumns<'_>> for CheckRow {
    fn from(read: CheckColumns<'_>) -> Self {
        let CheckColumns { rv, idle_timeout, expires_at, .. } = read;
        let principal = Principal::new(PrincipalFacts {
            user: read.user,
            email: Some(read.email.into()),
            name: read.name.map(Into::into),
            roles: read.roles,
            strategy: read.strategy.into(),
            session: Some(read.session),
            token: None,
            rv,
            auth_time: read.auth_time,
            expires_at,
            login: Some(LoginFacts {
                device: read.device.into(),
                ip: read.ip.map(Into::into),
                created_at: read.created_at,
                idle_timeout,
                user_created_at: read.user_created_at,
            }),
        });
        Self {
            session: read.session,
            secret: read.secret,
            strategy: read.strategy,
            generation: read.generation,
            life: Life {
                revoked: read.revoked,
                status: read.status,
                rv,
                min_rv: read.min_rv,
                expires_at,
                last_used_at: read.last_used_at,
                idle_timeout,
            },
            as_of: read.as_of,
            principal,
        }
    }
}

impl From<Found> for CheckRow {
    fn from(Found { session, user, as_of }: Found) -> Self {
        Self::from(CheckColumns {
            session: session.id,
            user: user.id,
            secret: session.secret,
            strategy: session.strategy,
            generation: session.generation,
            rv: session.rv,
            device: &session.device,
            ip: session.ip.as_deref(),
            auth_time: session.auth_time,
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            idle_timeout: session.idle_timeout,
            expires_at: session.expires_at,
            revoked: session.revoked.is_some(),
            email: &user.email,
            name: user.name.as_deref(),
            roles: user.roles,
            status: user.status,
            min_rv: user.min_rv,
            user_created_at: user.created_at,
            as_of,
        })
    }
}
