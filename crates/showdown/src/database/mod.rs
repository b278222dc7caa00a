//! The databases of a run: given by a URL, or servers of our own that are gone afterwards.

#[path = "../../../../xtask/src/port.rs"]
mod port;
mod postgres;
mod redis;
#[path = "../../../../xtask/src/throwaway.rs"]
mod throwaway;
#[expect(dead_code, reason = "suites that kill it use the rest")]
#[path = "../../../../xtask/src/throwaway_redis.rs"]
mod throwaway_redis;
#[path = "../../../../xtask/src/unprivileged.rs"]
mod unprivileged;

use std::path::PathBuf;

use crate::kernel::Cpu;

pub(crate) use self::postgres::{Database, Postgres};
pub(crate) use self::redis::Redis;

/// What a database has counted until now.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counted {
    pub(crate) cpu: Option<Cpu>,
    pub(crate) queries: Option<u64>,
    pub(crate) connections: Option<u32>,
}

/// Those that were found.
pub(crate) struct Databases {
    pub(crate) postgres: Option<Postgres>,
    pub(crate) redis: Option<Redis>,
}

impl Databases {
    /// Opens what is wanted; a note for each one that is not to be had.
    pub(crate) async fn open(wanted: Wanted<'_>, notes: &mut Vec<String>) -> Self {
        let mut found = Self { postgres: None, redis: None };
        if let Some(given) = wanted.postgres {
            match Postgres::open(given).await {
                Ok(postgres) => found.postgres = Some(postgres),
                Err(why) => notes.push(format!("WITHOUT PostgreSQL: {why}")),
            }
        }
        if let Some(given) = wanted.redis {
            match Redis::open(given).await {
                Ok(redis) => found.redis = Some(redis),
                Err(why) => notes.push(format!("WITHOUT Redis: {why}")),
            }
        }
        found
    }

    /// Removes what was made in servers that live on.
    pub(crate) async fn close(self) {
        if let Some(postgres) = self.postgres {
            postgres.close().await;
        }
        if let Some(redis) = self.redis {
            redis.close().await;
        }
    }
}

/// Fails on a server that is not on this machine.
pub(crate) fn check(wanted: Wanted<'_>) -> Result<(), String> {
    if let Some(Some(url)) = wanted.postgres {
        postgres::parse(url)?;
    }
    if let Some(Some(url)) = wanted.redis {
        redis::parse(url)?;
    }
    Ok(())
}

/// What is wanted: `None` not at all, `Some(None)` from anywhere, `Some(Some(url))` this one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'w> {
    pub(crate) postgres: Option<Option<&'w str>>,
    pub(crate) redis: Option<Option<&'w str>>,
}

/// A program: in `PATH`, in `/usr/sbin`, which is not on everybody's, and where Debian hides PostgreSQL's server.
fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.push(PathBuf::from("/usr/sbin"));
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        folders.extend(versions.flatten().map(|version| version.path().join("bin")));
    }
    folders.into_iter().map(|folder| folder.join(name)).find(|file| file.is_file())
}
