//! The row of a session as it is written.

use cloakroom_auth::session::Session;

use super::connect::Connection;
use super::fault::Result;
use super::step::Transaction;
use crate::words;

pub(super) const INSERT: &str = "INSERT INTO sessions (id, strategy, transport, generation, floor, spent, keyed, strikes, rv, \
     written_epoch, auth_time, last_used_at, idle_timeout, expires_at, user_id, remember, secret, jkt, device, ip, \
     user_agent, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, \
     $18, $19, $20, $21, $22)";
const UPDATE: &str = "UPDATE sessions SET strategy = $2, transport = $3, generation = $4, floor = $5, spent = $6, \
     keyed = $7, strikes = $8, rv = $9, written_epoch = $10, auth_time = $11, last_used_at = $12, idle_timeout = $13, \
     expires_at = $14 WHERE id = $1";

/// Adds a row that has not ended.
pub(super) async fn insert(connection: &Connection, row: &Session) -> Result<()> {
    connection.execute(INSERT, &Columns::of(row).inserted()).await.map(drop)
}

/// Writes what the rules may change of a row.
pub(super) async fn update(transaction: &Transaction<'_>, row: &Session) -> Result<()> {
    transaction.execute(UPDATE, &Columns::of(row).changed()).await.map(drop)
}

/// The same, and nothing behind it.
pub(super) async fn update_and_commit(transaction: &Transaction<'_>, row: &Session) -> Result<()> {
    transaction.commit_with(&[(UPDATE, &Columns::of(row).changed())]).await.map(drop)
}

/// A row in the types of its columns.
pub(super) struct Columns<'r> {
    row: &'r Session,
    id: &'r [u8],
    user: &'r [u8],
    secret: &'r [u8],
    strategy: &'static str,
    transport: &'static str,
    generation: i64,
    floor: i64,
    spent: Vec<u8>,
    strikes: i64,
    rv: i64,
    written_epoch: i64,
    auth_time: i64,
    created_at: i64,
    last_used_at: i64,
    idle_timeout: i64,
    expires_at: i64,
    jkt: Option<&'r str>,
}

type Value<'v> = &'v (dyn tokio_postgres::types::ToSql + Sync);

impl<'r> Columns<'r> {
    pub(super) fn of(row: &'r Session) -> Self {
        Self {
            row,
            id: row.id.as_bytes(),
            user: row.user.as_bytes(),
            secret: &row.secret.0,
            strategy: words::strategy_word(row.strategy),
            transport: row.transport.as_str(),
            generation: row.generation.into(),
            floor: row.floor.into(),
            spent: row.spent.to_blob(),
            strikes: row.strikes.into(),
            rv: row.rv.as_i64(),
            written_epoch: row.written_epoch.into(),
            auth_time: row.auth_time.as_millis(),
            created_at: row.created_at.as_millis(),
            last_used_at: row.last_used_at.as_millis(),
            idle_timeout: words::millis(row.idle_timeout),
            expires_at: row.expires_at.as_millis(),
            jkt: row.jkt.as_deref(),
        }
    }

    /// What the rules may change, behind the id.
    fn changed(&self) -> [Value<'_>; 14] {
        [
            &self.id,
            &self.strategy,
            &self.transport,
            &self.generation,
            &self.floor,
            &self.spent,
            &self.row.keyed,
            &self.strikes,
            &self.rv,
            &self.written_epoch,
            &self.auth_time,
            &self.last_used_at,
            &self.idle_timeout,
            &self.expires_at,
        ]
    }

    /// The same, and what never changes.
    pub(super) fn inserted(&self) -> Vec<Value<'_>> {
        let mut all = self.changed().to_vec();
        all.extend::<[Value<'_>; 8]>([
            &self.user,
            &self.row.remember,
            &self.secret,
            &self.jkt,
            &self.row.device,
            &self.row.ip,
            &self.row.user_agent,
            &self.created_at,
        ]);
        all
    }
}
