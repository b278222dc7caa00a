//! `cloakroom migrate`

use clap::Args;
use cloakroom_auth::audit::Audit;
use cloakroom_verify::clock::{Clock, SystemClock};
use cloakroom_verify::{Revocation, Timestamp};
use secrecy::ExposeSecret;
use serde::Serialize;

use super::output::{Columns, Output};
use super::{Done, Failure, talk};
use crate::config::{Config, Inputs};

/// See [`migrate`].
#[derive(Debug, Args)]
pub struct MigrateArgs {
    /// Only tell what would be done
    #[arg(long)]
    dry_run: bool,
    /// The database was put back from a backup: end every login, since some had ended after it was made
    #[arg(long, conflicts_with = "dry_run")]
    restored: bool,
}

#[derive(Serialize)]
struct Migration {
    migration: String,
    applied: bool,
}

impl Columns for Migration {
    const NAMES: &'static [&'static str] = &["migration", "state"];

    fn cells(&self) -> Vec<String> {
        let state = if self.applied { "applied now" } else { "to be applied" };
        vec![self.migration.clone(), state.to_owned()]
    }
}

/// Applies what is missing and tells it.
pub async fn migrate(inputs: &Inputs, args: &MigrateArgs, output: Output) -> Done {
    let (config, _) = Config::load(inputs)?;
    let now = SystemClock.wall();
    let names = cloakroom_store::migrate(config.store.url.expose_secret(), args.dry_run, now).await?;
    let migrations: Vec<_> =
        names.into_iter().map(|migration| Migration { migration, applied: !args.dry_run }).collect();
    if args.restored {
        end_every_login(&config, now).await?;
    }
    output.list(&migrations)
}

/// Nobody else may use it: a server would go on with what it remembers of the other file.
async fn end_every_login(config: &Config, now: Timestamp) -> Done {
    let store = cloakroom_store::open_restored(config.store.url.expose_secret(), now).await?;
    store.append(Revocation::EverythingBefore, None, now).await.map_err(Failure::unreachable)?;
    Audit::EverythingRevoked.log();
    talk("every login was ended: everyone has to log in again");
    Ok(())
}
