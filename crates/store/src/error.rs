//! Why a database is not opened. Each says what to do; none of them changes the file.

use std::path::PathBuf;

/// The database cannot be used as it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Not a URL of a database that this build knows.
    #[error("store.url is not one of: sqlite:FILE, postgres://USER@HOST/DATABASE")]
    UnknownUrl,
    /// Not a place for sessions that this build knows.
    #[error("store.sessions: {0}")]
    Sessions(String),
    /// Another server has it.
    #[error("{0} is held by another running server: stop that one first, or give this one a file of its own")]
    Held(PathBuf),
    /// A newer program wrote it.
    #[error(
        "{path} was written by a newer version (schema {found}, this one knows {known}): use that version"
    )]
    Newer {
        /// The file, or the name of the database.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// Its tables are not up to date.
    #[error("{path} is not migrated ({pending} to go): run `cloakroom migrate`, or start with --migrate")]
    Unmigrated {
        /// The file, or the name of the database.
        path: PathBuf,
        /// How many migrations are missing.
        pending: usize,
    },
    /// It is there, and it is broken. Nothing is recreated.
    #[error("{path} is damaged ({detail}): nothing was changed; restore it from a backup")]
    Corrupt {
        /// The file, or the name of the database.
        path: PathBuf,
        /// What SQLite says.
        detail: String,
    },
    /// A backup never takes the place of a file.
    #[error("{0} is there already: nothing is overwritten")]
    Exists(PathBuf),
    /// It is a database of something else, or a migration was changed after it ran.
    #[error("{path} is no database of this program: {detail}")]
    Foreign {
        /// The file, or the name of the database.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// Not for this kind of database.
    #[error("{0}")]
    NotOffered(&'static str),
    /// Anything else: permissions, a missing folder, a full disk.
    #[error("the database cannot be opened: {0}")]
    Failed(String),
}
