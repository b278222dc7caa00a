//! Honest clients that work without a pause, whatever becomes of the servers, and that remember what they were told.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use super::common::*;
use super::refresh::client::Client;

/// No throttle: many work from one address.
pub const UNTHROTTLED: &str = "[throttle]\nper_address = \"1000000/1m\"\nper_account = \"1000000/1m\"\n\
    [session]\nmax_per_user = 100000\n[refresh]\ngrace = \"5m\"\n";

/// What all clients were told.
#[derive(Debug, Default)]
pub struct Told {
    /// What was asked for.
    pub done: AtomicUsize,
    /// That it cannot be done now.
    pub refused: AtomicUsize,
    /// Nothing, or by the proxy that there is no answer.
    pub lost: AtomicUsize,
    /// How long the slowest answer took, in milliseconds.
    pub slowest: AtomicUsize,
    ending: AtomicBool,
}

impl Told {
    /// What was asked for is done so many times more: everything works, or does again.
    pub fn work_on(&self, times: usize) {
        let before = self.done.load(Ordering::Relaxed);
        until("work goes on", || self.done.load(Ordering::Relaxed) >= before + times);
    }

    fn judge(&self, since: Instant, reply: std::io::Result<Reply>, good: u16) -> Option<Reply> {
        let took = usize::try_from(since.elapsed().as_millis()).unwrap();
        self.slowest.fetch_max(took, Ordering::Relaxed);
        let Ok(reply) = reply else {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        match reply.status {
            503 => {
                assert_eq!(reply.body["code"], "unavailable", "{reply:?}");
                assert!(reply.head.to_lowercase().contains("retry-after: "), "{reply:?}");
                self.refused.fetch_add(1, Ordering::Relaxed);
            }
            502 | 504 => drop(self.lost.fetch_add(1, Ordering::Relaxed)),
            status => {
                assert_eq!(status, good, "never logged out, never told another thing: {reply:?}");
                self.done.fetch_add(1, Ordering::Relaxed);
                return Some(reply);
            }
        }
        None
    }
}

/// A login by each strategy of one account, and what came of further ones.
pub struct User {
    name: String,
    turns: AtomicUsize,
    hybrid: Client,
    session: String,
    live: Mutex<Vec<String>>,
    ended: Mutex<Vec<String>>,
}

impl User {
    pub fn new(server: &Server, name: &str) -> Self {
        let hybrid = Client::log_in(server, name);
        let session = server.login(name, "session");
        Self {
            name: name.to_owned(),
            turns: AtomicUsize::new(0),
            hybrid,
            session,
            live: Mutex::default(),
            ended: Mutex::default(),
        }
    }

    pub fn some(server: &Server, count: usize) -> Vec<Self> {
        (0..count).map(|n| Self::new(server, &format!("user{n}"))).collect()
    }

    fn work(&self, to: SocketAddr, told: &Told) {
        let me = |token: &str| {
            let bearer = format!("Bearer {token}");
            told.judge(now(), request(to, "GET", "/v1/me", &[("authorization", &bearer)], ""), 200);
        };
        me(&self.session);
        me(&self.hybrid.access());
        let asked = self.hybrid.ask();
        if let Some(reply) = told.judge(now(), try_post(to, "/v1/refresh", &asked), 200) {
            self.hybrid.keep(&asked, &reply);
        }
        if !self.turns.fetch_add(1, Ordering::Relaxed).is_multiple_of(4) {
            // A login hashes, for long.
            return;
        }
        let email = format!("{}@example.com", self.name);
        let login = json!({"email": email, "password": PASSWORD, "strategy": "session", "transport": "body"});
        let Some(reply) = told.judge(now(), try_post(to, "/v1/login", &login), 200) else { return };
        let token = reply.body["session_token"].as_str().unwrap().to_owned();
        let headers = [("session-id", token.as_str())];
        let known = self.live.lock().unwrap().len();
        if known < 3 {
            self.live.lock().unwrap().push(token);
        } else if told.judge(now(), request(to, "POST", "/v1/logout", &headers, ""), 204).is_some() {
            self.ended.lock().unwrap().push(token);
        }
    }

    /// Fails unless this server stands by everything that was acknowledged.
    pub fn agree(&self, to: SocketAddr) {
        let me = |token: &str| {
            let bearer = format!("Bearer {token}");
            request(to, "GET", "/v1/me", &[("authorization", &bearer)], "").unwrap().status
        };
        self.hybrid.refresh(to);
        assert_eq!((me(&self.session), me(&self.hybrid.access())), (200, 200));
        for token in &*self.live.lock().unwrap() {
            assert_eq!(me(token), 200, "a login that was acknowledged");
        }
        for token in &*self.ended.lock().unwrap() {
            assert_eq!(me(token), 401, "a logout that was acknowledged");
        }
    }
}

/// Lets each user work, at one of these addresses, while something happens.
pub fn while_working<T>(users: &[User], to: &[SocketAddr], deed: impl FnOnce(&Told) -> T) -> (T, Told) {
    let told = Told::default();
    let done = std::thread::scope(|threads| {
        for (n, user) in users.iter().enumerate() {
            let (to, told) = (to[n % to.len()], &told);
            threads.spawn(move || {
                // One that found something wrong ends all: the scope tells what.
                let _ending = Ending(&told.ending);
                while !told.ending.load(Ordering::Relaxed) {
                    user.work(to, told);
                }
            });
        }
        let _ending = Ending(&told.ending);
        deed(&told)
    });
    (done, told)
}

struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Asks until it is so; nobody waits for ever.
#[track_caller]
pub fn until(what: &str, is_so: impl FnMut() -> bool) {
    until_within(Duration::from_secs(20), what, is_so);
}

/// The same for what takes longer.
#[track_caller]
pub fn until_within(longest: Duration, what: &str, mut is_so: impl FnMut() -> bool) {
    let start = now();
    while !is_so() {
        assert!(start.elapsed() < longest, "{what}: not within {longest:?}");
        pause(Duration::from_millis(2));
    }
}

/// Leaves the cores to those who are waited for.
#[expect(clippy::disallowed_methods, reason = "between two looks, and nothing is taken to be so after it")]
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// The promise of the feed, of each of these tokens at each of these addresses: who asks later than two seconds after now
/// is not let in. That nobody can tell is no harm on a machine that is busy, but it is refused for good in the end.
#[track_caller]
pub fn refused_within_the_bound(at: &[SocketAddr], tokens: &[impl AsRef<str>]) {
    const BOUND: Duration = Duration::from_secs(2);
    let start = now();
    for (at, token) in at.iter().flat_map(|at| tokens.iter().map(move |token| (*at, token))) {
        let bearer = format!("Bearer {}", token.as_ref());
        until("it is refused", || {
            let begun = start.elapsed();
            let reply = request(at, "GET", "/v1/me", &[("authorization", &bearer)], "").unwrap();
            match reply.status {
                200 => assert!(begun <= BOUND, "{begun:?}: it lives on"),
                status => assert!([401, 503].contains(&status), "{reply:?}"),
            }
            reply.status == 401
        });
    }
}

#[expect(clippy::disallowed_methods, reason = "what is bounded here is bounded on a real clock")]
pub fn now() -> Instant {
    Instant::now()
}
