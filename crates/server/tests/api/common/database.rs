use std::path::Path;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio_postgres::{NoTls, SimpleQueryMessage};

use super::skip;

const SERVER: &str = "CLOAKROOM_TEST_POSTGRES_URL";

/// What a deployment rests on: a file for one server, a schema of its own on PostgreSQL for several.
pub enum Database {
    File(String),
    Schema { server: String, name: String },
}

impl Database {
    /// An empty one. Without PostgreSQL, said loudly, several servers share the open file within this process.
    pub fn new(place: &Path) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        static SAID: Once = Once::new();
        let file = Self::File(place.join("test.db").to_str().expect("a plain path").to_owned());
        if crate::REPLICAS == 1 {
            return file;
        }
        let Ok(server) = std::env::var(SERVER) else {
            SAID.call_once(|| {
                let how = format!("use `cargo xtask test`, or name a server: {SERVER}=postgres://...");
                skip::skip("replicas on PostgreSQL (they share SQLite within one process instead)", &how);
            });
            return file;
        };
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("cloakroom_replicas_{}_{number}", std::process::id());
        execute(&server, &format!("DROP SCHEMA IF EXISTS {name} CASCADE; CREATE SCHEMA {name}"));
        Self::Schema { server, name }
    }

    pub fn url(&self) -> String {
        match self {
            Self::File(path) => format!("sqlite:{path}"),
            Self::Schema { server, name } => {
                let separator = if server.contains('?') { '&' } else { '?' };
                format!(
                    "{server}{separator}application_name={name}&options=-csearch_path%3D{name}%20-csynchronous_commit%3Doff"
                )
            }
        }
    }

    /// Changes it behind the servers' backs.
    pub fn sql(&self, statement: &str) {
        match self {
            Self::File(path) => {
                let connection = rusqlite::Connection::open(path).expect("it opens");
                connection.execute_batch(statement).expect("it is changed");
            }
            Self::Schema { .. } => drop(execute(&self.url(), statement)),
        }
    }

    /// Every column of every row of a table, as the database holds them.
    pub fn rows(&self, table: &str) -> Vec<String> {
        match self {
            Self::File(path) => {
                let connection = rusqlite::Connection::open(path).expect("it opens");
                let mut select =
                    connection.prepare(&format!("SELECT * FROM {table} ORDER BY id")).expect("a table");
                let columns = select.column_count();
                let values = |row: &rusqlite::Row<'_>| {
                    (0..columns)
                        .map(|column| row.get::<_, rusqlite::types::Value>(column))
                        .collect::<Result<Vec<_>, _>>()
                };
                let rows = select.query_map([], values).expect("it is read");
                rows.map(|row| format!("{:?}", row.expect("it is read"))).collect()
            }
            Self::Schema { .. } => {
                execute(&self.url(), &format!("SELECT one::text FROM {table} one ORDER BY id"))
            }
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Self::Schema { server, name } = self {
            // What the servers left in the middle of a step would hold its tables.
            let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name =";
            execute(server, &format!("{end} '{name}'; DROP SCHEMA {name} CASCADE"));
        }
    }
}

/// The first columns of what comes back. On a thread of its own, since tests are asynchronous; nothing waits for long.
fn execute(url: &str, sql: &str) -> Vec<String> {
    let work = async {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("it answers");
        let connection = tokio::spawn(connection);
        let told = client.simple_query(&format!("SET lock_timeout = '5s'; {sql}")).await.expect("it is done");
        drop(client);
        let _ = connection.await;
        told
    };
    let told = std::thread::scope(|scope| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        scope.spawn(move || runtime.block_on(work)).join().expect("it is done")
    });
    let first = |message: &SimpleQueryMessage| {
        let SimpleQueryMessage::Row(row) = message else { return None };
        Some(row.get(0).unwrap_or_default().to_owned())
    };
    told.iter().filter_map(first).collect()
}
