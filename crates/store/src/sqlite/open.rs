//! What is checked before a file is used. A file that is not as it should be is left as it is.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use cloakroom_auth::feed::epoch_at;
use cloakroom_verify::{Revocation, Rv, Timestamp};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::lock::{self, Locks};
use super::{feed, migrate, published};
use crate::{OpenError, Purpose};

/// How long a statement waits for another process.
const BUSY: Duration = Duration::from_secs(3);
/// Files up to this size are checked page by page before a server uses them: the check reads all of it.
const CHECKED_WHOLE: u64 = 64 << 20;

/// Opens a file for writing, with the locks that go with it.
pub(super) fn open(path: &Path, purpose: Purpose, now: Timestamp) -> Result<(Connection, Locks), OpenError> {
    if !path.exists() {
        return Err(OpenError::Unmigrated { path: path.to_owned(), pending: migrate::KNOWN.len() });
    }
    let connection = connect(path)?;
    let pending = migrate::pending(&connection, path)?;
    if !pending.is_empty() {
        return Err(OpenError::Unmigrated { path: path.to_owned(), pending: pending.len() });
    }
    if purpose == Purpose::Serve {
        check_pages(&connection, path)?;
    }
    use_wal(&connection, path)?;
    let locks = lock::take(path, purpose, || begin_epoch(&connection, path, now))?;
    Ok((connection, locks))
}

/// Connects and sets what every connection needs.
pub(super) fn connect(path: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connect = || {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY)?;
        // The caches are small: what is asked again and again is remembered above, in passports.
        connection.execute_batch(
            "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; \
             PRAGMA cache_size = -1024; PRAGMA temp_store = MEMORY;",
        )?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(connection)
    };
    connect().map_err(|error: rusqlite::Error| classify(path, &error))
}

/// The same, and makes the file where there is none: for its owner alone, as it holds hashes and halves of secrets.
/// SQLite gives what it makes beside it the same mode. The mode of a file that is there is its operator's.
pub(super) fn connect_or_create(path: &Path) -> Result<Connection, OpenError> {
    // Never a file that is there: to close it again would take this process's locks from SQLite.
    match OpenOptions::new().create_new(true).write(true).mode(0o600).open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            return Err(OpenError::Failed(format!("{}: {error}", path.display())));
        }
        Ok(_) | Err(_) => {}
    }
    connect(path)
}

/// Readers beside the writer. The file remembers it: so it is only done to a file that was found to be ours.
pub(super) fn use_wal(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let mode: String = connection
        .query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))
        .map_err(|error| classify(path, &error))?;
    match mode.as_str() {
        "wal" => Ok(()),
        other => Err(OpenError::Failed(format!(
            "{}: SQLite keeps journal_mode {other} instead of WAL (is it on a network drive?)",
            path.display()
        ))),
    }
}

/// A file whose pages do not fit together must not be served from, however well its first page reads.
fn check_pages(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    if std::fs::metadata(path).is_ok_and(|file| file.len() > CHECKED_WHOLE) {
        return Ok(());
    }
    let verdict: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|error| classify(path, &error))?;
    if verdict == "ok" { Ok(()) } else { Err(OpenError::Corrupt { path: path.to_owned(), detail: verdict }) }
}

/// Nobody else has the file, so nobody knows whether it is the one that was closed last: a restored backup must
/// not repeat numbers that were given out (docs/revocation.md), nor bring ended logins back (docs/refresh.md).
fn begin_epoch(connection: &Connection, path: &Path, now: Timestamp) -> Result<(), OpenError> {
    let published = published::read(path);
    let begin = || {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        let head: i64 = connection.query_row("SELECT head FROM feed_head", [], |row| row.get(0))?;
        let stored = Rv::from_i64(head).unwrap_or(Rv::ZERO);
        let newest = stored.max(published.unwrap_or(stored));
        let epoch = epoch_at(now).max(newest.epoch().saturating_add(1));
        let mut head = Rv::new(epoch, 0);
        connection.execute("UPDATE feed_head SET head = ?1", [head.as_i64()])?;
        // A file that was never opened has nothing in it that could come back.
        if newest > stored && stored > Rv::ZERO {
            tracing::warn!(
                "the database is older than it was: a backup was put back. Everyone has to log in again"
            );
            head = feed::append(connection, Revocation::EverythingBefore, None, now)?.rv;
            connection.execute("UPDATE feed_head SET floor = ?1", [head.as_i64()])?;
            feed::somebody_served_before(connection)?;
        }
        connection.execute_batch("COMMIT")?;
        Ok(head)
    };
    let head = begin().map_err(|error| classify(path, &error))?;
    published::write(path, head);
    Ok(())
}

/// What an error of SQLite means for somebody who wants to open a file.
pub(super) fn classify(path: &Path, error: &rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    let detail = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => OpenError::Corrupt { path, detail },
        Some(_) | None => OpenError::Failed(format!("{}: {detail}", path.display())),
    }
}
