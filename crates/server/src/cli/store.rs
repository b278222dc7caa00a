//! `cloakroom store copy FROM TO`

use clap::Subcommand;
use cloakroom_store::copy::{self, Copied, CopyError};
use cloakroom_verify::clock::{Clock, SystemClock};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::output::{Columns, Output, Progress};
use super::{Done, Failure, talk};

/// See the module.
#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Copy accounts, logins, service keys and revocations, and prove that both sides hold the same. No server may use
    /// either; tokens stay good. After a stop the same command goes on where it was
    Copy {
        /// A URL as in store.url, or @FILE: a file that holds it
        from: String,
        /// The same; it is migrated first, and may hold nothing but an unfinished copy
        to: String,
    },
}

#[derive(Serialize)]
struct TableRow {
    table: String,
    rows: u64,
    copied: u64,
    checksum: String,
}

impl Columns for TableRow {
    const NAMES: &'static [&'static str] = &["table", "rows", "copied now", "checksum"];

    fn cells(&self) -> Vec<String> {
        vec![self.table.clone(), self.rows.to_string(), self.copied.to_string(), self.checksum.clone()]
    }
}

impl From<&Copied> for TableRow {
    fn from(Copied { table, rows, before, checksum }: &Copied) -> Self {
        let copied = rows.saturating_sub(*before);
        Self { table: table.to_string(), rows: *rows, copied, checksum: format!("{checksum:032x}") }
    }
}

/// Runs it.
pub async fn store(command: StoreCommand, output: Output) -> Done {
    let StoreCommand::Copy { from, to } = command;
    let (from, to) = (url(&from)?, url(&to)?);
    let now = SystemClock.wall();
    let source = cloakroom_store::open_shelf(from.expose_secret(), now).await?;
    cloakroom_store::migrate(to.expose_secret(), false, now).await?;
    let target = cloakroom_store::open_shelf(to.expose_secret(), now).await?;
    let progress = Progress::begin("rows");
    let copied = copy::copy(&*source, &*target, &move |done, of| progress.tell(done, of)).await?;
    talk(
        "counts and checksums are equal. Set store.url to the target, keep the keys, and do not serve the source again",
    );
    output.list(&copied.iter().map(TableRow::from).collect::<Vec<_>>())
}

/// A URL with a password would be seen by every user of the machine.
fn url(given: &str) -> Result<SecretString, Failure> {
    if let Some(file) = given.strip_prefix('@') {
        let text =
            std::fs::read_to_string(file).map_err(|error| Failure::failed(format!("{file}: {error}")))?;
        return Ok(SecretString::from(text.trim_end()));
    }
    if given.contains("://") && given.contains(['@', '?']) {
        return Err(Failure::usage(
            "a password is never an argument: write the URL to a file and give @FILE",
        ));
    }
    Ok(SecretString::from(given))
}

impl From<CopyError> for Failure {
    fn from(error: CopyError) -> Self {
        match error {
            CopyError::Store(_) => Self::unreachable(error),
            CopyError::Occupied(_) => Self::refused(error),
            CopyError::Differ(_) | _ => Self::failed(error),
        }
    }
}
