//! A database for each test, on the server that `cargo xtask test` started or the environment names.
#![expect(unreachable_pub, reason = "each test binary uses its own part")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use cloakroom_auth::store::Store;
use cloakroom_store::{OpenError, Purpose};
use tokio_postgres::{Client, NoTls};

use super::common::{now, skip};

const SERVER: &str = "CLOAKROOM_TEST_POSTGRES_URL";

/// A database that is dropped with the test.
pub struct Database {
    server: String,
    name: String,
}

impl Database {
    /// An empty one; `None`, said loudly, where there is no server.
    pub async fn new() -> Option<Self> {
        let Ok(server) = std::env::var(SERVER) else {
            skip::skip(
                "PostgreSQL",
                &format!("use `cargo xtask test`, or name a server: {SERVER}=postgres://..."),
            );
            return None;
        };
        Some(Self::on(server).await)
    }

    /// An empty one on this server.
    pub async fn on(server: String) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("cloakroom_test_{}_{number}", std::process::id());
        let made = Self { server, name };
        // A run before this one, with the same process id, may have been killed.
        made.admin()
            .await
            .batch_execute(&format!("DROP DATABASE IF EXISTS {0}", made.name))
            .await
            .expect("it goes");
        made.admin()
            .await
            .batch_execute(&format!("CREATE DATABASE {0}", made.name))
            .await
            .expect("it is made");
        made
    }

    /// Its URL, with more options.
    pub fn url_with(&self, options: &str) -> String {
        let (server, query) = self.server.split_once('?').unwrap_or((&self.server, ""));
        let base = server.rsplit_once('/').expect("it names a database").0;
        let options =
            [query, options].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("&");
        let question = if options.is_empty() { "" } else { "?" };
        format!("{base}/{}{question}{options}", self.name)
    }

    pub fn url(&self) -> String {
        self.url_with("")
    }

    pub async fn migrate(&self) -> Vec<String> {
        cloakroom_store::migrate(&self.url(), false, now()).await.expect("it can be migrated")
    }

    pub async fn try_open(&self) -> Result<Arc<dyn Store>, OpenError> {
        cloakroom_store::open(&self.url(), Purpose::Serve, now()).await
    }

    pub async fn open(&self) -> Arc<dyn Store> {
        self.migrate().await;
        self.try_open().await.expect("a migrated database opens")
    }

    /// A connection of the test's own.
    pub async fn connect(&self) -> Client {
        connect(&self.url()).await
    }

    async fn admin(&self) -> Client {
        connect(&self.server).await
    }

    /// Takes it away: on a server of somebody else nothing may stay.
    pub async fn drop(self) {
        let drop = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        self.admin().await.batch_execute(&drop).await.expect("it goes");
    }
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("the server answers");
    tokio::spawn(connection);
    client
}
