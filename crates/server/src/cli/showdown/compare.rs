//! `cloakroom showdown compare A.json B.json`

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::Args;
use cloakroom_showdown::compare;
use cloakroom_showdown::result::Showdown;

use crate::cli::{Done, Failure, output};

/// See the module.
#[derive(Debug, Args)]
pub(super) struct CompareArgs {
    /// A result
    first: PathBuf,
    /// Another one
    second: PathBuf,
    /// Print what agrees too
    #[arg(long)]
    all: bool,
}

/// Prints what differs by more than the spreads.
pub(super) fn compare(args: &CompareArgs) -> Done {
    let (first, second) = (read(&args.first)?, read(&args.second)?);
    output::line(compare::compare(&first, &second).text(args.all).trim_end())
}

fn read(path: &Path) -> Result<Showdown, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let why = format!("{}: {error}", path.display());
        if error.kind() == ErrorKind::NotFound { Failure::not_found(why) } else { Failure::failed(why) }
    })?;
    Showdown::from_json(&text).map_err(|why| Failure::refused(format!("{}: {why}", path.display())))
}
