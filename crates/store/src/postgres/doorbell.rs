//! Servers of one database tell each other that there is something in the feed, so that nobody has to look as often.
//!
//! It is sent after the commit, in a transaction of its own: one that held the head as well would make all wait for the
//! queue of notifications. It says nothing but "look", may come for nothing, late or never, and what nobody heard is
//! found by who looks all the same.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::connect;
use super::fault::{Fault, Result};
use super::pool::Pool;

/// What is told within this time is told once.
const BREATH: Duration = Duration::from_millis(2);
/// How long to wait before the database is asked again for a connection to listen on.
const PAUSE: Duration = Duration::from_secs(1);

/// Whatever shares the schema shares the bell; that of another one with the same number rings for nothing.
const RING: &str = "SELECT pg_notify('cloakroom_' || to_hex(hashtext(current_schema())), '')";
const NAME: &str = "SELECT 'cloakroom_' || to_hex(hashtext(current_schema()))";

/// See the module.
pub(super) struct Doorbell {
    pool: Arc<Pool>,
    rung: Arc<Notify>,
    listening: OnceLock<()>,
    tasks: Mutex<Vec<AbortHandle>>,
}

impl Doorbell {
    /// Rings for what is committed through this pool, until it is dropped.
    pub(super) fn start(pool: Arc<Pool>) -> Self {
        let ringing = tokio::spawn(ring(Arc::clone(&pool))).abort_handle();
        Self { pool, rung: Arc::default(), listening: OnceLock::new(), tasks: Mutex::new(vec![ringing]) }
    }

    /// Resolves once it was rung since the last time. Who never asks needs no connection to listen on.
    pub(super) async fn rung(&self) {
        self.listening.get_or_init(|| {
            let listening = tokio::spawn(listen(Arc::clone(&self.pool), Arc::clone(&self.rung)));
            self.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(listening.abort_handle());
        });
        self.rung.notified().await;
    }
}

impl Drop for Doorbell {
    fn drop(&mut self) {
        let tasks = self.tasks.get_mut().unwrap_or_else(PoisonError::into_inner);
        tasks.iter().for_each(AbortHandle::abort);
    }
}

async fn ring(pool: Arc<Pool>) {
    loop {
        pool.told.notified().await;
        if let Err(fault) = ring_once(&pool).await {
            tracing::debug!(error = %fault, "the other servers could not be told to look");
        }
        sleep(BREATH).await;
    }
}

async fn ring_once(pool: &Arc<Pool>) -> Result<()> {
    pool.in_time(async {
        let lent = pool.lend().await?;
        lent.work(lent.rows(RING, &[])).await.map(drop)
    })
    .await
}

async fn listen(pool: Arc<Pool>, rung: Arc<Notify>) {
    loop {
        if let Err(fault) = listen_once(&pool, &rung).await {
            tracing::debug!(error = %fault, "nobody can be heard who tells to look: it is looked all the same");
        }
        sleep(PAUSE).await;
    }
}

async fn listen_once(pool: &Arc<Pool>, rung: &Arc<Notify>) -> Result<()> {
    let begin = async {
        let (client, hearing) = connect::listen(&pool.address, pool.tls.as_ref(), Arc::clone(rung)).await?;
        let name: String = client.query_one(NAME, &[]).await?.try_get(0)?;
        client.batch_execute(&format!("LISTEN \"{name}\"")).await?;
        Ok::<_, Fault>((client, hearing))
    };
    let (_client, hearing) = pool.in_time(begin).await?;
    // For what was told before.
    rung.notify_one();
    let _ = hearing.await;
    Ok(())
}
