//! The same UPDATE as a refresh's, one a transaction, by the program that PostgreSQL is measured with.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::common::{PASSWORD, Place, Server};
use crate::postgres::{self, Database, Postgres};
use crate::support::cloakroom;

/// Rows of each client, which nobody else writes: so it is with refreshes.
const ROWS: usize = 30;

/// What `postgres/rotate.rs` does for a refresh; only who lives in the database is not judged.
const UPDATE: &str = r"\set n random(0, 29)
UPDATE sessions s SET generation = s.generation + 1,
 spent = substring('\x01000000000000000000000000000000000000000000000000000000000000000000000000000000ff'::bytea || s.spent FOR 164),
 keyed = s.keyed OR true, last_used_at = greatest(s.last_used_at, 1), written_epoch = h.head >> 32
 FROM feed_head h, users u WHERE s.id = decode(lpad(to_hex(:client_id * 30 + :n), 32, '0'), 'hex')
 AND u.id = s.user_id AND u.status = 'active' AND s.strategy = 'hybrid' AND s.generation < 4294967295
 AND s.revoked_rv IS NULL AND s.expires_at > 1 AND s.last_used_at + s.idle_timeout > 1
 AND s.rv >= greatest(u.min_rv, h.floor) AND s.jkt IS NULL RETURNING s.*, u.*, h.head, h.floor;
";

pub struct Floor<'s> {
    program: PathBuf,
    place: Place,
    database: Database<'s>,
}

impl<'s> Floor<'s> {
    pub const CLIENTS: usize = 32;

    /// Tables with logins as Cloakroom makes them, without it; `None`, said loudly, where there is no such program.
    pub fn on(server: &'s Postgres) -> Option<Self> {
        let Some(folder) = postgres::programs("pgbench") else {
            println!("pgbench is left out: install it with PostgreSQL\n");
            return None;
        };
        let (place, database) = (Place::new(), server.database("pgbench"));
        let mut command = cloakroom(&place, &[]);
        command.env("CLOAKROOM__STORE__URL", database.url());
        let cloakroom = Server::start(command);
        cloakroom.signup("alice");
        let login =
            serde_json::json!({"email": "alice@example.com", "password": PASSWORD, "strategy": "hybrid"});
        assert_eq!(cloakroom.post("/v1/login", &login).status, 200);
        drop(cloakroom);
        database.tell(&copies());
        database.tell("VACUUM ANALYZE sessions");
        place.write("refresh.sql", UPDATE);
        Some(Self { program: folder.join("pgbench"), place, database })
    }

    /// How many a second.
    pub fn run(&self, during: Duration) -> f64 {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).to_string();
        // On a busy machine it takes a second until all its clients are connected.
        let (clients, seconds) = (Self::CLIENTS.to_string(), during.as_secs().max(3).to_string());
        let mut command = Command::new(&self.program);
        command.args(["-n", "-M", "prepared", "-c", &clients, "-j", &threads, "-T", &seconds]);
        command.args(["-f", "refresh.sql"]).current_dir(self.place.path()).envs(self.database.variables());
        let output = command.output().expect("it runs");
        let told = String::from_utf8_lossy(&output.stdout);
        let rate = told.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
        rate.unwrap_or_else(|| panic!("{told}{}", String::from_utf8_lossy(&output.stderr)))
    }
}

/// The one login again and again, with ids that can be counted.
fn copies() -> String {
    let rows = Floor::CLIENTS * ROWS;
    format!(
        "CREATE TEMPORARY TABLE one AS SELECT * FROM sessions; DELETE FROM sessions; \
         DO $$ BEGIN FOR n IN 0 .. {rows} - 1 LOOP \
         UPDATE one SET id = decode(lpad(to_hex(n), 32, '0'), 'hex'); INSERT INTO sessions SELECT * FROM one; \
         END LOOP; END $$"
    )
}
