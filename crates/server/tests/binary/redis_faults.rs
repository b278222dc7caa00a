//! A Redis that dies, forgets, is full or stands still under a server that keeps its sessions there. While nobody can tell
//! who is logged in, that is what is said: 503, never 401 and never 2xx, and `/readyz` tells. Nobody waits for long, and
//! all is well again by itself.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::common::*;
use super::load::{UNTHROTTLED, now, until};
use super::redis::served;
use super::refresh::client::new_attempt;
use super::sentinel::{ask, parts};
use super::throwaway_redis::ThrowawayRedis;

/// Redis is waited for one second, and one more for a connection; several times that on a machine that is busy.
const LONGEST: u128 = 10_000;
const SILENT: (u16, &str) = (503, "the store of sessions does not answer\n");
const FULL: (u16, &str) = (503, "the store of sessions takes no writes\n");
const READY: (u16, &str) = (200, "ready\n");

fn is_ready(server: &Server, expected: (u16, &str)) -> bool {
    let reply = request(server.management, "GET", "/readyz", &[], "").unwrap();
    (reply.status, reply.text.as_str()) == expected
}

/// As an operator would.
fn tell(redis: &ThrowawayRedis, command: &str) {
    let answer = ask(redis, &format!("AUTH {}\r\n{command}", parts(redis).0));
    assert!(answer.ends_with("+OK\r\n+OK\r\n"), "{command}: {answer}");
}

fn log_in(server: &Server, name: &str, strategy: &str) -> Reply {
    let email = format!("{name}@example.com");
    let body = json!({"email": email, "password": PASSWORD, "strategy": strategy, "transport": "body"});
    server.post("/v1/login", &body)
}

fn by(server: &Server, method: &str, path: &str, token: &str) -> Reply {
    request(server.listen, method, path, &[("authorization", &format!("Bearer {token}"))], "").unwrap()
}

fn me(server: &Server, token: &str) -> Reply {
    by(server, "GET", "/v1/me", token)
}

fn log_out(server: &Server, token: &str) -> Reply {
    by(server, "POST", "/v1/logout", token)
}

/// A refresh that is sent again with its attempt, as docs/refresh.md demands.
struct Refresh(Value);

impl Refresh {
    fn of(login: &Reply) -> Self {
        Self(json!({"refresh_token": login.body["refresh_token"], "attempt": new_attempt()}))
    }

    fn send(&self, server: &Server) -> Reply {
        server.post("/v1/refresh", &self.0)
    }
}

fn text(reply: &Reply, name: &str) -> String {
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.body[name].as_str().unwrap().to_owned()
}

#[track_caller]
fn unavailable(reply: &Reply) {
    assert_eq!((reply.status, reply.body["code"].as_str()), (503, Some("unavailable")), "{reply:?}");
    assert!(reply.head.contains("retry-after: ") && !reply.head.contains("set-cookie"), "{reply:?}");
}

/// Logins of alice from before something happens.
struct Before {
    /// Never shown yet: only Redis knows of it.
    new: String,
    /// Shown a moment ago.
    known: String,
    hybrid: Reply,
    ended: String,
}

impl Before {
    fn new(server: &Server) -> Self {
        let [new, known, ended] = [(); 3].map(|()| server.login("alice", "session"));
        assert_eq!([&known, &ended].map(|token| server.me(token)), [200; 2]);
        assert_eq!(log_out(server, &ended).status, 204);
        Self { new, known, hybrid: log_in(server, "alice", "hybrid"), ended }
    }
}

#[test]
fn what_is_wrong_with_redis_is_found_out_without_anybody_who_logs_in() {
    let Some((mut redis, _place, server)) = served(&[], "") else { return };
    until("it is ready", || is_ready(&server, READY));
    redis.kill().unwrap();
    until("it tells of a dead one", || is_ready(&server, SILENT));
    redis.resume().unwrap();
    until("it is ready again", || is_ready(&server, READY));
    redis.signal("STOP").unwrap();
    until("it tells of one that hangs", || is_ready(&server, SILENT));
    redis.signal("CONT").unwrap();
    until("it is ready again", || is_ready(&server, READY));
    for (wrong, well) in [
        ("CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0"),
        ("CONFIG SET min-replicas-to-write 1", "CONFIG SET min-replicas-to-write 0"),
        ("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE"),
    ] {
        tell(&redis, wrong);
        until("it tells of one that takes no writes", || is_ready(&server, FULL));
        tell(&redis, well);
        until("it is ready again", || is_ready(&server, READY));
    }
}

/// What workers know of Redis.
#[derive(Default)]
struct State {
    /// Something may go wrong from now on.
    shaky: AtomicBool,
    /// It is not there.
    away: AtomicBool,
    /// It has been away: what was written before is lost.
    lost: AtomicBool,
    ending: AtomicBool,
    /// Rounds in which everything was done.
    done: AtomicUsize,
    refused: AtomicUsize,
}

/// Ends all when one found something wrong.
struct Ending<'s>(&'s State);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.ending.store(true, Ordering::SeqCst);
    }
}

impl State {
    /// Sends something and judges the answer by what was so all the while. `None`: it was refused, as it may be.
    fn send(&self, good: u16, send: impl FnOnce() -> Reply) -> Option<Reply> {
        let was = [&self.away, &self.lost].map(|flag| flag.load(Ordering::SeqCst));
        let reply = send();
        let is = [&self.away, &self.lost].map(|flag| flag.load(Ordering::SeqCst));
        match (reply.status, was, is) {
            (503, ..) => {
                unavailable(&reply);
                assert!(self.shaky.load(Ordering::SeqCst), "nothing is wrong yet: {reply:?}");
                self.refused.fetch_add(1, Ordering::SeqCst);
                return None;
            }
            (_, [true, _], [true, _]) => panic!("nobody could know: {reply:?}"),
            // Of a login from before.
            (401, _, [_, true]) => return None,
            (status, ..) => assert_eq!(status, good, "{reply:?}"),
        }
        Some(reply)
    }

    /// Each verb once, as one user.
    fn work(&self, server: &Server, name: &str) -> Option<()> {
        let session = self.send(200, || log_in(server, name, "session"))?;
        let session = text(&session, "session_token");
        self.send(200, || me(server, &session))?;
        let known = me(server, &session);
        assert!(known.status == 200 || self.lost.load(Ordering::SeqCst), "it needs no Redis: {known:?}");
        let hybrid = self.send(200, || log_in(server, name, "hybrid"))?;
        let refreshed = self.send(200, || Refresh::of(&hybrid).send(server))?;
        assert_eq!(me(server, &text(&refreshed, "access_token")).status, 200, "it needs no Redis");
        self.send(204, || log_out(server, &session))?;
        assert_eq!(me(server, &session).status, 401, "a logout that was acknowledged");
        self.done.fetch_add(1, Ordering::SeqCst);
        Some(())
    }

    fn more(&self, count: &AtomicUsize) {
        let before = count.load(Ordering::SeqCst);
        until("work goes on", || {
            assert!(!self.ending.load(Ordering::SeqCst), "a worker found something wrong");
            count.load(Ordering::SeqCst) >= before + 8
        });
    }
}

#[test]
fn a_redis_that_is_killed_under_load_makes_everything_unavailable_and_nobody_logged_out() {
    let Some((mut redis, _place, server)) = served(&[], UNTHROTTLED) else { return };
    let (before, state) = (Before::new(&server), State::default());
    let names = ["bob", "carol", "dave"];
    names.iter().for_each(|name| server.signup(name));
    std::thread::scope(|threads| {
        for name in names {
            let (server, state) = (&server, &state);
            threads.spawn(move || {
                let _ending = Ending(state);
                while !state.ending.load(Ordering::SeqCst) {
                    state.work(server, name);
                }
            });
        }
        let _ending = Ending(&state);
        state.more(&state.done);
        state.shaky.store(true, Ordering::SeqCst);
        redis.kill().unwrap();
        state.away.store(true, Ordering::SeqCst);
        until("it tells", || is_ready(&server, SILENT));
        state.more(&state.refused);
        unavailable(&log_in(&server, "alice", "session"));
        unavailable(&Refresh::of(&before.hybrid).send(&server));
        unavailable(&me(&server, &before.new));
        [&before.new, &before.known].iter().for_each(|token| unavailable(&log_out(&server, token)));
        assert_eq!(server.me(&before.known), 200, "its server knows, and the feed tells of every end");
        assert_eq!(server.me(&text(&before.hybrid, "access_token")), 200);
        assert_ne!(server.me(&before.ended), 200);
        assert!(is_ready(&server, SILENT));
        state.lost.store(true, Ordering::SeqCst);
        state.away.store(false, Ordering::SeqCst);
        redis.resume().unwrap();
        until("it is ready again", || is_ready(&server, READY));
        state.more(&state.done);
    });
    assert_eq!(Refresh::of(&before.hybrid).send(&server).status, 401, "Redis forgot it: log in again");
    assert_eq!([&before.new, &before.ended].map(|token| server.me(token)), [401; 2]);
    let again = log_in(&server, "alice", "hybrid");
    assert_eq!(Refresh::of(&again).send(&server).status, 200);
}

#[test]
fn a_redis_that_is_flushed_logs_everybody_out_and_gives_nothing_back() {
    let Some((redis, place, server)) = served(&[], "[session]\nfreshness = \"always\"\n") else { return };
    let before = Before::new(&server);
    tell(&redis, "FLUSHALL");
    for token in [&before.new, &before.known, &before.ended] {
        assert_eq!(server.me(token), 401);
    }
    assert_eq!(Refresh::of(&before.hybrid).send(&server).status, 401);
    // As of any token that nobody knows.
    assert_eq!(log_out(&server, &before.new).status, 204);
    assert!(is_ready(&server, READY), "nothing is wrong with it");
    let again = [(); 2].map(|()| server.login("alice", "session"));
    assert_eq!(log_out(&server, &again[0]).status, 204);
    assert_eq!([&again[0], &again[1]].map(|token| server.me(token)), [401, 200]);
    let listed = place.run(&["session", "list", "alice@example.com", "--output", "json"]).json();
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
    for token in [&before.new, &before.known, &before.ended] {
        assert_eq!(server.me(token), 401);
    }
}

/// Its refresh token is refused, since a spent one may be good again, and still says whose login it was.
#[test]
fn a_login_that_a_restart_of_redis_made_doubtful_can_be_ended_by_its_refresh_token() {
    let Some((mut redis, place, server)) = served(&[], UNTHROTTLED) else { return };
    let login = log_in(&server, "alice", "hybrid");
    let [access, refresh] = ["access_token", "refresh_token"].map(|name| text(&login, name));
    tell(&redis, "SAVE");
    redis.kill().unwrap();
    redis.resume().unwrap();
    until("it is refused", || Refresh::of(&login).send(&server).status == 401);
    assert_eq!(server.me(&access), 200);
    let forged =
        format!("{}{}", &refresh[..refresh.len() - 1], if refresh.ends_with('A') { 'B' } else { 'A' });
    assert_eq!(server.post("/v1/logout", &json!({"refresh_token": forged})).status, 204);
    assert_eq!(server.me(&access), 200, "a forged one ends nothing");
    assert_eq!(server.post("/v1/logout", &json!({"refresh_token": refresh})).status, 204);
    assert_eq!(server.me(&access), 401);
    let listed = place.run(&["session", "list", "alice@example.com", "--output", "json"]).json();
    assert_eq!(listed.as_array().map(Vec::len), Some(0), "{listed}");
}

#[test]
fn a_redis_without_memory_takes_no_logins_and_those_that_it_has_are_checked_and_ended() {
    let Some((redis, _place, server)) = served(&[], UNTHROTTLED) else { return };
    let before = Before::new(&server);
    let refresh = Refresh::of(&before.hybrid);
    tell(&redis, "CONFIG SET maxmemory 1");
    until("it tells", || is_ready(&server, FULL));
    for strategy in ["session", "hybrid"] {
        unavailable(&log_in(&server, "alice", strategy));
    }
    unavailable(&refresh.send(&server));
    assert_eq!([&before.new, &before.known].map(|token| server.me(token)), [200; 2]);
    assert_eq!(log_out(&server, &before.new).status, 204, "SQL has the memory for it");
    assert_eq!([&before.new, &before.ended].map(|token| server.me(token)), [401; 2]);
    assert!(is_ready(&server, FULL));
    tell(&redis, "CONFIG SET maxmemory 0");
    until("it is ready again", || is_ready(&server, READY));
    assert_eq!(refresh.send(&server).status, 200, "nothing was spent");
    assert_eq!(server.me(&server.login("alice", "session")), 200);
    assert_eq!([&before.known, &before.new].map(|token| server.me(token)), [200, 401]);
}

#[test]
fn a_redis_that_stands_still_is_waited_for_by_nobody_for_long() {
    let Some((mut redis, _place, server)) = served(&[], UNTHROTTLED) else { return };
    let before = Before::new(&server);
    let refresh = Refresh::of(&before.hybrid);
    redis.signal("STOP").unwrap();
    // At once as many as would share one wait, or else add theirs up.
    std::thread::scope(|threads| {
        let (server, before, refresh) = (&server, &before, &refresh);
        for n in 0..32 {
            threads.spawn(move || {
                let asked = now();
                unavailable(&match n % 4 {
                    0 => log_in(server, "alice", "session"),
                    1 => refresh.send(server),
                    2 => me(server, &before.new),
                    _ => log_out(server, &before.known),
                });
                assert!(asked.elapsed().as_millis() < LONGEST, "{n}: {:?}", asked.elapsed());
            });
        }
    });
    until("it tells", || is_ready(&server, SILENT));
    assert_eq!(server.me(&before.known), 200, "nobody has to be asked");
    redis.signal("CONT").unwrap();
    until("it is ready again", || is_ready(&server, READY));
    assert_eq!(refresh.send(&server).status, 200, "whether it was done or not");
    assert_eq!([&before.new, &before.known, &before.ended].map(|token| server.me(token)), [200, 200, 401]);
    assert_eq!(log_out(&server, &before.known).status, 204);
    assert_eq!(server.me(&before.known), 401);
    assert_eq!(server.me(&server.login("alice", "session")), 200);
}
