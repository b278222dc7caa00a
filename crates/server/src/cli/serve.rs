//! `cloakroom serve`

use clap::Args;
use cloakroom_verify::clock::{Clock, SystemClock};
use secrecy::ExposeSecret;

use super::{Done, run};
use crate::config::{Config, Inputs};

/// See [`serve`].
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Bring the database up to date first
    #[arg(long)]
    migrate: bool,
}

/// Serves what the configuration says, and refuses whatever would not be safe.
pub async fn serve(inputs: &Inputs, args: &ServeArgs) -> Done {
    let (config, layers) = Config::load(inputs)?;
    if args.migrate {
        cloakroom_store::migrate(config.store.url.expose_secret(), false, SystemClock.wall()).await?;
    }
    run::run(layers, inputs.mode, run::tell_addresses).await
}
