//! `cloakroom key generate|list|rotate|retire`

use std::time::Duration;

use clap::{Args, Subcommand};
use cloakroom_verify::clock::{Clock, SystemClock};
use serde::Serialize;

use super::Done;
use super::output::{Columns, Output};
use crate::config::{Config, Inputs};
use crate::key_files::rotate::{self, Purpose};
use crate::{key_files, key_watch};

/// See the module.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make whatever is missing: a signing key, a token key
    Generate,
    /// List the keys, never what is in them
    List,
    /// Make the next key: accepted at once, used after a while, by every server that shares the directory
    Rotate(RotateArgs),
    /// Remove keys when nothing that they made is accepted any more
    Retire(RetireArgs),
}

/// Which key, and when.
#[derive(Debug, Args)]
pub struct RotateArgs {
    /// The key of session and refresh tokens instead of the signing key
    #[arg(long)]
    token: bool,
    /// How long it is known before it is used. Verifiers elsewhere keep our keys for five minutes
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = lead)]
    after: Duration,
}

/// Which key.
#[derive(Debug, Args)]
pub struct RetireArgs {
    /// The file, as `key list` shows it. Without it: all that nothing needs any more
    file: Option<String>,
}

/// Servers look into the directory every two seconds.
fn lead(text: &str) -> Result<Duration, String> {
    let lead = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    let least = 2 * key_watch::EVERY;
    if lead < least {
        let least = humantime::format_duration(least);
        return Err(format!("at least {least}: every server must have read the new key before one uses it"));
    }
    Ok(lead)
}

#[derive(Serialize)]
struct FileRow {
    file: String,
}

impl Columns for FileRow {
    const NAMES: &'static [&'static str] = &["file"];

    fn cells(&self) -> Vec<String> {
        vec![self.file.clone()]
    }
}

impl Columns for key_files::Listed {
    const NAMES: &'static [&'static str] = &["file", "use", "algorithm", "active from", "development"];

    fn cells(&self) -> Vec<String> {
        let development = if self.development { "yes" } else { "no" };
        vec![
            self.file.clone(),
            self.purpose.to_owned(),
            self.algorithm.clone(),
            self.active_from.clone(),
            development.to_owned(),
        ]
    }
}

/// Runs one of them.
pub fn key(inputs: &Inputs, command: &KeyCommand, output: Output) -> Done {
    let (config, _) = Config::load(inputs)?;
    match command {
        KeyCommand::Generate => files(output, key_files::generate(&config, inputs.mode, SystemClock.wall())?),
        KeyCommand::Rotate(RotateArgs { token, after }) => {
            let purpose = if *token { Purpose::Token } else { Purpose::Signing };
            let made = rotate::rotate(&config, inputs.mode, purpose, *after, SystemClock.wall())?;
            files(output, vec![made])
        }
        KeyCommand::Retire(RetireArgs { file }) => {
            files(output, rotate::retire(&config, file.as_deref(), SystemClock.wall())?)
        }
        KeyCommand::List => output.list(&key_files::list(&config)?),
    }
}

fn files(output: Output, names: Vec<String>) -> Done {
    output.list(&names.into_iter().map(|file| FileRow { file }).collect::<Vec<_>>())
}
