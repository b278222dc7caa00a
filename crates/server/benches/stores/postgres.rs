//! A PostgreSQL server, databases on it, and what it tells about itself.

use std::path::PathBuf;

use tokio::runtime::Runtime;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, NoTls, Row};

use crate::throwaway::Throwaway;

const SERVER: &str = "CLOAKROOM_TEST_POSTGRES_URL";

pub struct Postgres {
    /// Ours, if so.
    throwaway: Option<Throwaway>,
    pub url: String,
    runtime: Runtime,
    client: Client,
    /// How often statements are run is told.
    counts_statements: bool,
}

/// One on that server, dropped in the end.
pub struct Database<'s> {
    server: &'s Postgres,
    name: String,
}

/// What a database has done so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Done {
    /// Or, where these are not counted, transactions.
    pub statements: f64,
    pub commits_that_wrote: f64,
}

impl Postgres {
    /// The one that the environment names, else a throwaway; `None`, said loudly, where it is not installed.
    pub fn find() -> Option<Self> {
        if let Ok(url) = std::env::var(SERVER) {
            return Some(Self::at(url));
        }
        let Some(programs) = programs("postgres") else {
            println!("PostgreSQL is left out: install it, or name a server by {SERVER}\n");
            return None;
        };
        let mut throwaway = Throwaway::start(&programs).expect("a server of its own");
        let prepared = Self::at(throwaway.url()).prepare_to_count();
        if prepared {
            throwaway.stop("INT").and_then(|()| throwaway.resume()).expect("it starts again");
        }
        let mut server = Self::at(throwaway.url());
        server.counts_statements = prepared && server.try_tell("CREATE EXTENSION pg_stat_statements");
        server.throwaway = Some(throwaway);
        server.count(false);
        Some(server)
    }

    fn prepare_to_count(self) -> bool {
        let known = "SELECT 1 FROM pg_available_extensions WHERE name = 'pg_stat_statements'";
        let preload = "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'";
        !self.rows(known, &[]).is_empty() && self.try_tell(preload)
    }

    fn at(url: String) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let client = runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(&url, NoTls).await.expect("it answers");
            tokio::spawn(connection);
            client
        });
        let mut server = Self { throwaway: None, url, runtime, client, counts_statements: false };
        server.counts_statements = server.try_tell("SELECT count(*) FROM pg_stat_statements");
        server
    }

    pub fn rows(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Vec<Row> {
        self.runtime.block_on(self.client.query(sql, values)).expect("it answers")
    }

    fn number(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> f64 {
        self.rows(sql, values)[0].get(0)
    }

    pub fn tell(&self, sql: &str) {
        assert!(self.try_tell(sql), "{sql}");
    }

    fn try_tell(&self, sql: &str) -> bool {
        self.runtime.block_on(self.client.batch_execute(sql)).is_ok()
    }

    /// Statements are counted only while nothing is timed: it costs each of them a little. A server of somebody else
    /// stays as it is.
    pub fn count(&self, on: bool) {
        if self.throwaway.is_some() && self.counts_statements {
            let track = if on { "top" } else { "none" };
            self.tell(&format!("ALTER SYSTEM SET pg_stat_statements.track = '{track}'"));
            self.tell("SELECT pg_reload_conf()");
        }
    }

    pub fn counts_statements(&self) -> bool {
        self.counts_statements
    }

    /// An empty database.
    pub fn database(&self, what: &str) -> Database<'_> {
        let name = format!("cloakroom_bench_{}_{what}", std::process::id());
        self.tell(&format!("DROP DATABASE IF EXISTS {name}"));
        self.tell(&format!("CREATE DATABASE {name}"));
        Database { server: self, name }
    }
}

impl Database<'_> {
    pub fn url(&self) -> String {
        let (place, query) = self.server.url.split_once('?').unwrap_or((&self.server.url, ""));
        let place = place.rsplit_once('/').expect("it names a database").0;
        let question = if query.is_empty() { "" } else { "?" };
        format!("{place}/{}{question}{query}", self.name)
    }

    /// How its programs are told where it is.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let config: Config = self.server.url.parse().expect("a URL");
        let host = config.get_hosts().first().map(|host| match host {
            tokio_postgres::config::Host::Tcp(name) => name.clone(),
            tokio_postgres::config::Host::Unix(path) => path.display().to_string(),
        });
        let password = config.get_password().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let variables = [
            ("PGHOST", host),
            ("PGPORT", config.get_ports().first().map(u16::to_string)),
            ("PGUSER", config.get_user().map(str::to_owned)),
            ("PGPASSWORD", password),
            ("PGDATABASE", Some(self.name.clone())),
        ];
        variables.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    pub fn tell(&self, sql: &str) {
        let (url, runtime) = (self.url(), &self.server.runtime);
        runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(&url, NoTls).await.expect("it answers");
            let connection = tokio::spawn(connection);
            client.batch_execute(sql).await.expect("it is done");
            drop(client);
            let _ = connection.await;
        });
    }

    /// The processes that work for it, where they are of this machine.
    pub fn processes(&self) -> Vec<u32> {
        const PIDS: &str = "SELECT pid FROM pg_stat_activity WHERE (datname = $1 OR datname IS NULL) \
             AND pid <> pg_backend_pid()";
        let pids = self.server.rows(PIDS, &[&self.name]);
        let pids = pids.iter().filter_map(|row| u32::try_from(row.get::<_, i32>(0)).ok());
        let is_one = |pid: &u32| {
            let name = std::fs::read_to_string(format!("/proc/{pid}/comm"));
            name.is_ok_and(|name| name.starts_with("postgres"))
        };
        pids.filter(is_one).collect()
    }

    pub fn connections(&self) -> f64 {
        const OPEN: &str = "SELECT count(*)::float8 FROM pg_stat_activity WHERE datname = $1";
        self.server.number(OPEN, &[&self.name])
    }

    pub fn done(&self) -> Done {
        const STATEMENTS: &str = "SELECT coalesce(sum(s.calls), 0)::float8 FROM pg_stat_statements s, pg_database d \
             WHERE s.dbid = d.oid AND d.datname = $1";
        const TRANSACTIONS: &str =
            "SELECT (xact_commit + xact_rollback)::float8 FROM pg_stat_database WHERE datname = $1";
        // Whoever writes gets a number, and nobody else; of the whole server.
        const WRITES: &str = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::float8";
        let statements = if self.server.counts_statements { STATEMENTS } else { TRANSACTIONS };
        Done {
            statements: self.server.number(statements, &[&self.name]),
            commits_that_wrote: self.server.number(WRITES, &[]),
        }
    }

    pub fn server(&self) -> &Postgres {
        self.server
    }
}

impl Drop for Database<'_> {
    fn drop(&mut self) {
        self.server.try_tell(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

/// The folder with this program of PostgreSQL, on the path or where Debian has it.
pub fn programs(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = std::env::split_paths(&path).collect();
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        folders.extend(versions.flatten().map(|version| version.path().join("bin")));
    }
    // Debian's /usr/bin has wrappers that are called so.
    let real =
        |folder: &PathBuf| folder.join(program).canonicalize().ok().filter(|file| file.ends_with(program));
    Some(folders.iter().find_map(real)?.parent()?.to_owned())
}
