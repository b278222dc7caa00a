//! What the database knows of the sizes of its tables. It keeps plans that were made by them: by one for a page or two, all
//! of a table may be read that was filled since, until autovacuum comes by.

use std::sync::Arc;

use cloakroom_auth::store::Stored;

use super::pool::Pool;
use super::step::single;

/// Learns them anew, without being in anybody's way. Who may not is warned by the database in its log, and that is all.
pub(super) async fn learn(pool: &Arc<Pool>, analyze: &'static str) {
    let learned: Stored<_> = single!(pool, connection => connection.execute(analyze, &[]).await);
    if let Err(error) = learned {
        tracing::warn!(%error, "tables that were filled could not be analyzed: autovacuum has to");
    }
}
