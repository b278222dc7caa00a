//! `cloakroom session list|end`

use clap::Subcommand;
use cloakroom_auth::session::{EndReason, Session};
use cloakroom_verify::SessionId;
use serde::Serialize;

use super::context::Context;
use super::output::{Columns, Output};
use super::{Done, Failure};
use crate::config::Inputs;
use crate::view::rfc3339;

/// See the module.
#[derive(Debug, Subcommand)]
pub enum SessionCommand {
    /// List the live logins of a user; logins by `jwt` have no row and are never listed
    List {
        /// Email or id
        user: String,
    },
    /// End one login, or all logins of a user
    #[command(group = clap::ArgGroup::new("which").required(true))]
    End {
        /// The id of the session
        #[arg(group = "which")]
        session: Option<String>,
        /// Every login of this user (email or id), also those by `jwt`
        #[arg(long, group = "which")]
        user: Option<String>,
    },
}

#[derive(Serialize)]
struct SessionRow {
    id: String,
    strategy: String,
    device: String,
    ip: Option<String>,
    created_at: String,
    last_used_at: String,
    expires_at: String,
}

impl Columns for SessionRow {
    const NAMES: &'static [&'static str] =
        &["id", "strategy", "device", "ip", "created", "last used", "expires"];

    fn cells(&self) -> Vec<String> {
        let ip = self.ip.clone().unwrap_or_default();
        vec![
            self.id.clone(),
            self.strategy.clone(),
            self.device.clone(),
            ip,
            self.created_at.clone(),
            self.last_used_at.clone(),
            self.expires_at.clone(),
        ]
    }
}

impl From<&Session> for SessionRow {
    fn from(session: &Session) -> Self {
        Self {
            id: session.id.to_string(),
            strategy: cloakroom_verify::Strategy::from(session.strategy).to_string(),
            device: session.device.clone(),
            ip: session.ip.clone(),
            created_at: rfc3339(session.created_at),
            last_used_at: rfc3339(session.last_used_at),
            expires_at: rfc3339(session.expires_at),
        }
    }
}

#[derive(Serialize)]
struct EndedRow {
    ended: u64,
}

impl Columns for EndedRow {
    const NAMES: &'static [&'static str] = &["ended"];

    fn cells(&self) -> Vec<String> {
        vec![self.ended.to_string()]
    }
}

/// Runs one of them, beside a running server if there is one.
pub async fn session(inputs: &Inputs, command: SessionCommand, output: Output) -> Done {
    let context = Context::open(inputs).await?;
    let auth = &context.auth;
    match command {
        SessionCommand::List { user } => {
            let user = context.user(&user).await?;
            let sessions = auth.sessions(user.id, context.now).await?;
            output.list(&sessions.iter().map(SessionRow::from).collect::<Vec<_>>())
        }
        SessionCommand::End { user: Some(user), session: _ } => {
            let user = context.user(&user).await?;
            let ended = auth.end_all(user.id, None, EndReason::EndedByAdmin, context.now).await?;
            output.one(&EndedRow { ended: ended.unwrap_or(0) })
        }
        SessionCommand::End { user: None, session } => {
            let nothing = || Failure::not_found("there is no such session, or it has ended");
            let id: SessionId = session.and_then(|id| id.parse().ok()).ok_or_else(nothing)?;
            if !auth.end_any(id, EndReason::EndedByAdmin, context.now).await? {
                return Err(nothing());
            }
            output.one(&EndedRow { ended: 1 })
        }
    }
}
