//! PostgreSQL: any number of servers on one database.
//!
//! * `address`: what a URL says; `tls`, `connect`, `pool`: how its database is reached
//! * `step`: one step is one transaction, bounded and retried; `fault`: why it was not done
//! * `plan`: what a step tells the feed, with dense numbers; `lineage`: when an epoch begins
//! * `coalesce`, `batch`: revocations that arrive together share one transaction; `doorbell`: the other servers look
//! * `refreshes`, `rotate`: so do refreshes
//! * `users`, `sessions`, `feed`, `service_keys`: the traits; `rows`, `session_row`, `marks`: columns and values
//! * `migrate`: its tables; `copy`: rows as they are; `sizes`: what a copy or an import changes for its planner

mod address;
mod batch;
mod coalesce;
mod connect;
mod copy;
mod doorbell;
mod fault;
mod feed;
#[cfg(feature = "redis")]
mod ledger;
mod lineage;
mod marks;
pub mod migrate;
mod plan;
mod pool;
mod refreshes;
mod rotate;
mod rows;
mod service_keys;
mod session_row;
mod sessions;
mod sizes;
mod step;
mod tls;
mod users;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use cloakroom_auth::store::StoreError;

use crate::OpenError;
use address::Address;
use coalesce::Coalescer;
use doorbell::Doorbell;
use pool::Pool;
use refreshes::Refreshes;

/// Connections beside those of the pool, for the feed alone: one to follow it, one to write to it. Requests that wait
/// for the locks of others must not keep a server from knowing what is revoked. The doorbell's is not among them: it is
/// opened beside all pools.
const FEED_CONNECTIONS: usize = 2;
/// And one for who reads all of it at once, which takes long: neither who follows nor who revokes waits for that.
const WHOLE_CONNECTIONS: usize = 1;

/// A database on a server.
pub struct Postgres {
    pool: Arc<Pool>,
    /// For reading the feed, and for revocations that stand alone.
    feed: Arc<Pool>,
    /// For reading all of the feed.
    whole: Arc<Pool>,
    coalescer: Coalescer,
    refreshes: Arc<Refreshes>,
    doorbell: Doorbell,
    /// Whether each read of the head commits something, too.
    fenced: AtomicBool,
}

impl Postgres {
    /// Connects to a migrated database. If it lives another life than the one that moved the head last, an epoch begins.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        let opened = Self::open_at(Address::parse(url)?, pool::PATIENT).await?;
        feed::head(&opened.feed).await.map_err(|error| OpenError::Failed(error.to_string()))?;
        Ok(opened)
    }

    /// The same for one who needs that nobody else uses it: servers and commands are kept out meanwhile.
    pub async fn open_alone(url: &str) -> Result<Self, OpenError> {
        // A connection ends a little after its client, as that of the migration just before.
        Self::open_at(Address::parse(url)?.alone(), Duration::from_secs(1)).await
    }

    /// Opens a database that was put back from a backup, which need not be another life: one of a dump is read into a
    /// server that goes on.
    pub async fn open_restored(url: &str) -> Result<Self, OpenError> {
        let opened = Self::open_alone(url).await?;
        let failed = |error: StoreError| OpenError::Failed(error.to_string());
        lineage::forget(&opened.pool).await.map_err(StoreError::new).map_err(failed)?;
        feed::head(&opened.feed).await.map_err(failed)?;
        Ok(opened)
    }

    async fn open_at(address: Address, patience: Duration) -> Result<Self, OpenError> {
        let pool = Arc::new(Pool::new(address)?);
        migrate::enter(&pool, patience).await?;
        let pending = migrate::pending_in(&pool).await?.len();
        if pending > 0 {
            return Err(OpenError::Unmigrated { path: pool.address.name.clone().into(), pending });
        }
        let beside = |connections| -> Result<Arc<Pool>, OpenError> {
            if pool.address.alone {
                // Nobody else may use it, another connection of one's own included.
                return Ok(Arc::clone(&pool));
            }
            Ok(Arc::new(pool.beside(connections)?))
        };
        let (feed, whole) = (beside(FEED_CONNECTIONS)?, beside(WHOLE_CONNECTIONS)?);
        let (coalescer, doorbell) = (Coalescer::start(Arc::clone(&feed)), Doorbell::start(Arc::clone(&feed)));
        let refreshes = Refreshes::new(Arc::clone(&pool));
        Ok(Self { pool, feed, whole, coalescer, refreshes, doorbell, fenced: AtomicBool::new(false) })
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").field("database", &self.pool.address.name).finish_non_exhaustive()
    }
}
