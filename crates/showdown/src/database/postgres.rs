//! PostgreSQL: a database of its own for each contender, and what the server counts for it.

use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, NoTls};

use super::throwaway::Throwaway;
use super::{Counted, find_program};
use crate::kernel;
use crate::target::is_loopback_host;

/// A server.
pub(crate) struct Postgres {
    url: String,
    admin: Client,
    /// What the version says.
    pub(crate) version: String,
    /// Connections that it allows.
    pub(crate) room: u32,
    postmaster: Option<u32>,
    /// Whether queries can be counted.
    statements: bool,
    made: AtomicU32,
    /// One of our own may be stopped.
    own: Option<Throwaway>,
}

/// A database for one contender.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    pub(crate) name: String,
    /// With its password.
    pub(crate) url: String,
}

impl Postgres {
    /// The given one, which stays as it was, or one of our own.
    pub(crate) async fn open(given: Option<&str>) -> Result<Self, String> {
        match given {
            Some(url) => Self::reach(url, None).await,
            None => {
                let programs = find_program("postgres")
                    .and_then(|program| Some(program.canonicalize().ok()?.parent()?.to_owned()))
                    .filter(|folder| folder.join("initdb").is_file())
                    .ok_or(
                        "no `postgres` was found: install postgresql, or name a server with --postgres-url",
                    )?;
                let start = move || Throwaway::start(&programs);
                let own = blocking(start).await?;
                let url = own.url();
                Self::reach(&url, Some(own)).await?.with_counting().await
            }
        }
    }

    /// Makes an empty database.
    pub(crate) async fn database(&self) -> Result<Database, String> {
        let n = self.made.fetch_add(1, Ordering::Relaxed);
        let name = format!("cloakroom_showdown_{}_{n}", std::process::id());
        self.admin.batch_execute(&format!("CREATE DATABASE {name}")).await.map_err(told)?;
        Ok(Database { url: with_database(&self.url, &name), name })
    }

    /// What it has counted for a database until now.
    pub(crate) async fn counted(&self, database: &Database) -> Counted {
        let backends = "SELECT pid FROM pg_stat_activity WHERE datname = $1";
        let backends: Vec<u32> = match self.admin.query(backends, &[&database.name]).await {
            Ok(rows) => rows.iter().filter_map(|row| u32::try_from(row.get::<_, i32>(0)).ok()).collect(),
            Err(_) => return Counted::default(),
        };
        // Those of this database alone: others rest, but not without any work. One that was closed in between has been
        // reaped by the postmaster, with all that it ever used.
        let cpu = self.postmaster.and_then(|pid| {
            Some(kernel::cpu(&backends).unwrap_or_default().plus(kernel::cpu_with_the_dead(pid)?))
        });
        let queries = if self.statements {
            let sum = "SELECT coalesce(sum(s.calls), 0)::bigint FROM pg_stat_statements s \
                       JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = $1";
            let row = self.admin.query_one(sum, &[&database.name]).await.ok();
            row.and_then(|row| u64::try_from(row.get::<_, i64>(0)).ok())
        } else {
            None
        };
        Counted { cpu, queries, connections: u32::try_from(backends.len()).ok() }
    }

    /// Whether it may be stopped: only one that was started here.
    pub(crate) const fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// Writes what is unwritten, so that stopping it takes no time.
    pub(crate) async fn settle(&self) {
        let _ = self.admin.batch_execute("CHECKPOINT").await;
    }

    /// Stops it, as an operator would who does not wait.
    pub(crate) async fn stop(&mut self) -> Result<(), String> {
        let Some(mut own) = self.own.take() else { return Err(String::from("it is not ours to stop")) };
        let stopped = blocking(move || own.stop("INT").map(|()| own)).await?;
        self.own = Some(stopped);
        Ok(())
    }

    /// Starts it again.
    pub(crate) async fn resume(&mut self) -> Result<(), String> {
        let Some(mut own) = self.own.take() else { return Err(String::from("it is not ours to start")) };
        let own = blocking(move || own.resume().map(|()| own)).await?;
        let made = self.made.load(Ordering::Relaxed);
        *self = Self { made: AtomicU32::new(made), ..Self::reach(&self.url.clone(), Some(own)).await? };
        Ok(())
    }

    /// Drops the databases that were made in a server that lives on.
    pub(crate) async fn close(self) {
        if self.is_own() {
            let _ = tokio::task::spawn_blocking(move || drop(self)).await;
            return;
        }
        for n in 0..self.made.load(Ordering::Relaxed) {
            let name = format!("cloakroom_showdown_{}_{n}", std::process::id());
            let _ = self.admin.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
        }
    }

    async fn reach(url: &str, own: Option<Throwaway>) -> Result<Self, String> {
        let config = parse(url)?;
        let (admin, connection) = config.connect(NoTls).await.map_err(told)?;
        tokio::spawn(connection);
        let row = admin.query_one(
            "SELECT current_setting('server_version'), pg_backend_pid(), \
             current_setting('max_connections')::int",
            &[],
        );
        let row = row.await.map_err(told)?;
        let version: String = row.get(0);
        let room = u32::try_from(row.get::<_, i32>(2)).unwrap_or_default();
        let backend = u32::try_from(row.get::<_, i32>(1)).ok();
        // Behind a pooler or in a container the number is somebody else's.
        let postmaster = backend
            .filter(|pid| kernel::name(*pid).is_some_and(|name| name.starts_with("postgres")))
            .and_then(kernel::parent);
        // The counters are the server's; the view of them may be there without the library that counts.
        let statements = admin.query("SELECT 1 FROM pg_stat_statements LIMIT 1", &[]).await.is_ok();
        let version = version.split(' ').next().unwrap_or_default().to_owned();
        Ok(Self {
            url: url.to_owned(),
            admin,
            version,
            room,
            postmaster,
            statements,
            made: AtomicU32::new(0),
            own,
        })
    }

    /// One of our own counts queries, where its installation can.
    async fn with_counting(mut self) -> Result<Self, String> {
        let known = "SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_stat_statements'";
        let row = self.admin.query_one(known, &[]).await.map_err(told)?;
        if row.get::<_, i64>(0) == 1 {
            let preload = "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'";
            self.admin.batch_execute(preload).await.map_err(told)?;
            self.stop().await?;
            self.resume().await?;
            self.admin.batch_execute("CREATE EXTENSION pg_stat_statements").await.map_err(told)?;
            self.statements = true;
        }
        Ok(self)
    }
}

/// A server on this machine, or why it is none.
pub(crate) fn parse(url: &str) -> Result<Config, String> {
    let config = Config::from_str(url).map_err(|_| "the URL of the database is none of PostgreSQL's")?;
    let is_here = |host: &Host| match host {
        Host::Tcp(host) => is_loopback_host(host),
        Host::Unix(_) => true,
    };
    // An address of its own may stand beside the name of a host.
    let addresses_are_here =
        config.get_hostaddrs().iter().all(|address| address.to_canonical().is_loopback());
    if config.get_hosts().is_empty() || !config.get_hosts().iter().all(is_here) || !addresses_are_here {
        return Err(String::from(
            "this PostgreSQL is refused: only one on this machine's loopback is put under load",
        ));
    }
    Ok(config)
}

/// The same URL for another database.
fn with_database(url: &str, name: &str) -> String {
    let (rest, query) = match url.split_once('?') {
        Some((rest, query)) => (rest, format!("?{query}")),
        None => (url, String::new()),
    };
    let start = rest.find("://").map_or(0, |at| at + 3);
    let end = rest[start..].rfind('/').map_or(rest.len(), |at| start + at);
    format!("{}/{name}{query}", &rest[..end])
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, String> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

/// The driver's own words are "db error": the server's are behind them. Neither holds the password.
fn told(error: tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), |error| error.message().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_database_of_the_same_server() {
        for (url, expected) in [
            ("postgres://a:b@127.0.0.1:5/postgres", "postgres://a:b@127.0.0.1:5/x"),
            ("postgres://a@127.0.0.1", "postgres://a@127.0.0.1/x"),
            ("postgresql://127.0.0.1/a?sslmode=disable", "postgresql://127.0.0.1/x?sslmode=disable"),
        ] {
            assert_eq!(with_database(url, "x"), expected);
        }
    }

    #[test]
    fn a_server_elsewhere_is_not_put_under_load() {
        for url in [
            "postgres://a:b@192.0.2.1/x",
            "postgres://a:b@127.0.0.1,192.0.2.1/x",
            "host=db.example.com",
            "postgres://a:b@localhost/x?hostaddr=192.0.2.1",
        ] {
            let told = parse(url).unwrap_err();
            assert!(told.contains("loopback") && !told.contains("a:b"), "{url}: {told}");
        }
        assert!(parse("mysql://a:b@127.0.0.1/x").unwrap_err().contains("none of PostgreSQL's"));
        assert!(parse("postgres://a:b@127.0.0.1:5433/x").is_ok());
    }
}
