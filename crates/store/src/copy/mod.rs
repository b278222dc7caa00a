//! Moving everything from one database to another, of the same kind or not.
//!
//! * [`Shelf`]: what a database must do for it; `row`: a row of any table, and what makes it the same row elsewhere
//!
//! Revocations come first, then who they are about: a copy that stops half way knows every ending of what it holds. Of
//! logins whose rows are in Redis it knows them behind the accounts only: until it is done nobody may serve from it.
//! Tokens stay good, since the keys are no part of a database and no row changes on the way.

mod row;

use async_trait::async_trait;
use cloakroom_auth::feed::Retention;
use cloakroom_auth::store::{StoreError, Stored};
use cloakroom_verify::Rv;

use crate::Progress;
pub use crate::mark::{Change, Mark, SessionMark};
use row::Sum;
pub use row::{Row, Table};

/// Rows that are read and written at once.
const BATCH: u32 = 500;

/// A database as far as its rows are moved. A key is an id, or the `rv` of an event, as a number: big endian.
#[async_trait]
pub trait Shelf: Send + Sync + 'static {
    /// Where the feed stands.
    async fn feed(&self) -> Stored<FeedState>;

    /// Raises each part of it to at least this.
    async fn raise_feed(&self, to: FeedState) -> Stored<()>;

    /// How many rows a table has.
    async fn count(&self, table: Table) -> Stored<u64>;

    /// The greatest key of a table.
    async fn newest(&self, table: Table) -> Stored<Option<u128>>;

    /// At most `limit` rows in the order of their keys, after this one.
    async fn rows(&self, table: Table, after: Option<u128>, limit: u32) -> Stored<Vec<Row>>;

    /// Adds these rows as they are, all or none. One that is there already is an error.
    async fn put(&self, rows: Vec<Row>) -> Stored<()>;

    /// Everything was put: a database that plans by the sizes of its tables learns them anew. Losing this is harmless.
    async fn settle(&self) {}
}

/// Where a feed stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedState {
    /// The newest number.
    pub head: Rv,
    /// The least `rv` that survives.
    pub floor: Rv,
    /// How long events are kept.
    pub retention: Retention,
}

/// A table that was copied and proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// Which.
    pub table: Table,
    /// How many rows it has, on both sides.
    pub rows: u64,
    /// How many were there from a copy that had stopped.
    pub before: u64,
    /// The sum of their digests, on both sides: whatever the order.
    pub checksum: u128,
}

/// Why a copy did not come to its end. What was copied stays, and the same copy may be run again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// One of the two did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing was written.
    #[error("{0} of the target holds rows that the source does not have: copy into a database that is empty")]
    Occupied(Table),
    /// It must not be used.
    #[error("{0} differ between source and target after the copy: do not use the target")]
    Differ(Table),
}

/// Copies what the target lacks and proves that both hold the same. Neither may be in use.
pub async fn copy(from: &dyn Shelf, to: &dyn Shelf, progress: &Progress) -> Result<Vec<Copied>, CopyError> {
    let mut begun = Vec::new();
    for table in Table::ALL {
        let newest = to.newest(table).await?;
        let there = sum(to, table, newest).await?;
        if sum(from, table, newest).await? != there {
            return Err(CopyError::Occupied(table));
        }
        begun.push((table, newest, there));
    }
    let mut all = 0;
    for table in Table::ALL {
        all += from.count(table).await?;
    }
    let mut done = begun.iter().map(|(.., there)| there.rows).sum();
    let feed = from.feed().await?;
    to.raise_feed(feed).await?;
    let mut copied = Vec::new();
    for (table, mut after, there) in begun {
        let mut sent = there;
        loop {
            progress(done, all);
            let rows = from.rows(table, after, BATCH).await?;
            let Some(last) = rows.last() else { break };
            after = Some(last.key());
            rows.iter().for_each(|row| sent.add(row));
            done += rows.len() as u64;
            to.put(rows).await?;
        }
        copied.push((table, there.rows, sent));
    }
    to.settle().await;
    let raised = to.feed().await?;
    if raised.head < feed.head || raised.floor < feed.floor {
        return Err(CopyError::Differ(Table::Events));
    }
    let mut proved = Vec::new();
    for (table, before, sent) in copied {
        if sum(to, table, Some(u128::MAX)).await? != sent || from.count(table).await? != sent.rows {
            return Err(CopyError::Differ(table));
        }
        proved.push(Copied { table, rows: sent.rows, before, checksum: sent.checksum });
    }
    Ok(proved)
}

/// What a table holds up to a key; nothing up to none.
async fn sum(shelf: &dyn Shelf, table: Table, up_to: Option<u128>) -> Stored<Sum> {
    let (mut sum, mut after) = (Sum::default(), None);
    let Some(up_to) = up_to else { return Ok(sum) };
    loop {
        let rows = shelf.rows(table, after, BATCH).await?;
        let Some(last) = rows.last().map(Row::key) else { return Ok(sum) };
        rows.iter().filter(|row| row.key() <= up_to).for_each(|row| sum.add(row));
        if last >= up_to {
            return Ok(sum);
        }
        after = Some(last);
    }
}
