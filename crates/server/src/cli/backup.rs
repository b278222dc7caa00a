//! `cloakroom backup FILE`

use std::path::PathBuf;

use clap::Args;
use secrecy::ExposeSecret;
use serde::Serialize;

use super::output::{Columns, Output, Progress};
use super::{Done, talk};
use crate::config::{Config, Inputs};

/// See the module.
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// A file that is not there yet; only its owner will be able to read it
    file: PathBuf,
}

#[derive(Serialize)]
struct BackupRow {
    file: String,
    bytes: u64,
    users: u64,
    sessions: u64,
}

impl Columns for BackupRow {
    const NAMES: &'static [&'static str] = &["file", "bytes", "users", "sessions"];

    fn cells(&self) -> Vec<String> {
        vec![self.file.clone(), self.bytes.to_string(), self.users.to_string(), self.sessions.to_string()]
    }
}

/// Copies the database beside whoever uses it, and proves the copy.
pub async fn backup(inputs: &Inputs, args: BackupArgs, output: Output) -> Done {
    let (config, _) = Config::load(inputs)?;
    let file = args.file.display().to_string();
    let progress = Progress::begin("pages");
    let told = Box::new(move |done, of| progress.tell(done, of));
    let done = cloakroom_store::backup(config.store.url.expose_secret(), args.file, told).await?;
    talk(&format!(
        "the keys are not in it: {} is backed up by itself, and kept elsewhere",
        config.keys.path.display()
    ));
    talk(
        "after putting it back run `cloakroom migrate --restored`: logins that have ended since must not come back",
    );
    let cloakroom_store::BackedUp { bytes, users, sessions } = done;
    output.one(&BackupRow { file, bytes, users, sessions })
}
