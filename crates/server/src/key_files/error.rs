//! Why keys cannot be read or made.

use std::path::PathBuf;

use cloakroom_verify::Timestamp;

use crate::view::rfc3339;

/// Why keys cannot be read or made. What a file holds is never told.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A file or directory cannot be reached.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// Somebody else could read it.
    #[error("{} can be reached by other users (mode {mode:o}): run `chmod {wanted:o} {}`", path.display(), path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// As it is.
        mode: u32,
        /// As it must be.
        wanted: u32,
    },
    /// It is not what was once written.
    #[error("{} is damaged ({why}): restore it from a backup; a new key would log everybody out", path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// Why.
        why: &'static str,
    },
    /// What it made may still be accepted.
    #[error("{} is still needed{}", path.display(), until.map(|until| format!(" until {}", rfc3339(until))).unwrap_or_default())]
    Needed {
        /// Which.
        path: PathBuf,
        /// Until when; `None` while nothing has followed it.
        until: Option<Timestamp>,
    },
    /// All 255 versions are taken.
    #[error("there are too many token keys in {}: retire some", path.display())]
    TooMany {
        /// Where.
        path: PathBuf,
    },
    /// Which of the two would be used?
    #[error("{} has the version or the kid of another file: keep one of them in this directory", path.display())]
    Doubled {
        /// The second.
        path: PathBuf,
    },
    /// `dev` made it.
    #[error("{} was made for development: run `cloakroom key generate` with a keys.path of its own", path.display())]
    Development {
        /// Which.
        path: PathBuf,
    },
    /// There is none of this name.
    #[error("there is no key {name} in {}: see `cloakroom key list`", path.display())]
    Unknown {
        /// As it was asked for.
        name: String,
        /// Where.
        path: PathBuf,
    },
    /// There is none.
    #[error("there is no {what} in {}: run `cloakroom key generate`", path.display())]
    Missing {
        /// A signing key or a token key.
        what: &'static str,
        /// Where.
        path: PathBuf,
    },
}
