//! Epochs: a database that begins another life must not give out numbers that were given out (docs/revocation.md).
//!
//! The lineage is judged inside each statement that reads or moves the head. One that reads another lineage gives
//! nothing and comes here; one that moves the head begins the epoch in the same write.

use std::sync::Arc;

use super::fault::Result;
use super::pool::Pool;

/// The first number of the epoch after the stored one, and no less than the seconds since 2026: so two restores of
/// one backup differ.
macro_rules! next_epoch {
    () => {
        "(greatest((head >> 32) + 1, extract(epoch FROM clock_timestamp())::bigint - 1767225600) << 32)"
    };
}
/// The head as this statement has to count on from.
macro_rules! head_now {
    () => {
        concat!(
            "(CASE WHEN lineage = {LINEAGE} THEN head ELSE ",
            crate::postgres::lineage::next_epoch!(),
            " END)"
        )
    };
}
pub(super) use {head_now, next_epoch};

/// Begins an epoch, unless another connection did.
pub(super) async fn begin_epoch(pool: &Arc<Pool>) -> Result<()> {
    const BEGIN: &str = concat!(
        "UPDATE feed_head SET head = ",
        next_epoch!(),
        ", lineage = {LINEAGE} WHERE lineage <> {LINEAGE}"
    );
    let lent = pool.lend().await?;
    let begun = lent.work(lent.execute(BEGIN, &[])).await?;
    if begun == 1 {
        tracing::warn!("the database was started anew, restored or promoted: a new epoch of the feed begins");
    }
    Ok(())
}

/// Lets an epoch begin at the next read.
pub(super) async fn forget(pool: &Arc<Pool>) -> Result<()> {
    let lent = pool.lend().await?;
    lent.work(lent.execute("UPDATE feed_head SET lineage = ''", &[])).await.map(drop)
}
