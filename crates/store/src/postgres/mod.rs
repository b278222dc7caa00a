//! PostgreSQL: any number of servers on one database.
//!
//! * `address`: what a URL says; `tls`, `connect`, `pool`: how its database is reached
//! * `step`: one step is one transaction, bounded and retried; `fault`: why it was not done
//! * `plan`: what a step tells the feed, with dense numbers; `lineage`: when an epoch begins
//! * `coalesce`, `batch`: revocations that arrive together share one transaction
//! * `users`, `sessions`, `rotate`, `feed`, `service_keys`: the traits; `rows`: columns and values
//! * `migrate`: its tables

mod address;
mod batch;
mod coalesce;
mod connect;
mod fault;
mod feed;
mod lineage;
pub mod migrate;
mod plan;
mod pool;
mod rotate;
mod rows;
mod service_keys;
mod sessions;
mod step;
mod tls;
mod users;

use std::fmt;
use std::sync::Arc;

use crate::OpenError;
use address::Address;
use coalesce::Coalescer;
use pool::Pool;

/// A database on a server.
pub struct Postgres {
    pool: Arc<Pool>,
    coalescer: Coalescer,
}

impl Postgres {
    /// Connects to a migrated database. If it lives another life than the one that moved the head last, an epoch begins.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        let pool = Arc::new(Pool::new(Address::parse(url)?)?);
        let pending = migrate::pending_in(&pool).await?.len();
        if pending > 0 {
            return Err(OpenError::Unmigrated { path: pool.address.name.clone().into(), pending });
        }
        let opened = Self { coalescer: Coalescer::start(Arc::clone(&pool)), pool };
        feed::head(&opened.pool).await.map_err(|error| OpenError::Failed(error.to_string()))?;
        Ok(opened)
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").field("database", &self.pool.address.name).finish_non_exhaustive()
    }
}
