//! The shelves of Cloakroom: databases behind the traits of `cloakroom_auth::store`.
//!
//! * [`open`]: opens the database of a URL; [`migrate`] brings its tables up to date; [`backup`] copies it
//! * [`copy`]: moves everything from one database to another
//! * [`sqlite`]: the default, one file, one writer thread and readers beside it
//! * `postgres`: any number of servers on one database; behind the feature of that name
//! * `redis`: sessions beside one of these; behind the feature of that name
//! * [`error`]: why a database is not opened
//!
//! A store applies decisions and never makes them. It knows no HTTP, no configuration files and no tokens.

pub mod copy;
pub mod error;
#[cfg(feature = "redis")]
mod ledger;
mod mark;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "sqlite")]
pub mod sqlite;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod words;

use std::path::PathBuf;
use std::sync::Arc;

use cloakroom_auth::store::Store;
use cloakroom_verify::Timestamp;

use copy::Shelf;
pub use error::OpenError;

/// What a process wants of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To serve: one process per SQLite file.
    Serve,
    /// To change something and go, beside a server if there is one.
    Command,
}

/// Opens the database of a URL whose tables are up to date ([`OpenError::Unmigrated`] if not). A server has a SQLite file
/// alone ([`OpenError::Held`]); what is damaged, foreign or of a newer version is refused and left as it is.
pub async fn open(url: &str, purpose: Purpose, now: Timestamp) -> Result<Arc<dyn Store>, OpenError> {
    match Address::parse(url)? {
        #[cfg(feature = "sqlite")]
        Address::Sqlite(path) => {
            let opened = blocking(move || sqlite::Sqlite::open(&path, purpose, now)).await?;
            Ok(Arc::new(opened))
        }
        #[cfg(feature = "postgres")]
        Address::Postgres(url) => Ok(Arc::new(postgres::Postgres::open(&url).await?)),
    }
}

/// [Opens](open) a database that was put back from a backup, which nobody else may use: numbers that were given out since
/// are not given out again.
pub async fn open_restored(url: &str, now: Timestamp) -> Result<Arc<dyn Store>, OpenError> {
    match Address::parse(url)? {
        #[cfg(feature = "sqlite")]
        Address::Sqlite(path) => {
            Ok(Arc::new(blocking(move || sqlite::Sqlite::open_restored(&path, now)).await?))
        }
        #[cfg(feature = "postgres")]
        Address::Postgres(url) => Ok(Arc::new(postgres::Postgres::open_restored(&url).await?)),
    }
}

/// [Opens](open) a database, with its sessions where `sessions` says: in the database (`store`), or in a Redis.
#[cfg(feature = "redis")]
pub async fn open_with_sessions(
    url: &str,
    sessions: &str,
    purpose: Purpose,
    now: Timestamp,
) -> Result<Arc<dyn Store>, OpenError> {
    if sessions == "store" {
        return open(url, purpose, now).await;
    }
    // Before the database: an address that is no good must not begin an epoch.
    redis::check(sessions)?;
    let sql: Arc<dyn ledger::Ledger> = match Address::parse(url)? {
        #[cfg(feature = "sqlite")]
        Address::Sqlite(path) => Arc::new(blocking(move || sqlite::Sqlite::open(&path, purpose, now)).await?),
        #[cfg(feature = "postgres")]
        Address::Postgres(url) => Arc::new(postgres::Postgres::open(&url).await?),
    };
    Ok(Arc::new(redis::WithRedis::open(sql, sessions, purpose).await?))
}

/// Whether the database of a URL can have standbys, so that it can be asked to prove that none took its place.
pub fn can_be_fenced(url: &str) -> bool {
    match Address::parse(url) {
        #[cfg(feature = "sqlite")]
        Ok(Address::Sqlite(_)) => false,
        #[cfg(feature = "postgres")]
        Ok(Address::Postgres(_)) => true,
        Err(_) => false,
    }
}

/// Says what is wrong with the place of sessions, without asking anybody: [`OpenError::Sessions`].
#[cfg(feature = "redis")]
pub fn check_sessions(sessions: &str) -> Result<(), OpenError> {
    if sessions == "store" { Ok(()) } else { redis::check(sessions) }
}

/// Applies what is missing, in order, each migration whole or not at all. With `dry_run` only tells.
pub async fn migrate(url: &str, dry_run: bool, now: Timestamp) -> Result<Vec<String>, OpenError> {
    match Address::parse(url)? {
        #[cfg(feature = "sqlite")]
        Address::Sqlite(path) => blocking(move || sqlite::migrate::migrate(&path, dry_run, now)).await,
        #[cfg(feature = "postgres")]
        Address::Postgres(url) => postgres::migrate::migrate(&url, dry_run, now).await,
    }
}

/// [Opens](open) a database to copy it or into it, and keeps everybody else out ([`OpenError::Held`] while somebody has
/// it): a server must not write what is not copied any more.
pub async fn open_shelf(url: &str, now: Timestamp) -> Result<Arc<dyn Shelf>, OpenError> {
    match Address::parse(url)? {
        #[cfg(feature = "sqlite")]
        Address::Sqlite(path) => {
            let opened = blocking(move || sqlite::Sqlite::open(&path, Purpose::Serve, now)).await?;
            Ok(Arc::new(opened))
        }
        #[cfg(feature = "postgres")]
        Address::Postgres(url) => Ok(Arc::new(postgres::Postgres::open_alone(&url).await?)),
    }
}

/// Copies the database of a URL, as it is at one moment, into a new file that only its owner can read, and proves it. A file that is there is left as it is
/// ([`OpenError::Exists`]).
/// Others may write meanwhile. Keys are no part of a database, so they are not in it.
pub async fn backup(url: &str, to: PathBuf, progress: Box<Progress>) -> Result<BackedUp, OpenError> {
    match Address::parse(url)? {
        #[cfg(feature = "sqlite")]
        Address::Sqlite(path) => blocking(move || sqlite::backup::backup(&path, &to, &*progress)).await,
        #[cfg(feature = "postgres")]
        Address::Postgres(_) => {
            Err(OpenError::NotOffered("back up PostgreSQL with its own pg_dump or pg_basebackup"))
        }
    }
}

/// Told how much of how much is done, now and then.
pub type Progress = dyn Fn(u64, u64) + Send + Sync;

/// What a backup holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackedUp {
    /// How large it is.
    pub bytes: u64,
    /// How many accounts are in it.
    pub users: u64,
    /// How many sessions.
    pub sessions: u64,
}

async fn blocking<T: Send + 'static>(
    open: impl FnOnce() -> Result<T, OpenError> + Send + 'static,
) -> Result<T, OpenError> {
    tokio::task::spawn_blocking(open)
        .await
        .map_err(|_| OpenError::Failed(String::from("opening it stopped")))?
}

/// Where a database is.
#[derive(Debug, PartialEq, Eq)]
enum Address {
    #[cfg(feature = "sqlite")]
    Sqlite(PathBuf),
    #[cfg(feature = "postgres")]
    Postgres(String),
}

impl Address {
    /// The only place that looks at the scheme.
    fn parse(url: &str) -> Result<Self, OpenError> {
        match url.split_once(':') {
            #[cfg(feature = "sqlite")]
            Some(("sqlite", path)) if !path.is_empty() => {
                Ok(Self::Sqlite(PathBuf::from(path.strip_prefix("//").unwrap_or(path))))
            }
            #[cfg(feature = "postgres")]
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => {
                Ok(Self::Postgres(url.to_owned()))
            }
            Some(_) | None => Err(OpenError::UnknownUrl),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "postgres")]
    #[test]
    fn both_spellings_of_the_scheme_name_a_server() {
        for url in ["postgres://u@h/d", "postgresql://u@h/d"] {
            assert_eq!(Address::parse(url).unwrap(), Address::Postgres(url.to_owned()));
        }
        assert!(matches!(Address::parse("postgres:host"), Err(OpenError::UnknownUrl)));
    }

    #[test]
    fn a_url_names_its_database() {
        assert_eq!(Address::parse("sqlite:a.db").unwrap(), Address::Sqlite("a.db".into()));
        assert_eq!(Address::parse("sqlite:///var/a.db").unwrap(), Address::Sqlite("/var/a.db".into()));
        for bad in ["", "a.db", "sqlite:", "mysql://localhost"] {
            assert!(matches!(Address::parse(bad), Err(OpenError::UnknownUrl)), "{bad}");
        }
    }
}
