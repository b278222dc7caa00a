//! `cloakroom showdown compare A.json B.json`

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::Args;
use cloakroom_showdown::compare;
use cloakroom_showdown::result::Showdown;

use super::write;
use crate::cli::output::{self, Output};
use crate::cli::{Done, Failure, talk};

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
    /// Write a page to read, too
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    // The global one does not reach below the --output of `showdown`.
    /// How to print data
    #[arg(long, value_parser = output::NAMES, default_value = "table")]
    output: String,
}

/// Prints what differs by more than the spreads.
pub(super) fn compare(args: &CompareArgs) -> Done {
    let (first, second) = (read(&args.first)?, read(&args.second)?);
    let comparison = compare::compare(&first, &second);
    match Output::named(&args.output) {
        Output::Json => output::line(&comparison.json())?,
        Output::Table => output::line(comparison.text(args.all).trim_end())?,
    }
    if let Some(page) = &args.html {
        let named = |file: &Path| file.display().to_string();
        let (a, b) = (named(&args.first), named(&args.second));
        write(page, &compare::html((&a, &first), (&b, &second)))?;
        talk(&format!("wrote {}", page.display()));
    }
    Ok(())
}

fn read(path: &Path) -> Result<Showdown, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let why = format!("{}: {error}", path.display());
        if error.kind() == ErrorKind::NotFound { Failure::not_found(why) } else { Failure::failed(why) }
    })?;
    Showdown::from_json(&text).map_err(|why| Failure::refused(format!("{}: {why}", path.display())))
}
