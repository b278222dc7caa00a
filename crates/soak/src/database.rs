//! What the servers keep everything in.

use std::io::{Error, Result};
use std::path::PathBuf;

use crate::throwaway::Throwaway;

/// Which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// A server of the run's own, with any number of ours.
    Postgres,
    /// A file, with one server.
    Sqlite,
}

/// A database that can be restarted, or cannot.
pub(crate) enum Database {
    Postgres(Throwaway),
    Sqlite,
}

impl Database {
    pub(crate) fn start(kind: Kind) -> Result<Self> {
        match kind {
            Kind::Sqlite => Ok(Self::Sqlite),
            Kind::Postgres => {
                let programs = programs().ok_or_else(|| {
                    Error::other(
                        "PostgreSQL is not installed (apt-get install postgresql): try --database sqlite",
                    )
                })?;
                Throwaway::start(&programs).map(Self::Postgres)
            }
        }
    }

    /// Where the servers find it; nobody waits long for it.
    pub(crate) fn url(&self) -> Option<String> {
        match self {
            Self::Postgres(postgres) => {
                let patience = "connect_timeout=1&pool_timeout=500&statement_timeout=1000";
                Some(format!("{}?{patience}", postgres.url()))
            }
            Self::Sqlite => None,
        }
    }
}

/// The folder of PostgreSQL's programs, on the `PATH` or where Debian hides them.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        folders.extend(versions.flatten().map(|version| version.path().join("bin")));
    }
    let found = folders.iter().map(|folder| folder.join("postgres")).find(|file| file.is_file())?;
    Some(found.canonicalize().ok()?.parent()?.to_owned())
}
