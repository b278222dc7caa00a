//! Requests that wait for one row of PostgreSQL, and everybody else meanwhile.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;
use tokio_postgres::Client as Other;

use super::common::*;
use super::load::{UNTHROTTLED, until};
use super::postgres::{CONFIG, Schema, block_on};
use super::refresh::client::Client;

/// A server with few connections, on a schema of its own, and another program on the same database.
struct Locks {
    schema: Schema,
    /// What the connections of the server are called.
    application: String,
    _place: Place,
    server: Server,
}

impl Locks {
    fn new() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let schema = Schema::new()?;
        let application = format!("locks_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let place = schema.place();
        place.write("cloakroom.toml", &format!("{CONFIG}{UNTHROTTLED}"));
        let options = format!("pool_size=4&statement_timeout=20000&application_name={application}");
        place.write("store-url", &format!("{}&{options}", schema.url()));
        let server = schema.serve(&place, &["serve", "--migrate"]);
        Some(Self { schema, application, _place: place, server })
    }

    async fn connect(&self) -> Other {
        let (client, connection) =
            tokio_postgres::connect(&self.schema.url(), tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    /// Begins a transaction that holds what this locks.
    async fn lock(&self, sql: &str) -> Other {
        let client = self.connect().await;
        client.batch_execute(&format!("BEGIN; {sql}")).await.unwrap();
        client
    }

    /// How many connections of the server wait for a lock.
    async fn waiting(&self, holder: &Other) -> i64 {
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 \
             AND wait_event_type = 'Lock'";
        // Within a transaction the activity is read once.
        holder.batch_execute("SELECT pg_stat_clear_snapshot()").await.unwrap();
        holder.query_one(waiting, &[&self.application]).await.unwrap().get(0)
    }
}

fn session_of(client: &Client) -> String {
    let found = client.session();
    format!("decode(replace('{found}', '-', ''), 'hex')")
}

#[test]
fn a_crowd_with_one_refresh_token_keeps_no_other_login_waiting() {
    let Some(locks) = Locks::new() else { return };
    let server = &locks.server;
    let (alice, bob) = (Client::log_in(server, "alice"), Client::log_in(server, "bob"));
    let asked = alice.ask();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let lock = format!("SELECT 1 FROM sessions WHERE id = {} FOR UPDATE", session_of(&alice));
    let holder = runtime.block_on(locks.lock(&lock));
    std::thread::scope(|threads| {
        let crowd: Vec<_> = (0..32).map(|_| threads.spawn(|| server.post("/v1/refresh", &asked))).collect();
        until("one of them waits for the row", || runtime.block_on(locks.waiting(&holder)) >= 1);
        for _ in 0..4 {
            let asked = bob.ask();
            let reply = server.post("/v1/refresh", &asked);
            assert_eq!(reply.status, 200, "{reply:?}");
            bob.keep(&asked, &reply);
            // A quarter of the connections.
            assert_eq!(runtime.block_on(locks.waiting(&holder)), 1, "the others wait before the database");
        }
        runtime.block_on(holder.batch_execute("ROLLBACK")).unwrap();
        let replies: Vec<_> = crowd.into_iter().map(|one| one.join().unwrap()).collect();
        for reply in &replies {
            assert_eq!(reply.status, 200, "{reply:?}");
            assert_eq!(reply.body["refresh_token"], replies[0].body["refresh_token"], "one child for all");
        }
    });
}

#[test]
fn a_token_of_a_login_that_is_over_locks_nothing() {
    let Some(locks) = Locks::new() else { return };
    let server = &locks.server;
    let alice = Client::log_in(server, "alice");
    let out = request(
        server.listen,
        "POST",
        "/v1/logout",
        &[("authorization", &format!("Bearer {}", alice.access()))],
        "",
    );
    assert_eq!(out.unwrap().status, 204);
    block_on(async {
        let lock = format!("SELECT 1 FROM sessions WHERE id = {} FOR UPDATE", session_of(&alice));
        let holder = locks.lock(&lock).await;
        let reply = server.post("/v1/refresh", &alice.ask());
        assert_eq!((reply.status, &reply.body["code"]), (401, &json!("invalid_grant")), "{reply:?}");
        assert_eq!(reply.body["reason"], "logout");
        holder.batch_execute("ROLLBACK").await.unwrap();
    });
}

#[test]
fn a_hash_that_is_raised_while_a_password_is_proved_again_is_no_other_password() {
    let Some(locks) = Locks::new() else { return };
    let server = &locks.server;
    server.signup("alice");
    // Bob and Dora have the same password, and so other hashes of it, as a login with new parameters makes one. Carol
    // has another password.
    server.signup("bob");
    server.signup("dora");
    let carol = json!({"email": "carol@example.com", "password": "ninety green umbrellas sleep"});
    assert_eq!(server.post("/v1/signup", &carol).status, 201);
    let proof = json!({"password": PASSWORD});
    let change = json!({"current_password": PASSWORD, "new_password": "forty purple umbrellas dance"});
    for (path, body, of, status) in [
        ("/v1/reauthenticate", &proof, "bob", 200),
        ("/v1/reauthenticate", &proof, "carol", 403),
        ("/v1/password", &change, "carol", 403),
        ("/v1/password", &change, "bob", 200),
    ] {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let holder = runtime.block_on(locks.connect());
        let set = |to: &str| {
            let sql = "UPDATE users SET password_hash = (SELECT password_hash FROM users WHERE email_key = $1) \
                 WHERE email_key = 'alice@example.com'";
            let email = format!("{to}@example.com");
            assert_eq!(runtime.block_on(holder.execute(sql, &[&email])).unwrap(), 1);
        };
        set("dora");
        let token = server.login("alice", "session");
        let lock = "BEGIN; SELECT 1 FROM users WHERE email_key = 'alice@example.com' FOR UPDATE";
        runtime.block_on(holder.batch_execute(lock)).unwrap();
        let text = body.to_string();
        std::thread::scope(|threads| {
            let proving = threads.spawn(|| {
                let headers = [("session-id", token.as_str()), ("content-type", "application/json")];
                request(server.listen, "POST", path, &headers, &text).unwrap()
            });
            until("it waits for the user", || runtime.block_on(locks.waiting(&holder)) >= 1);
            set(of);
            runtime.block_on(holder.batch_execute("COMMIT")).unwrap();
            let reply = proving.join().unwrap();
            assert_eq!(reply.status, status, "{path} {of}: {reply:?}");
        });
    }
}
