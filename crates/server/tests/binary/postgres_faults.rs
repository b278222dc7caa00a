//! A PostgreSQL that dies, stands still or has no connection to give, under a server that works: 503 and not 401, never
//! long, and all is well again by itself.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;

use super::common::skip::skip;
use super::common::*;
use super::load::{UNTHROTTLED, User, now, until, while_working};
use super::postgres::{CONFIG, Schema, block_on, connect};
use super::throwaway::Throwaway;

/// Nobody waits longer than the three of them allow for; the usual ones are several times that.
const PATIENCE: &str = "connect_timeout=1&pool_timeout=500&statement_timeout=1000";
/// What these may come to, twice over, on a machine that is busy.
const LONGEST: usize = 10_000;

/// A database server of the test's own, a server on it and users; `None`, said loudly, where it is not installed.
pub struct Deployment {
    pub postgres: Throwaway,
    _place: Place,
    pub server: Server,
    pub users: Vec<User>,
}

impl Deployment {
    /// `patience`: options of the URL.
    fn start(patience: &str) -> Option<Self> {
        Self::start_with(patience, &[])
    }

    /// The same with settings, as variables of the server.
    pub fn start_with(patience: &str, settings: &[(&str, &str)]) -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
        if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
            folders.extend(versions.flatten().map(|version| version.path().join("bin")));
        }
        let found = folders.iter().map(|folder| folder.join("postgres")).find(|file| file.is_file());
        let Some(program) = found else {
            skip("faults of PostgreSQL", "apt-get install postgresql");
            return None;
        };
        let postgres = Throwaway::start(program.canonicalize().unwrap().parent().unwrap()).unwrap();
        // Not as the superuser, whom no limit of connections holds back.
        block_on(async {
            let admin = connect(&postgres.url()).await;
            admin.batch_execute("CREATE ROLE app LOGIN PASSWORD 'app'").await.unwrap();
            admin.batch_execute("CREATE DATABASE app OWNER app").await.unwrap();
        });
        let place = Place::new();
        let address = postgres.url().split('@').nth(1).unwrap().replace("/postgres", "/app");
        place.write("store-url", &format!("postgres://app:app@{address}?{patience}"));
        place.write("cloakroom.toml", &format!("{CONFIG}{UNTHROTTLED}"));
        assert_eq!(Ran::of(Schema::command(&place, &["key", "generate"]).output().unwrap()).code, 0);
        let mut serve = Schema::command(&place, &["serve", "--migrate"]);
        serve.envs(settings.iter().copied());
        let server = Server::start(serve);
        let users = User::some(&server, 4);
        Some(Self { postgres, _place: place, server, users })
    }

    /// Tells the database something that it answers with a number, or with nothing.
    fn tell(&self, sql: &str) -> Vec<i64> {
        let url = self.postgres.url();
        block_on(async {
            let rows = connect(&url).await.query(sql, &[]).await.unwrap();
            rows.iter().map(|row| row.get(0)).collect()
        })
    }

    fn kill_backends(&self) {
        self.tell("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'app'");
    }

    /// Lets it stand still: it takes connections, and answers nobody.
    pub fn freeze(&self) -> [Frozen; 2] {
        // The one that takes connections first, or others would come: whoever begins one is its child.
        let first = "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::bigint";
        let first = Frozen::at_once(self.tell(first));
        let all = Frozen::at_once(first.0.iter().flat_map(|parent| children(*parent)).collect());
        [first, all]
    }

    pub fn health(&self) -> (u16, u16) {
        health(&self.server)
    }

    /// It stands by everything that it acknowledged.
    pub fn agree(&self) {
        self.users.iter().for_each(|user| user.agree(self.server.listen));
        assert_eq!(self.health(), (200, 200));
    }
}

#[test]
fn a_migration_that_is_killed_in_the_middle_can_be_run_again() {
    let Some(schema) = Schema::new() else { return };
    let place = schema.place();
    block_on(async {
        // A table that it wants to make, made by somebody else who has not committed: it waits in the middle.
        let (other, watch) = (connect(&schema.url()).await, connect(&schema.url()).await);
        let own: i32 = other.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
        for table in ["users", "feed_head", "feed_events", "service_keys"] {
            other.batch_execute(&format!("BEGIN; CREATE TABLE {table} (id int)")).await.unwrap();
            let mut command = Schema::command(&place, &["migrate"]);
            let mut migrate = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            let waits = "SELECT 1 FROM pg_stat_activity WHERE pg_blocking_pids(pid) && ARRAY[$1::int]";
            let start = now();
            while watch.query(waits, &[&own]).await.unwrap().is_empty() {
                assert!(start.elapsed().as_secs() < 20, "{table}: it does not wait");
                assert_eq!(migrate.try_wait().unwrap(), None, "{table}: it is done");
            }
            migrate.kill().unwrap();
            migrate.wait().unwrap();
            other.batch_execute("ROLLBACK").await.unwrap();
        }
    });
    let server = schema.serve(&place, &["serve", "--migrate"]);
    server.signup("alice");
    assert_eq!(server.me(&server.login("alice", "session")), 200);
}

/// Of `/livez` and `/readyz`.
pub fn health(server: &Server) -> (u16, u16) {
    let ask = |path| request(server.management, "GET", path, &[], "").unwrap().status;
    (ask("/livez"), ask("/readyz"))
}

#[test]
fn backends_that_are_killed_log_nobody_out() {
    let Some(deployment) = Deployment::start(PATIENCE) else { return };
    let ((), told) = while_working(&deployment.users, &[deployment.server.listen], |told| {
        for _ in 0..10 {
            told.work_on(20);
            deployment.kill_backends();
        }
        told.work_on(20);
    });
    assert_eq!(told.lost.load(Ordering::Relaxed), 0, "each request is answered: {told:?}");
    deployment.agree();
}

#[test]
fn a_restart_and_a_crash_are_survived_without_one_of_our_own() {
    let Some(mut deployment) = Deployment::start(PATIENCE) else { return };
    let Deployment { postgres, server, users, .. } = &mut deployment;
    let ((), told) = while_working(users, &[server.listen], |told| {
        for signal in ["INT", "QUIT"] {
            told.work_on(20);
            postgres.stop(signal).unwrap();
            until("it tells that it is not ready", || health(server) == (200, 503));
            let before = told.refused.load(Ordering::Relaxed);
            until("everything is refused", || told.refused.load(Ordering::Relaxed) > before + 20);
            postgres.resume().unwrap();
            until("it is ready again", || health(server) == (200, 200));
            told.work_on(20);
        }
    });
    assert_eq!(told.lost.load(Ordering::Relaxed), 0, "{told:?}");
    assert!(told.slowest.load(Ordering::Relaxed) < LONGEST, "{told:?}");
    deployment.agree();
}

/// Processes that stand still until this is dropped.
pub struct Frozen(Vec<i64>);

impl Frozen {
    /// They have stood still when this returns, or ended.
    fn at_once(pids: Vec<i64>) -> Self {
        let frozen = Self(pids);
        frozen.signal("STOP");
        let stands_still = |pid: &i64| status(*pid).is_none_or(|(state, _)| "TZX".contains(&state));
        until("they stand still", || frozen.0.iter().all(stands_still));
        frozen
    }

    fn signal(&self, name: &str) {
        let pids = self.0.iter().map(i64::to_string);
        // One that has ended meanwhile is no matter.
        let _ = Command::new("kill").arg(format!("-{name}")).args(pids).stderr(Stdio::null()).status();
    }
}

/// State and parent of a process that has not gone (proc_pid_stat(5)).
fn status(pid: i64) -> Option<(String, i64)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit(") ").next()?.split(' ');
    Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?))
}

fn children(parent: i64) -> Vec<i64> {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| status(*pid).is_some_and(|(_, its)| its == parent)).collect()
}

impl Drop for Frozen {
    fn drop(&mut self) {
        self.signal("CONT");
    }
}

#[test]
fn a_database_that_stands_still_is_waited_for_by_nobody_for_long() {
    let Some(deployment) = Deployment::start(PATIENCE) else { return };
    let Deployment { server, users, .. } = &deployment;
    let ((), told) = while_working(users, &[server.listen], |told| {
        told.work_on(20);
        let frozen = deployment.freeze();
        until("it tells that it is not ready", || health(server) == (200, 503));
        // More than it has connections, all at once: each is answered, within the same time.
        let start = now();
        std::thread::scope(|threads| {
            let crowd: Vec<_> = (0..64)
                .map(|n| {
                    threads.spawn(move || {
                        let account = serde_json::json!({
                            "email": format!("user{}@example.com", n % 4), "password": PASSWORD,
                        });
                        server.post("/v1/login", &account)
                    })
                })
                .collect();
            for one in crowd {
                let reply = one.join().unwrap();
                assert_eq!(reply.status, 503, "{reply:?}");
                assert!(reply.head.contains("retry-after: "), "{reply:?}");
            }
        });
        assert!(start.elapsed().as_millis() < LONGEST as u128, "{:?}", start.elapsed());
        assert_eq!(health(server), (200, 503));
        drop(frozen);
        until("it is ready again", || health(server) == (200, 200));
        told.work_on(20);
    });
    assert_eq!(told.lost.load(Ordering::Relaxed), 0, "{told:?}");
    assert!(told.slowest.load(Ordering::Relaxed) < LONGEST, "{told:?}");
    deployment.agree();
}

#[test]
fn a_database_without_a_connection_to_give_is_an_outage_and_no_more() {
    let Some(deployment) = Deployment::start(PATIENCE) else { return };
    let Deployment { server, users, .. } = &deployment;
    let ((), told) = while_working(users, &[server.listen], |told| {
        told.work_on(20);
        deployment.tell("ALTER ROLE app CONNECTION LIMIT 0");
        deployment.kill_backends();
        until("it tells that it is not ready", || health(server) == (200, 503));
        // As many as the feed has for itself, and so fewer than all the pools would take.
        deployment.tell("ALTER ROLE app CONNECTION LIMIT 4");
        until("it is ready again", || health(server) == (200, 200));
        told.work_on(20);
        deployment.tell("ALTER ROLE app CONNECTION LIMIT -1");
        told.work_on(20);
    });
    assert!(told.refused.load(Ordering::Relaxed) > 0, "{told:?}");
    assert_eq!(told.lost.load(Ordering::Relaxed), 0, "{told:?}");
    assert!(told.slowest.load(Ordering::Relaxed) < LONGEST, "{told:?}");
    deployment.agree();
}

/// How long the database is gone, in seconds, where nothing else is asked for; longer than any of the usual timeouts.
/// `.ci/run` asks for a minute, in which everybody comes several times; that would make every other run as much longer.
const OUTAGE: u64 = 12;
/// Connections that a server has to its database at most: for requests and for the feed.
const POOLS: usize = 16 + 4;
/// What the usual timeouts may come to: a step waits 5 s, a revocation 10 s behind others, on a machine that is busy.
const USUAL: usize = 18_000;

fn threads_of(process: u32) -> usize {
    std::fs::read_dir(format!("/proc/{process}/task")).map_or(0, Iterator::count)
}

/// This one takes its time: what is tested are the timeouts that every deployment has.
#[test]
fn an_outage_that_is_longer_than_the_usual_timeouts_is_waited_for_by_nobody_and_ends_by_itself() {
    let Some(deployment) = Deployment::start("") else { return };
    let Deployment { server, users, .. } = &deployment;
    let seconds = std::env::var("CLOAKROOM_TEST_OUTAGE_SECONDS").map_or(OUTAGE, |text| text.parse().unwrap());
    let process = server.child.id();
    let open = || std::fs::read_dir(format!("/proc/{process}/fd")).map_or(0, Iterator::count);
    let ((), told) = while_working(users, &[server.listen], |told| {
        told.work_on(20);
        let before = (open(), threads_of(process));
        let frozen = deployment.freeze();
        let start = now();
        until("it tells that it is not ready", || health(server) == (200, 503));
        let crowd = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|threads| {
            for n in 0..64 {
                let crowd = &crowd;
                threads.spawn(move || {
                    let email = format!("user{}@example.com", n % 4);
                    let login = serde_json::json!({"email": email, "password": PASSWORD});
                    while start.elapsed().as_secs() < seconds {
                        let asked = now();
                        let reply = server.post("/v1/login", &login);
                        // One that was asked at the very end may be answered by a database that is back.
                        if start.elapsed().as_secs() < seconds {
                            assert_eq!(reply.status, 503, "{reply:?}");
                            assert!(reply.head.contains("retry-after: "), "{reply:?}");
                        }
                        assert!(asked.elapsed().as_millis() < USUAL as u128, "{:?}", asked.elapsed());
                        crowd.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            let mut most = before;
            while start.elapsed().as_secs() < seconds {
                assert_eq!(health(server), (200, 503));
                most = (most.0.max(open()), most.1.max(threads_of(process)));
            }
            // A connection for each who asks and for each in the pools, and no more threads than ever.
            assert!(most.0 <= before.0 + 64 + users.len() + POOLS + 8, "{before:?} {most:?}");
            assert!(most.1 <= before.1 + 2, "{before:?} {most:?}");
            drop(frozen);
        });
        assert!(crowd.load(Ordering::Relaxed) >= 64, "each was answered");
        until("it is ready again", || health(server) == (200, 200));
        told.work_on(20);
        until("nothing is left of it", || open() <= before.0 + users.len() + POOLS);
    });
    assert_eq!(told.lost.load(Ordering::Relaxed), 0, "{told:?}");
    assert!(told.slowest.load(Ordering::Relaxed) < USUAL, "{told:?}");
    deployment.agree();
}
