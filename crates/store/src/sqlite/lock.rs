//! Who else has the file: two lock files beside it, never an exclusive lock on the database itself, so that
//! commands work beside a running server.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::{OpenError, Purpose};

/// Held as long as the database is open; the system lets go of them however the process ends.
#[derive(Debug)]
pub(super) struct Locks {
    _open: File,
    _serve: Option<File>,
}

/// Takes the locks. Before they are shared, `alone` runs if no other process has the database open.
pub(super) fn take(
    path: &Path,
    purpose: Purpose,
    alone: impl FnOnce() -> Result<(), OpenError>,
) -> Result<Locks, OpenError> {
    let serve = match purpose {
        Purpose::Command => None,
        Purpose::Serve => Some(exclusive(path)?),
    };
    let open = file(&beside(path, "open-lock"))?;
    let failed = |error: std::io::Error| OpenError::Failed(format!("{}: {error}", path.display()));
    match open.try_lock() {
        Ok(()) => {
            alone()?;
            // Between the two another process may find itself alone too; a second new epoch hurts nobody.
            open.unlock().map_err(failed)?;
        }
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    open.lock_shared().map_err(failed)?;
    Ok(Locks { _open: open, _serve: serve })
}

fn exclusive(path: &Path) -> Result<File, OpenError> {
    let serve = file(&beside(path, "serve-lock"))?;
    match serve.try_lock() {
        Ok(()) => Ok(serve),
        Err(TryLockError::WouldBlock) => Err(OpenError::Held(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(OpenError::Failed(format!("{}: {error}", path.display()))),
    }
}

/// The name of a file beside the database.
pub(super) fn beside(path: &Path, what: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(what);
    PathBuf::from(name)
}

fn file(path: &Path) -> Result<File, OpenError> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(|error| OpenError::Failed(format!("{}: {error}", path.display())))
}
