//! A server with credentials, the store behind it, and what it was seen to cost.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use crate::common::{PASSWORD, Place, Server};
use crate::peer::Peer;
use crate::postgres::{Database, Done};
use crate::redis::Keys;
use crate::support::load::{Answered, Load};
use crate::support::{cloakroom, cpu_of_threads, get, refreshing};

/// Logins of as many users.
pub const CREDENTIALS: usize = 1000;
/// How long is counted what a request makes of its store.
const COUNTING: Duration = Duration::from_millis(500);

/// What connections do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    Reads,
    Refreshes,
}

pub struct Contender<'s> {
    pub name: &'static str,
    // Before its store.
    process: Process,
    _place: Option<Place>,
    database: Option<Database<'s>>,
    keys: Option<Keys<'s>>,
    requests: Vec<String>,
    refresh_tokens: Vec<String>,
    /// By the number of connections, pass after pass.
    pub measured: BTreeMap<usize, Vec<Measured>>,
    pub counted: BTreeMap<usize, Counted>,
}

enum Process {
    Ours(Server),
    Peer(Peer),
}

/// One pass.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    pub per_second: f64,
    pub p50: u32,
    pub p99: u32,
    /// Microseconds a request.
    pub server_cpu: f64,
    pub store_cpu: Option<f64>,
}

/// Of one request, and connections to the store.
#[derive(Debug, Clone, Copy)]
pub struct Counted {
    pub asked: Option<f64>,
    pub commits: Option<f64>,
    pub connections: Option<f64>,
}

/// CPU seconds so far: of threads, and of Redis, which tells its own.
struct Seen {
    server: HashMap<PathBuf, f64>,
    database: HashMap<PathBuf, f64>,
    redis: f64,
}

impl<'s> Contender<'s> {
    /// Ours, in its usual configuration but for the price of a password, with logins for `work`.
    pub fn ours(
        name: &'static str,
        work: Work,
        more: &[&str],
        database: Option<Database<'s>>,
        keys: Option<Keys<'s>>,
    ) -> Self {
        let place = Place::new();
        let mut command = cloakroom(&place, more);
        if let Some(database) = &database {
            command.env("CLOAKROOM__STORE__URL", database.url());
        }
        if let Some(keys) = &keys {
            command.env("CLOAKROOM__STORE__SESSIONS", keys.url());
        }
        let server = Server::start(command);
        let (mut requests, mut refresh_tokens) = (Vec::new(), Vec::new());
        for n in 0..CREDENTIALS {
            sign_up(&server, n);
            match work {
                Work::Reads => requests.push(get("/v1/me", &server.login(&format!("user{n}"), "session"))),
                Work::Refreshes => refresh_tokens.push(refresh_token(&server, n)),
            }
        }
        Self {
            requests,
            refresh_tokens,
            ..Self::new(name, Process::Ours(server), Some(place), database, keys)
        }
    }

    /// Another server, with its store's URL behind the mode if it has one.
    pub fn peer(
        name: &'static str,
        program: &Path,
        mode: &str,
        database: Option<Database<'s>>,
        keys: Option<Keys<'s>>,
    ) -> Self {
        let url = database.as_ref().map(Database::url).or_else(|| keys.as_ref().map(Keys::url));
        let arguments: Vec<_> = [mode].into_iter().chain(url.as_deref()).collect();
        let peer = Peer::start(program, &arguments);
        let requests = peer.requests(CREDENTIALS);
        Self { requests, ..Self::new(name, Process::Peer(peer), None, database, keys) }
    }

    fn new(
        name: &'static str,
        process: Process,
        place: Option<Place>,
        database: Option<Database<'s>>,
        keys: Option<Keys<'s>>,
    ) -> Self {
        let (requests, refresh_tokens) = (Vec::new(), Vec::new());
        let (measured, counted) = (BTreeMap::new(), BTreeMap::new());
        Self { name, process, _place: place, database, keys, requests, refresh_tokens, measured, counted }
    }

    pub fn database(&self) -> Option<&Database<'s>> {
        self.database.as_ref()
    }

    /// Runs without looking.
    pub fn warm_up(&mut self, connections: usize) {
        self.load(connections, Duration::from_millis(500));
    }

    /// One pass.
    pub fn measure(&mut self, connections: usize, during: Duration) {
        let (answered, [before, after]) = self.load(connections, during);
        let each = 1e6 / answered.requests as f64;
        let database = self.database.as_ref().map(|_| between(&before.database, &after.database));
        let redis = self.keys.as_ref().map(|_| after.redis - before.redis);
        let stores: Vec<_> = database.filter(|cpu| *cpu > 0.0).into_iter().chain(redis).collect();
        let measured = Measured {
            per_second: answered.requests as f64 / answered.took.as_secs_f64(),
            p50: answered.percentile(50),
            p99: answered.percentile(99),
            server_cpu: between(&before.server, &after.server) * each,
            store_cpu: (!stores.is_empty()).then(|| stores.iter().sum::<f64>() * each),
        };
        self.measured.entry(connections).or_default().push(measured);
    }

    /// What a request makes of its store: looked at on its own, since to count costs something.
    pub fn count(&mut self, connections: usize) {
        self.settle(connections);
        let before = self.done();
        let mut requests = self.load(connections, COUNTING).0.requests;
        requests += self.settle(connections);
        let after = self.done();
        let each = |before: f64, after: f64| (after - before) / requests as f64;
        let sql = before.0.zip(after.0);
        let asked_sql = sql.map(|(before, after)| each(before.statements, after.statements));
        let asked_redis = before.1.zip(after.1).map(|(before, after)| each(before, after));
        let open_sql = self.database.as_ref().map(Database::connections);
        let open_redis = self.keys.as_ref().map(Keys::connections);
        let counted = Counted {
            asked: sum(asked_sql, asked_redis),
            commits: sql.map(|(before, after)| each(before.commits_that_wrote, after.commits_that_wrote)),
            connections: sum(open_sql, open_redis),
        };
        self.counted.insert(connections, counted);
    }

    /// Backends tell their transactions when a second has passed and another one ends.
    fn settle(&mut self, connections: usize) -> u64 {
        if self.database.as_ref().is_none_or(|database| database.server().counts_statements()) {
            return 0;
        }
        std::thread::sleep(Duration::from_millis(1100));
        self.load(connections, Duration::from_millis(20)).0.requests
    }

    fn load(&mut self, connections: usize, during: Duration) -> (Answered, [Seen; 2]) {
        let mut tokens = std::mem::take(&mut self.refresh_tokens);
        let to = match &self.process {
            Process::Ours(server) => server.listen,
            Process::Peer(peer) => peer.listen,
        };
        let loaded = if tokens.is_empty() {
            Load { to, requests: &self.requests, connections, during }.observed(|| self.seen())
        } else {
            refreshing::observed(to, &mut tokens[..connections], during, || self.seen())
        };
        self.refresh_tokens = tokens;
        loaded
    }

    fn seen(&self) -> Seen {
        let server = match &self.process {
            Process::Ours(server) => server.child.id(),
            Process::Peer(peer) => peer.child.id(),
        };
        let backends = self.database.as_ref().map(Database::processes).unwrap_or_default();
        Seen {
            server: cpu_of_threads(server).collect(),
            database: backends.into_iter().flat_map(cpu_of_threads).collect(),
            redis: self.keys.as_ref().map_or(0.0, Keys::cpu),
        }
    }

    fn done(&self) -> (Option<Done>, Option<f64>) {
        (self.database.as_ref().map(Database::done), self.keys.as_ref().map(Keys::done))
    }
}

/// Threads come and go; one that came has all its time from then.
fn between(before: &HashMap<PathBuf, f64>, after: &HashMap<PathBuf, f64>) -> f64 {
    after.iter().map(|(thread, seconds)| seconds - before.get(thread).unwrap_or(&0.0)).sum()
}

fn sum(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one + other),
        (one, other) => one.or(other),
    }
}

fn sign_up(server: &Server, n: usize) {
    let email = format!("user{n}@example.com");
    let account = json!({"email": email, "password": PASSWORD, "name": "Alice Liddell"});
    assert_eq!(server.post("/v1/signup", &account).status, 201);
}

/// Of a login that can be refreshed.
fn refresh_token(server: &Server, n: usize) -> String {
    let email = format!("user{n}@example.com");
    let login = json!({"email": email, "password": PASSWORD, "strategy": "hybrid"});
    let reply = server.post("/v1/login", &login);
    reply.body["refresh_token"].as_str().expect("a refresh token").to_owned()
}
