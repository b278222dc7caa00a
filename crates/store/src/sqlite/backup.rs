//! A copy of the file as it was at one moment, taken while others write to it.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, Result};

use super::open::{classify, connect};
use super::{lock, migrate};
use crate::{BackedUp, OpenError, Progress};

/// Pages that are copied between two words of progress.
const PAGES: i32 = 64;

/// Copies the database at `from` to a file that is not there yet, proves the copy, and only then gives it its name.
pub fn backup(from: &Path, to: &Path, progress: &Progress) -> std::result::Result<BackedUp, OpenError> {
    if !from.exists() {
        return Err(OpenError::Unmigrated { path: from.to_owned(), pending: migrate::KNOWN.len() });
    }
    let source = connect(from)?;
    // Also one that is yet to be migrated: that is when a backup is wanted most.
    migrate::pending(&source, from)?;
    let reserved = Reserved::take(to)?;
    let copied = copy(&source, &reserved.part, progress).map_err(|error| classify(from, &error))?;
    let proved = prove(&reserved.part).map_err(|error| classify(&reserved.part, &error))?;
    if copied != proved {
        let detail = format!("{copied:?} were copied and {proved:?} arrived");
        return Err(OpenError::Corrupt { path: to.to_owned(), detail });
    }
    let bytes = reserved.keep().map_err(|error| failed(to, &error))?;
    let [users, sessions] = [proved.users, proved.sessions].map(|count| u64::try_from(count).unwrap_or(0));
    Ok(BackedUp { bytes, users, sessions })
}

#[derive(Debug, PartialEq, Eq)]
struct Counts {
    users: i64,
    sessions: i64,
}

fn count(connection: &Connection) -> Result<Counts> {
    // A file from before the first migration has neither.
    let of = |table: &str| -> Result<i64> {
        let there = connection.table_exists(None, table)?;
        let count = format!("SELECT count(*) FROM {table}");
        if there { connection.query_row(&count, [], |row| row.get(0)) } else { Ok(0) }
    };
    Ok(Counts { users: of("users")?, sessions: of("sessions")? })
}

fn copy(source: &Connection, part: &Path, progress: &Progress) -> Result<Counts> {
    // One read transaction around all steps: otherwise each write of another process would begin the copy anew, and
    // beside a busy server it would never end. Nobody waits for it: readers do not block the writer of a WAL.
    source.execute_batch("BEGIN")?;
    let counts = count(source)?;
    let mut target = Connection::open(part)?;
    {
        let backup = Backup::new(source, &mut target)?;
        while backup.step(PAGES)? != StepResult::Done {
            let at = backup.progress();
            let pages = |pages: i32| u64::try_from(pages).unwrap_or(0);
            progress(pages(at.pagecount - at.remaining), pages(at.pagecount));
        }
    }
    source.execute_batch("COMMIT")?;
    // One file that can be carried away, without a journal beside it.
    target.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))?;
    Ok(counts)
}

fn prove(part: &Path) -> Result<Counts> {
    let copy = Connection::open(part)?;
    let verdict: String = copy.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if verdict != "ok" {
        let corrupt = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
        return Err(rusqlite::Error::SqliteFailure(corrupt, Some(verdict)));
    }
    count(&copy)
}

/// The name of a backup, taken by an empty file that only its owner can read, and the file that is written until then.
/// Both are gone when this is dropped before [`keep`](Self::keep).
struct Reserved {
    to: PathBuf,
    part: PathBuf,
    kept: bool,
}

impl Reserved {
    fn take(to: &Path) -> std::result::Result<Self, OpenError> {
        create(to)?;
        let mut reserved = Self { to: to.to_owned(), part: to.to_owned(), kept: false };
        let part = lock::beside(to, "part");
        create(&part)?;
        reserved.part = part;
        Ok(reserved)
    }

    fn keep(mut self) -> std::io::Result<u64> {
        let file = File::open(&self.part)?;
        file.sync_all()?;
        std::fs::rename(&self.part, &self.to)?;
        self.kept = true;
        let folder = self.to.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(file.metadata()?.len())
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if !self.kept {
            for file in [&self.part, &self.to] {
                let _ = std::fs::remove_file(file);
            }
        }
    }
}

fn create(path: &Path) -> std::result::Result<(), OpenError> {
    let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    created.map(drop).map_err(|error| {
        let taken = error.kind() == std::io::ErrorKind::AlreadyExists;
        if taken { OpenError::Exists(path.to_owned()) } else { failed(path, &error) }
    })
}

fn failed(path: &Path, error: &std::io::Error) -> OpenError {
    OpenError::Failed(format!("{}: {error}", path.display()))
}
