//! What was measured: the JSON beside the report, and all that the report is drawn from.
//!
//! Raw figures, round by round: what is derived (medians, spreads, ratios to the floor) is derived by whoever reads it,
//! so that two files can be compared later.

use serde::{Deserialize, Serialize};

/// The shape of this file. Raised when an older reader would misread a newer file.
pub const VERSION: u32 = 1;

/// A whole run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Showdown {
    /// [`VERSION`].
    pub version: u32,
    /// When it began, RFC 3339.
    pub began_at: String,
    /// Whether it was ended before everything was measured.
    pub partial: bool,
    /// What was typed to get it.
    pub command: String,
    /// What chose the order of contenders and the credentials that were shown.
    pub seed: u64,
    /// Where it ran.
    pub machine: Machine,
    /// What was asked of it.
    pub settings: Settings,
    /// Who took part, in the order in which they are shown. The first is the floor.
    pub contenders: Vec<Contender>,
    /// What password hashing costs at the configured parameters, in milliseconds a hash, one thread.
    pub hash_millis: Option<f64>,
    /// Seconds from its beginning to its end. Absent in files that are older than this figure.
    #[serde(default)]
    pub took: Option<f64>,
    /// Seconds that it was expected to take when it began.
    #[serde(default)]
    pub expected: Option<f64>,
    /// What a reader must know: a busy machine, a part that was not found, a round that was left out.
    pub notes: Vec<String>,
}

/// A machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's own name.
    pub processor: String,
    /// Cores that the run could use.
    pub cores: u32,
    /// Bytes of memory.
    pub memory: u64,
    /// Kernel and distribution.
    pub system: String,
    /// Name and version of each part: cloakroom, postgres, redis, node.
    pub versions: Vec<(String, String)>,
    /// The load average of the minute before it began: what else was running.
    pub load_before: f64,
}

/// What a run was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Stores of Cloakroom that took part.
    pub stores: Vec<String>,
    /// Connections of the closed loop.
    pub connections: Vec<u32>,
    /// Requests a second of the open loop.
    pub rates: Vec<u32>,
    /// Seconds of one measurement.
    pub seconds: f64,
    /// How often each contender was measured, interleaved with the others.
    pub rounds: u32,
    /// How many logins took turns.
    pub logins: u32,
}

/// Somebody who answers requests with a credential.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contender {
    /// A stable name for comparisons between runs: `cloakroom-session-sqlite`.
    pub id: String,
    /// What it is called in a table.
    pub name: String,
    /// One sentence: how it checks a request.
    pub how: String,
    /// Which kind it is.
    pub kind: Kind,
    /// Closed loop: as many requests as so many connections can send one after the other.
    pub closed: Vec<Closed>,
    /// Open loop: requests at a fixed rate, each timed from when it was due, so that a stall is not omitted.
    pub open: Vec<Open>,
    /// Bytes of one request and its answer on the wire.
    pub bytes: Option<Bytes>,
    /// Resident bytes of the server's processes after the load.
    pub memory: Option<u64>,
    /// What came after a logout was acknowledged.
    pub logout: Option<Logout>,
    /// What came of stopping the database for a while.
    pub outage: Option<Outage>,
    /// Logins a second, password hashing included.
    pub logins: Vec<f64>,
    /// Refreshes a second, where there is such a thing.
    pub refreshes: Vec<f64>,
}

/// The kinds of contenders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The same bytes without any check.
    Floor,
    /// A design as it is usually built, on Cloakroom's own parts: a database read per request, or until `exp`.
    Classic,
    /// Cloakroom.
    Cloakroom,
    /// Another product or library.
    Peer,
}

/// One measurement of a closed loop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Closed {
    /// Connections at once.
    pub connections: u32,
    /// Which round.
    pub round: u32,
    /// Answers a second.
    pub per_second: f64,
    /// How long they took.
    pub latency: Latency,
    /// Microseconds of CPU of the server's processes for one request, as the kernel counts.
    pub server_cpu: f64,
    /// The same of the database's processes.
    pub database_cpu: Option<f64>,
    /// Connections to the database that were open under this load.
    pub database_connections: Option<u32>,
    /// Queries for one request.
    pub queries: Option<f64>,
    /// Answers that were no 2xx, and requests that got none.
    pub failed: u64,
}

/// One measurement of an open loop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Open {
    /// Requests a second that were due.
    pub rate: u32,
    /// Which round.
    pub round: u32,
    /// Answers a second that came.
    pub per_second: f64,
    /// How long they took from when they were due.
    pub latency: Latency,
    /// Microseconds of CPU of the server's processes for one request.
    pub server_cpu: f64,
    /// Answers that were no 2xx, and requests that got none.
    pub failed: u64,
}

/// A distribution of times, in microseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Latency {
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
    /// `(share, microseconds)` for a chart: from 0 to 0.9999.
    pub curve: Vec<(f64, f64)>,
}

/// Bytes on the wire, heads and bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bytes {
    /// Of the request.
    pub sent: u64,
    /// Of the answer.
    pub received: u64,
}

/// What a login is worth after its logout was acknowledged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Logout {
    /// How often it was tried. 0 in files that are older than this figure.
    #[serde(default)]
    pub tries: u32,
    /// Milliseconds after the acknowledgement for which a refusal was waited for in each try.
    #[serde(default)]
    pub wait: f64,
    /// Milliseconds from the acknowledgement to the first refusal, one for each try that was refused within the wait, at
    /// the server that checks.
    pub bites_after: Vec<f64>,
    /// Milliseconds after which it would be refused at the latest by the design; `None`: nothing but its expiry.
    pub bound: Option<f64>,
    /// Milliseconds until its expiry, where only that ends it: the tries were given up before.
    pub expiry: Option<f64>,
    /// Requests that were accepted after the acknowledgement, over all tries.
    pub stale_accepts: u64,
}

/// The database stopped, and went on after a while.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outage {
    /// Seconds that it was stopped.
    pub seconds: f64,
    /// What was answered while it was stopped: status and how often, a timeout as 0.
    pub during: Vec<(u16, u64)>,
    /// Milliseconds until the first 2xx after it went on.
    pub recovery: Option<f64>,
}

impl Logout {
    /// Tries after which the login was never refused within the wait.
    pub fn never(&self) -> u32 {
        self.tries.saturating_sub(u32::try_from(self.bites_after.len()).unwrap_or(u32::MAX))
    }
}

impl Showdown {
    /// As JSON, for people too.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("strings and numbers can be written")
    }

    /// From JSON; the sentence says what is wrong with it.
    pub fn from_json(json: &str) -> Result<Self, String> {
        let read: Self =
            serde_json::from_str(json).map_err(|error| format!("no result of a showdown: {error}"))?;
        match read.version {
            VERSION => Ok(read),
            other => Err(format!("a result of version {other}; this one reads version {VERSION}")),
        }
    }
}
