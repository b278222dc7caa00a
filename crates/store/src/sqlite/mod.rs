//! SQLite: one file, WAL, `synchronous = FULL`.
//!
//! * `open`: what is checked before a file is used; `lock`: who else has it; `migrate`: its tables
//! * `threads`: one writer with group commit, and readers beside it
//! * `backup`: a copy while others write; `published`: notices that an older copy was put back
//! * `users`, `sessions`, `feed`: the traits; `copy`: that of a copy; `rows`, `session_row`, `marks`: columns and values

pub mod backup;
mod copy;
mod feed;
#[cfg(feature = "redis")]
mod ledger;
mod lock;
mod marks;
pub mod migrate;
mod open;
mod published;
mod rows;
mod service_keys;
mod session_row;
mod sessions;
mod threads;
mod users;

use std::path::{Path, PathBuf};

use cloakroom_auth::store::Stored;
use cloakroom_verify::Timestamp;
use rusqlite::{Connection, Transaction};

use crate::{OpenError, Purpose};
use threads::Threads;

/// A database in one file.
#[derive(Debug)]
pub struct Sqlite {
    path: PathBuf,
    threads: Threads,
    _locks: lock::Locks,
}

impl Sqlite {
    /// Opens a migrated file. A process that finds itself alone on it begins a new epoch.
    pub fn open(path: &Path, purpose: Purpose, now: Timestamp) -> Result<Self, OpenError> {
        let (writer, locks) = open::open(path, purpose, now)?;
        let threads = Threads::start(path, writer)?;
        Ok(Self { path: path.to_owned(), threads, _locks: locks })
    }

    /// The same for a file that was put back from a backup.
    pub fn open_restored(path: &Path, now: Timestamp) -> Result<Self, OpenError> {
        let (writer, locks) = open::open(path, Purpose::Serve, now)?;
        feed::somebody_served_before(&writer).map_err(|error| open::classify(path, &error))?;
        let threads = Threads::start(path, writer)?;
        Ok(Self { path: path.to_owned(), threads, _locks: locks })
    }

    /// One step on the writer, inside a transaction of its own as far as it can tell.
    async fn write<T: Send + 'static>(
        &self,
        step: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Stored<T> {
        self.threads.write(step).await
    }

    /// One statement on a reader: a connection without an open transaction.
    async fn read<T: Send + 'static>(
        &self,
        step: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Stored<T> {
        self.threads.read(step).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spent_is_found_by_an_index() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.db");
        migrate::migrate(&path, false, Timestamp::from_seconds(0)).unwrap();
        let connection = open::connect(&path).unwrap();
        for (sql, index) in [
            (sessions::PURGE, "sessions_expires_at"),
            (feed::PURGE, "feed_events_keep_until"),
            (feed::PURGE_MARKS, "session_marks_until"),
        ] {
            let mut explained = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let plan = explained.query_map([1, 1], |row| row.get("detail")).unwrap();
            let plan: Vec<String> = plan.collect::<rusqlite::Result<_>>().unwrap();
            let (found, rest) = ("SEARCH", ["SCAN", "USE TEMP B-TREE"]);
            assert!(plan.iter().any(|step| step.starts_with(found) && step.contains(index)), "{plan:?}");
            assert!(!plan.iter().any(|step| rest.iter().any(|slow| step.starts_with(slow))), "{plan:?}");
        }
    }
}
