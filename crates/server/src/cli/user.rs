//! `cloakroom user create|import|list|show|disable|enable|set-role`

use std::io::Read;

use clap::Subcommand;
use cloakroom_auth::email::Email;
use cloakroom_auth::password::NewPassword;
use cloakroom_auth::store::Added;
use cloakroom_auth::user::{Status, User, check_name, check_role};
use cloakroom_verify::{Roles, UserId};
use secrecy::SecretString;
use serde::Serialize;
use zeroize::Zeroize;

use super::context::Context;
use super::import::{self, ImportArgs};
use super::output::{Columns, Output};
use super::{Done, Failure};
use crate::config::Inputs;
use crate::view::rfc3339;

/// See the module.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Make an account; its password comes from stdin
    Create {
        /// The email that it logs in with
        email: String,
        /// The display name
        #[arg(long)]
        name: Option<String>,
        /// A role; may be repeated
        #[arg(long)]
        role: Vec<String>,
        /// Read the password from stdin; one trailing newline is dropped
        #[arg(long, required = true)]
        password_stdin: bool,
    },
    /// Take over accounts of another system; each keeps its password, whose hash is replaced at the first login
    Import(ImportArgs),
    /// List accounts
    List {
        /// Only those whose email contains this
        #[arg(long, default_value = "")]
        query: String,
        /// Only those after this id
        #[arg(long)]
        after: Option<String>,
        /// How many at most
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// Show an account
    Show {
        /// Email or id
        user: String,
    },
    /// End every login of an account and let it make no new one
    Disable {
        /// Email or id
        user: String,
    },
    /// Let an account log in again
    Enable {
        /// Email or id
        user: String,
    },
    /// Replace the roles of an account
    SetRole {
        /// Email or id
        user: String,
        /// The roles it has from now on; none: it has none
        roles: Vec<String>,
    },
}

/// An account, as an operator sees it.
#[derive(Serialize)]
struct UserRow {
    id: String,
    email: String,
    name: Option<String>,
    roles: Vec<String>,
    status: &'static str,
    created_at: String,
}

impl Columns for UserRow {
    const NAMES: &'static [&'static str] = &["id", "email", "name", "roles", "status", "created"];

    fn cells(&self) -> Vec<String> {
        let name = self.name.clone().unwrap_or_default();
        let roles = self.roles.join(", ");
        vec![
            self.id.clone(),
            self.email.clone(),
            name,
            roles,
            self.status.to_owned(),
            self.created_at.clone(),
        ]
    }
}

impl From<&User> for UserRow {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.to_string(),
            email: user.email.clone(),
            name: user.name.clone(),
            roles: user.roles.iter().map(String::from).collect(),
            status: user.status.as_str(),
            created_at: rfc3339(user.created_at),
        }
    }
}

/// Runs one of them. They work beside a running server, which knows of it within `feed.bound`.
pub async fn user(inputs: &Inputs, command: UserCommand, output: Output) -> Done {
    let context = Context::open(inputs).await?;
    let auth = &context.auth;
    let changed = match command {
        UserCommand::Create { email, name, role, password_stdin: _ } => {
            create(&context, &email, name, &role).await?
        }
        UserCommand::Import(args) => return import::import(&context, &args, output).await,
        UserCommand::List { query, after, limit } => {
            let after = after.map(|after| after.parse::<UserId>()).transpose();
            let after = after.map_err(|_| Failure::usage("--after is not an id"))?;
            let users = auth.store.list_users(&query.to_lowercase(), after, limit).await;
            let users = users.map_err(Failure::unreachable)?;
            return output.list(&users.iter().map(UserRow::from).collect::<Vec<_>>());
        }
        UserCommand::Show { user } => context.user(&user).await?,
        UserCommand::Disable { user } => set_status(&context, &user, Status::Disabled).await?,
        UserCommand::Enable { user } => set_status(&context, &user, Status::Active).await?,
        UserCommand::SetRole { user, roles } => {
            let id = context.user(&user).await?.id;
            let changed = auth.set_roles(id, checked(&roles)?, context.now).await?;
            changed.ok_or_else(|| Failure::not_found("there is no such user"))?
        }
    };
    output.one(&UserRow::from(&changed))
}

async fn create(
    context: &Context,
    email: &str,
    name: Option<String>,
    roles: &[String],
) -> Result<User, Failure> {
    let email = Email::parse(email).map_err(Failure::refused)?;
    if let Some(name) = &name {
        check_name(name).map_err(Failure::refused)?;
    }
    let roles = checked(roles)?;
    let about = [email.typed.as_str(), name.as_deref().unwrap_or_default()];
    let at_least = context.auth.settings.min_password;
    let password = NewPassword::parse(&password_from_stdin()?, at_least, &about).map_err(Failure::refused)?;
    match context.auth.add_user(email, password, name, roles, context.now).await? {
        Added::User(user) => Ok(user),
        Added::EmailTaken => Err(Failure::refused("there is an account with this email")),
    }
}

async fn set_status(context: &Context, user: &str, status: Status) -> Result<User, Failure> {
    let id = context.user(user).await?.id;
    let changed = context.auth.set_status(id, status, context.now).await?;
    changed.ok_or_else(|| Failure::not_found("there is no such user"))
}

fn checked(roles: &[String]) -> Result<Roles, Failure> {
    for role in roles {
        check_role(role).map_err(|why| Failure::refused(format!("{role:?}: {why}")))?;
    }
    Ok(roles.iter().cloned().collect())
}

/// The password as it is piped in, less one line break at its end.
fn password_from_stdin() -> Result<SecretString, Failure> {
    // Far more than any password: an endless pipe is no reason to take all memory.
    const AT_MOST: u64 = 64 * 1024;
    let mut text = String::new();
    let read = std::io::stdin().lock().take(AT_MOST).read_to_string(&mut text);
    read.map_err(|_| Failure::refused("the password on stdin is not UTF-8"))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let password = SecretString::from(line.strip_suffix('\r').unwrap_or(line));
    text.zeroize();
    Ok(password)
}
