//! The same binary on PostgreSQL: commands beside servers, and any number of servers on one database.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::json;

use super::common::skip::skip;
use super::common::*;
use super::load::{now, refused_within_the_bound, until};

const SERVER: &str = "CLOAKROOM_TEST_POSTGRES_URL";
pub const CONFIG: &str = "public_url = \"https://auth.example.com\"\n[signup]\nopen = true\n";

pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().expect("a runtime").block_on(work)
}

pub async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// A schema of its own on the server that the environment names; dropped with the test.
pub struct Schema {
    server: String,
    pub name: String,
}

impl Schema {
    pub fn new() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let Ok(server) = std::env::var(SERVER) else {
            skip("PostgreSQL", &format!("use `cargo xtask test`, or name a server: {SERVER}=postgres://..."));
            return None;
        };
        let name =
            format!("cloakroom_binary_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let schema = Self { server, name };
        schema.execute(&format!("DROP SCHEMA IF EXISTS {0} CASCADE; CREATE SCHEMA {0}", schema.name));
        Some(schema)
    }

    pub fn url(&self) -> String {
        let separator = if self.server.contains('?') { '&' } else { '?' };
        format!("{}{separator}options=-csearch_path%3D{}", self.server, self.name)
    }

    pub fn execute(&self, sql: &str) {
        block_on(async {
            let (client, connection) =
                tokio_postgres::connect(&self.server, tokio_postgres::NoTls).await.expect("it answers");
            let connection = tokio::spawn(connection);
            client.batch_execute(sql).await.expect("it is done");
            drop(client);
            let _ = connection.await;
        });
    }

    /// What the test's own triggers have written down.
    fn steps(&self) -> Vec<String> {
        self.query("SELECT what FROM steps ORDER BY n").iter().map(|row| row.get(0)).collect()
    }

    /// What this asks for, which is one number.
    pub fn number(&self, sql: &str) -> i64 {
        self.query(sql)[0].get(0)
    }

    fn query(&self, sql: &str) -> Vec<tokio_postgres::Row> {
        block_on(async { connect(&self.url()).await.query(sql, &[]).await.expect("it is read") })
    }

    /// A folder with keys, whose commands use this database.
    pub fn place(&self) -> Place {
        let place = Place::new();
        place.write("store-url", &self.url());
        place.write("cloakroom.toml", CONFIG);
        assert_eq!(self.run(&place, &["key", "generate"]).code, 0);
        place
    }

    pub fn command(place: &Place, arguments: &[&str]) -> std::process::Command {
        let mut command = place.command(arguments);
        command.env("CLOAKROOM__STORE__URL_FILE", place.file("store-url"));
        command
    }

    fn run(&self, place: &Place, arguments: &[&str]) -> Ran {
        Ran::of(Self::command(place, arguments).output().expect("it runs"))
    }

    pub fn serve(&self, place: &Place, arguments: &[&str]) -> Server {
        Server::start(Self::command(place, arguments))
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        self.execute(&format!("DROP SCHEMA {} CASCADE", self.name));
    }
}

#[test]
fn it_is_migrated_by_a_command_that_can_tell_before() {
    let Some(schema) = Schema::new() else { return };
    let place = schema.place();
    schema.run(&place, &["serve"]).fails(4, "not migrated");
    let names = |arguments: &[&str]| {
        let ran = schema.run(&place, arguments).json();
        ran.as_array().unwrap().iter().map(|one| one["applied"].as_bool().unwrap()).collect::<Vec<_>>()
    };
    let pending = names(&["migrate", "--dry-run", "--output", "json"]);
    assert!(pending.len() >= 4 && pending.iter().all(|applied| !applied), "{pending:?}");
    assert_eq!(names(&["migrate", "--output", "json"]), vec![true; pending.len()]);
    assert_eq!(names(&["migrate", "--output", "json"]), [true; 0]);
}

#[test]
fn after_an_import_it_knows_how_many_accounts_there_are() {
    let Some(schema) = Schema::new() else { return };
    let place = schema.place();
    assert_eq!(schema.run(&place, &["migrate"]).code, 0);
    let lines: Vec<_> = (0..100).map(|n| format!(r#"{{"email":"user{n}@example.com"}}"#)).collect();
    place.write("users.jsonl", &lines.join("\n"));
    let known = |arguments: &[&str]| {
        assert_eq!(schema.run(&place, &[&["user", "import", "users.jsonl"], arguments].concat()).code, 0);
        block_on(async {
            let client = connect(&schema.url()).await;
            let known = "SELECT reltuples::bigint FROM pg_class WHERE oid = 'users'::regclass";
            client.query_one(known, &[]).await.unwrap().get::<_, i64>(0)
        })
    };
    assert!(known(&["--dry-run"]) < 1);
    assert_eq!(known(&[]), 100);
}

#[test]
fn its_password_is_in_no_output() {
    let Some(schema) = Schema::new() else { return };
    let place = schema.place();
    let url = schema.url();
    let password = url.split("//").nth(1).unwrap().split('@').next().unwrap().split(':').nth(1).unwrap();
    for arguments in
        [&["config", "check"][..], &["serve"], &["migrate"], &["user", "show", "nobody@example.com"]]
    {
        let ran = schema.run(&place, arguments);
        assert!(!ran.stdout.contains(password) && !ran.stderr.contains(password), "{arguments:?}: {ran:?}");
    }
    // Nor where it cannot be reached.
    place.write("store-url", "postgres://alice:hunter2hunter2@127.0.0.1:1/x");
    let ran = schema.run(&place, &["migrate"]);
    ran.fails(5, "the database x at 127.0.0.1");
    assert!(!ran.stderr.contains("hunter2hunter2"), "{ran:?}");
}

#[test]
fn two_servers_and_a_command_share_users_sessions_and_revocations() {
    let Some(schema) = Schema::new() else { return };
    let place = schema.place();
    let one = schema.serve(&place, &["serve", "--migrate"]);
    let two = schema.serve(&place, &["serve"]);
    one.signup("alice");
    for strategy in ["session", "hybrid", "jwt"] {
        let token = two.login("alice", strategy);
        assert_eq!((one.me(&token), two.me(&token)), (200, 200), "{strategy}");
        let out = request(
            one.listen,
            "POST",
            "/v1/logout",
            &[("authorization", &format!("Bearer {token}")), ("content-type", "application/json")],
            "{}",
        );
        assert!(out.unwrap().status < 300);
        assert_eq!(one.me(&token), 401, "{strategy}: at once where it was ended");
        refused_within_the_bound(&[two.listen], &[token]);
    }
    let token = one.login("alice", "hybrid");
    let disabled = schema.run(&place, &["user", "disable", "alice@example.com", "--output", "json"]).json();
    assert_eq!(disabled["status"], "disabled");
    refused_within_the_bound(&[one.listen, two.listen], &[token]);
    let refused = two.post("/v1/login", &json!({"email": "alice@example.com", "password": PASSWORD}));
    assert!(refused.status >= 400, "{refused:?}");
}

#[test]
fn a_server_that_ends_writes_its_uses_before_it_says_that_it_has_left() {
    let Some(schema) = Schema::new() else { return };
    let place = schema.place();
    let mut command = Schema::command(&place, &["serve", "--migrate"]);
    command.env("CLOAKROOM__SESSION__IDLE_TIMEOUT", "1m");
    let mut server = Server::start(command);
    server.signup("alice");
    schema.execute(&format!(
        "SET search_path = {}; CREATE TABLE steps (n bigserial, what text); \
         CREATE FUNCTION step() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN INSERT INTO steps (what) VALUES (TG_ARGV[0]); RETURN NULL; END $$; \
         CREATE TRIGGER used AFTER UPDATE ON sessions FOR EACH ROW EXECUTE FUNCTION step('used'); \
         CREATE TRIGGER gone AFTER UPDATE ON feed_nodes FOR EACH ROW WHEN (NEW.left_at IS NOT NULL) \
         EXECUTE FUNCTION step('left')",
        schema.name
    ));
    let token = server.login("alice", "session");
    assert_eq!(server.me(&token), 200);
    until("its first use is written", || schema.steps() == ["used"]);
    // The next is told a hundredth of the idle timeout after that, and due a quarter of it after that.
    let first = now();
    until("it was used again", || {
        server.me(&token);
        first.elapsed() > Duration::from_millis(700)
    });
    server.terminate();
    assert!(server.child.wait().unwrap().success());
    assert_eq!(schema.steps(), ["used", "used", "left"]);
}

#[test]
fn a_backup_that_was_put_back_ends_every_login() {
    let Some(schema) = Schema::new() else { return };
    let place = schema.place();
    let mut server = schema.serve(&place, &["serve", "--migrate"]);
    server.signup("alice");
    let tokens = ["session", "hybrid", "jwt"].map(|strategy| server.login("alice", strategy));
    schema.run(&place, &["migrate", "--restored"]).fails(4, "held by another running server");
    server.kill();
    // The database notices a little later that the server is gone.
    until("it is held by nobody", || {
        let ran = schema.run(&place, &["migrate", "--restored"]);
        assert!(ran.code == 0 || ran.stderr.contains("held by another"), "{ran:?}");
        ran.code == 0
    });
    let server = schema.serve(&place, &["serve"]);
    for token in &tokens {
        assert_eq!(server.me(token), 401);
    }
    assert_eq!(server.me(&server.login("alice", "session")), 200);
}
