//! `cloakroom migrate`

use clap::Args;
use cloakroom_verify::clock::{Clock, SystemClock};
use secrecy::ExposeSecret;
use serde::Serialize;

use super::Done;
use super::output::{Columns, Output};
use crate::config::{Config, Inputs};

/// See [`migrate`].
#[derive(Debug, Args)]
pub struct MigrateArgs {
    /// Only tell what would be done
    #[arg(long)]
    dry_run: bool,
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
    output.list(&migrations)
}
