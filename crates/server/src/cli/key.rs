//! `cloakroom key generate|list`

use clap::Subcommand;
use cloakroom_verify::clock::{Clock, SystemClock};
use serde::Serialize;

use super::Done;
use super::output::{Columns, Output};
use crate::config::{Config, Inputs};
use crate::key_files;

/// See the module.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make whatever is missing: a signing key, a token key
    Generate,
    /// List the keys, never what is in them
    List,
}

#[derive(Serialize)]
struct FileRow {
    file: String,
}

impl Columns for FileRow {
    const NAMES: &'static [&'static str] = &["made"];

    fn cells(&self) -> Vec<String> {
        vec![self.file.clone()]
    }
}

impl Columns for key_files::Listed {
    const NAMES: &'static [&'static str] = &["file", "use", "algorithm", "active from", "development"];

    fn cells(&self) -> Vec<String> {
        let active_from = self.active_from.clone().unwrap_or_default();
        let development = if self.development { "yes" } else { "no" };
        vec![
            self.file.clone(),
            self.purpose.to_owned(),
            self.algorithm.clone(),
            active_from,
            development.to_owned(),
        ]
    }
}

/// Runs one of them.
pub fn key(inputs: &Inputs, command: &KeyCommand, output: Output) -> Done {
    let (config, _) = Config::load(inputs)?;
    match command {
        KeyCommand::Generate => {
            let made = key_files::generate(&config, inputs.mode, SystemClock.wall())?;
            output.list(&made.into_iter().map(|file| FileRow { file }).collect::<Vec<_>>())
        }
        KeyCommand::List => output.list(&key_files::list(&config)?),
    }
}
