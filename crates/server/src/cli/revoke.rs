//! `cloakroom revoke user|session|key|everything`: it bites at every running server within the feed's bound.

use clap::Subcommand;
use cloakroom_auth::session::EndReason;
use cloakroom_verify::{KeyId, SessionId};

use super::context::Context;
use super::{Done, Failure};
use crate::config::Inputs;
use crate::key_files::rotate::{self, Purpose};
use crate::key_watch;

/// See the module.
#[derive(Debug, Subcommand)]
pub enum RevokeCommand {
    /// End every login of a user, also those by `jwt`
    User {
        /// Email or id
        user: String,
    },
    /// End one login
    Session {
        /// Its id, as `session list` shows it
        session: String,
    },
    /// Kill everything that a signing key signed, for ever. If it is the key in use, the next one is made
    Key {
        /// Its `kid`: the name of its file in `key list`, without `signing-` and `.json`
        // One in 64 begins with a hyphen.
        #[arg(allow_hyphen_values = true)]
        kid: String,
    },
    /// End every login of everyone
    Everything {
        /// Yes, everyone has to log in again
        #[arg(long, required = true)]
        yes: bool,
    },
}

/// Runs one of them, beside a running server if there is one.
pub async fn revoke(inputs: &Inputs, command: RevokeCommand) -> Done {
    let context = Context::open(inputs).await?;
    let (auth, now) = (&context.auth, context.now);
    match command {
        RevokeCommand::User { user } => {
            let user = context.user(&user).await?;
            let ended = auth.end_all(user.id, None, EndReason::EndedByAdmin, now).await?;
            ended.map(drop).ok_or_else(|| Failure::not_found("there is no such user"))
        }
        RevokeCommand::Session { session } => {
            let nothing = || Failure::not_found("there is no such session, or it has ended");
            let id: SessionId = session.parse().map_err(|_| nothing())?;
            let ended = auth.end_any(id, EndReason::EndedByAdmin, now).await?;
            if ended { Ok(()) } else { Err(nothing()) }
        }
        RevokeCommand::Key { kid } => revoke_key(inputs, &context, &kid).await,
        RevokeCommand::Everything { yes: _ } => Ok(auth.revoke_everything(now).await?),
    }
}

/// The successor is written first: should that fail, nothing has happened yet.
async fn revoke_key(inputs: &Inputs, context: &Context, kid: &str) -> Done {
    let Context { config, auth, now } = context;
    let known: Option<KeyId> = kid.parse().ok().filter(|kid| auth.keys.by_kid(kid).is_some());
    let kid =
        known.ok_or_else(|| Failure::not_found("there is no such signing key: see `cloakroom key list`"))?;
    let signs = auth.keyring.load().kid == kid;
    if signs && config.token.algorithm.is_symmetric() {
        return Err(Failure::refused(
            "this is the key of token.secret: set another secret and restart, then what the old one signed is refused",
        ));
    }
    if signs {
        // Every server must have read it before one signs with it; until then logins are answered with 503.
        let lead = 2 * key_watch::EVERY;
        let next = rotate::rotate(config, inputs.mode, Purpose::Signing, lead, *now)?;
        super::talk(&format!(
            "{next} signs in {}; until then access tokens are answered with 503",
            humantime::format_duration(lead)
        ));
    }
    Ok(auth.revoke_key(kid, *now).await?)
}
