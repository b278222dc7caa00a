//! One connection: how it is made, what it is set to, and the statements it has prepared.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::try_join_all;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{AsyncMessage, Client, NoTls, Row, Statement};

use super::address::Address;
use super::fault::{Fault, Result};
use super::tls::Tls;

/// The values of a statement.
pub(super) type Values<'v> = &'v [&'v (dyn ToSql + Sync)];

/// Stands in statements for what tells the present life of the database from others, as it is judged there.
pub(super) const LINEAGE: &str = "{LINEAGE}";

/// A connection. What is prepared on it stays prepared.
pub(super) struct Connection {
    pub(super) client: Client,
    statements: Mutex<HashMap<&'static str, Statement>>,
    lineage: String,
}

impl Connection {
    pub(super) async fn make(address: &Address, tls: Option<&Tls>) -> Result<Self> {
        let client = match tls {
            None => {
                let (client, connection) = address.config.connect(NoTls).await?;
                drive(connection);
                client
            }
            Some(tls) => {
                let (client, connection) = address.config.connect(tls.clone()).await?;
                drive(connection);
                client
            }
        };
        client.batch_execute(&settings(address)).await?;
        share(&client, address.alone).await?;
        let lineage = lineage(&client).await?;
        Ok(Self { client, statements: Mutex::default(), lineage })
    }

    /// Runs one statement.
    pub(super) async fn rows(&self, sql: &'static str, values: Values<'_>) -> Result<Vec<Row>> {
        let statement = self.prepare(sql).await?;
        Ok(self.client.query(&statement, values).await?)
    }

    /// Runs one statement that gives one row at most.
    pub(super) async fn row(&self, sql: &'static str, values: Values<'_>) -> Result<Option<Row>> {
        Ok(self.rows(sql, values).await?.into_iter().next())
    }

    /// Runs one statement and tells how many rows it changed.
    pub(super) async fn execute(&self, sql: &'static str, values: Values<'_>) -> Result<u64> {
        let statement = self.prepare(sql).await?;
        Ok(self.client.execute(&statement, values).await?)
    }

    /// Sends all of them without waiting in between, in this order; the answers come in the same order.
    pub(super) async fn pipeline<const N: usize>(
        &self,
        steps: [(&'static str, Values<'_>); N],
    ) -> Result<[Vec<Row>; N]> {
        let answers = self.pipeline_all(&steps).await?;
        answers.try_into().map_err(|_| Fault::Unreadable("a pipeline"))
    }

    /// The same for a number of them that is not known beforehand.
    pub(super) async fn pipeline_all(&self, steps: &[(&'static str, Values<'_>)]) -> Result<Vec<Vec<Row>>> {
        let mut prepared = Vec::with_capacity(steps.len());
        // First all of this: one that is prepared late would be sent after those behind it.
        for (sql, _) in steps {
            prepared.push(self.prepare(sql).await?);
        }
        let sent =
            prepared.iter().zip(steps).map(|(statement, (_, values))| self.client.query(statement, values));
        Ok(try_join_all(sent).await?)
    }

    /// Makes sure that it can be sent at once.
    pub(super) async fn prepare(&self, sql: &'static str) -> Result<Statement> {
        let known = self.statements.lock().unwrap_or_else(PoisonError::into_inner).get(sql).cloned();
        if let Some(statement) = known {
            return Ok(statement);
        }
        let statement = self.client.prepare(&sql.replace(LINEAGE, &self.lineage)).await?;
        self.statements.lock().unwrap_or_else(PoisonError::into_inner).insert(sql, statement.clone());
        Ok(statement)
    }
}

/// Connects without more ado, and lets each notification ring.
pub(super) async fn listen(
    address: &Address,
    tls: Option<&Tls>,
    ring: Arc<Notify>,
) -> Result<(Client, JoinHandle<()>)> {
    Ok(match tls {
        None => {
            let (client, connection) = address.config.connect(NoTls).await?;
            (client, hear(connection, ring))
        }
        Some(tls) => {
            let (client, connection) = address.config.connect(tls.clone()).await?;
            (client, hear(connection, ring))
        }
    })
}

fn hear<S, T>(mut connection: tokio_postgres::Connection<S, T>, ring: Arc<Notify>) -> JoinHandle<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if matches!(message, AsyncMessage::Notification(_)) {
                ring.notify_one();
            }
        }
    })
}

/// The driver's half of a connection ends by itself when the client is dropped or the server is gone.
fn drive<S, T>(connection: tokio_postgres::Connection<S, T>)
where
    tokio_postgres::Connection<S, T>:
        Future<Output = std::result::Result<(), tokio_postgres::Error>> + Send + 'static,
{
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(error = %Fault::from(error), "a connection to the database ended");
        }
    });
}

/// The connection of a copy rests while the other side is busy. Servers before 14 do not know it, and let it rest.
const RESTS_LONG: &str =
    "SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'idle_session_timeout'";

/// What every connection is set to. `SET` rather than startup options, which poolers between drop.
fn settings(address: &Address) -> String {
    let timeout = address.statement_timeout.as_millis();
    // A commit that was answered must be durable (docs/revocation.md): never weaker than the server's own default, and
    // never so weak that a crash takes it back.
    format!(
        "SET statement_timeout = {timeout}; SET lock_timeout = {timeout}; \
         SET idle_in_transaction_session_timeout = {}; \
         SELECT set_config('synchronous_commit', 'on', false) \
         WHERE current_setting('synchronous_commit') IN ('off', 'local'); {}",
        timeout * 2,
        if address.alone { RESTS_LONG } else { "" }
    )
}

/// Shares the database with all others, or has it alone, as long as the connection lives. Engines without such locks
/// trust their operators.
async fn share(client: &Client, alone: bool) -> Result<()> {
    let lock = if alone { "pg_try_advisory_lock" } else { "pg_try_advisory_lock_shared" };
    // "clkr", in this schema.
    let taken =
        client.query_one(&format!("SELECT {lock}(1668049778, hashtext(current_schema()))"), &[]).await;
    match taken.map_err(Fault::from) {
        Ok(row) if row.try_get(0)? => Ok(()),
        Ok(_) => Err(Fault::Held),
        Err(fault) if fault.is(&[SqlState::UNDEFINED_FUNCTION, SqlState::FEATURE_NOT_SUPPORTED]) => Ok(()),
        Err(fault) => Err(fault),
    }
}

/// The SQL of the present life: which cluster, which database in it, since when it runs, and, judged anew in each
/// statement, its timeline, which a promotion changes under a living connection. A standby that replays gives an
/// error instead. Engines without these functions have one life.
async fn lineage(client: &Client) -> Result<String> {
    const DATABASE: &str = "(SELECT oid::text FROM pg_database WHERE datname = current_database()) \
         || '/' || extract(epoch FROM pg_postmaster_start_time())::text || '/', \
         left(pg_walfile_name(pg_current_wal_lsn()), 8)";
    let mut found = client
        .query_one(
            &format!("SELECT (SELECT system_identifier::text FROM pg_control_system()) || '/' || {DATABASE}"),
            &[],
        )
        .await
        .map_err(Fault::from);
    if found.as_ref().is_err_and(|fault| fault.is(&[SqlState::INSUFFICIENT_PRIVILEGE])) {
        found = client.query_one(&format!("SELECT {DATABASE}"), &[]).await.map_err(Fault::from);
    }
    let lives = match found {
        Ok(row) => row.try_get::<_, String>(0)?,
        Err(fault) if fault.is(&[SqlState::UNDEFINED_FUNCTION, SqlState::FEATURE_NOT_SUPPORTED]) => {
            return Ok(String::from("'one'"));
        }
        Err(fault) => return Err(fault),
    };
    // It becomes part of statements.
    if !lives.bytes().all(|byte| byte.is_ascii_digit() || b"/.-".contains(&byte)) {
        return Err(Fault::Unreadable("the lineage"));
    }
    Ok(format!("('{lives}' || left(pg_walfile_name(pg_current_wal_lsn()), 8))"))
}
