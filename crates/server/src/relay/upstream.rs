//! The servers of a relay, for what it cannot say itself: it passes a request on as it came, with the key of who sent it,
//! and gives back what the server says. Nothing of it is remembered.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use cloakroom_auth::feed::Sync;
use cloakroom_auth::store::{StoreError, Stored};
use cloakroom_verify::remote::link::{Failed, Link, Snapshot};
use cloakroom_verify::remote::{HttpLink, Passed};
use http::{HeaderMap, Method};
use tokio::sync::Semaphore;

use crate::problem::{Code, Problem};
use crate::snapshots::Read;

/// Requests of others that are under way at most; who comes then hears 503.
const AT_ONCE: usize = 256;
/// How long a server may take to begin a snapshot, or to go on with one.
const PATIENCE: Duration = Duration::from_secs(5);
/// More than this is no list of revocations, and memory is not for it.
const MOST_ENTRIES: u64 = 50_000_000;

/// See the module.
#[derive(Debug)]
pub struct Upstream {
    servers: Vec<(String, HttpLink)>,
    turns: Semaphore,
    /// The server that answered last.
    preferred: AtomicUsize,
}

impl Upstream {
    /// Of these servers, each with its origin.
    pub fn new(servers: Vec<(String, HttpLink)>) -> Self {
        Self { servers, turns: Semaphore::new(AT_ONCE), preferred: AtomicUsize::new(0) }
    }

    /// Where the server of this number is.
    pub fn origin(&self, number: usize) -> Option<&str> {
        self.servers.get(number).map(|(origin, _)| origin.as_str())
    }

    /// Passes a request on, for the caller to pass the answer back.
    pub async fn pass_on(
        &self,
        method: Method,
        path: &str,
        headers: &HeaderMap,
        body: Bytes,
        patience: Duration,
    ) -> Result<Response, Problem> {
        let _turn = self.turns.try_acquire().map_err(|_| Problem::new(Code::Unavailable))?;
        Ok(self.ask(method, path, headers, body, patience).await?.map(Body::from))
    }

    /// The first answer of a server that is not down, whatever it says.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &HeaderMap,
        body: Bytes,
        patience: Duration,
    ) -> Result<Passed, Problem> {
        for number in self.in_turn() {
            let (origin, link) = &self.servers[number];
            let asked = link.pass_on(method.clone(), path, headers, body.clone());
            match tokio::time::timeout(patience, asked).await {
                Ok(Ok(answer)) if !answer.status().is_server_error() => {
                    self.preferred.store(number, Ordering::Relaxed);
                    return Ok(answer);
                }
                Ok(Ok(answer)) => tracing::debug!(%origin, path, status = %answer.status(), "not answered"),
                Ok(Err(error)) => tracing::debug!(%origin, path, %error, "not answered"),
                Err(_) => tracing::debug!(%origin, path, "not answered in time"),
            }
        }
        Err(Problem::new(Code::Unavailable))
    }

    /// Everything that is live, of the first server that tells it.
    pub async fn snapshot(&self, retain: Duration) -> Stored<Read> {
        let mut last = Failed::Slow;
        for number in self.in_turn() {
            match whole(&self.servers[number].1, retain).await {
                Ok(read) => return Ok(read),
                Err(failed) => last = failed,
            }
        }
        Err(StoreError::new(last))
    }

    fn in_turn(&self) -> impl Iterator<Item = usize> + use<> {
        let (first, count) = (self.preferred.load(Ordering::Relaxed), self.servers.len());
        (0..count).map(move |next| (first + next) % count)
    }
}

async fn whole(link: &HttpLink, retain: Duration) -> Result<Read, Failed> {
    let slow = |_| Failed::Slow;
    let mut snapshot = tokio::time::timeout(PATIENCE, link.snapshot()).await.map_err(slow)??;
    let head = snapshot.head().clone();
    if head.entries > MOST_ENTRIES {
        return Err(Failed::TooLarge);
    }
    let mut events = Vec::new();
    while let Some(event) = tokio::time::timeout(PATIENCE, snapshot.next()).await.map_err(slow)?? {
        events.push(event);
        if events.len() as u64 > head.entries {
            return Err(Failed::TooLarge);
        }
    }
    // One that was cut looks like a shorter one, and would be passed on as a whole.
    if events.len() as u64 != head.entries {
        return Err(Failed::Unreachable(String::from("the snapshot ended early")));
    }
    let sync = Sync { head: head.head(), floor: head.floor, events };
    Ok(Read { sync, server_time: head.server_time, retain })
}
