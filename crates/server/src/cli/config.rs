//! `cloakroom config check|show`

use clap::Subcommand;
use serde::Serialize;

use super::Done;
use super::output::{Columns, Output};
use crate::config::{Config, Inputs, Layers};

/// See the module.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Say what is wrong with the configuration, or print the effective values with their source
    Check,
    /// Print the effective values with their source, whether they go together or not
    Show,
}

#[derive(Serialize)]
struct Setting {
    key: String,
    value: String,
    source: String,
}

impl Columns for Setting {
    const NAMES: &'static [&'static str] = &["key", "value", "source"];

    fn cells(&self) -> Vec<String> {
        vec![self.key.clone(), self.value.clone(), self.source.clone()]
    }
}

/// Runs one of them. Secrets are never printed.
pub fn config(inputs: &Inputs, command: &ConfigCommand, output: Output) -> Done {
    let layers = Layers::read(inputs)?;
    match command {
        ConfigCommand::Check => drop(Config::of(&layers, inputs.mode)?),
        ConfigCommand::Show => {}
    }
    let setting = |(key, value, source)| Setting { key, value, source };
    output.list(&layers.rows().into_iter().map(setting).collect::<Vec<_>>())
}
