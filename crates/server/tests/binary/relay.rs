//! `relay`: servers, relays and verifiers behind them, as real processes that are stopped and killed.

use std::io::{BufRead, BufReader, Write};
use std::time::Duration;

use cloakroom_verify::authenticate::{Authenticate, Denied, Proof};
use cloakroom_verify::feed::wire::sync::{News, SyncAnswer};
use cloakroom_verify::{Rv, remote};
use serde_json::json;
use tokio::runtime::Runtime;

use super::common::*;
use super::load::{now, until};

const BOUND: Duration = Duration::from_secs(2);

fn key(place: &Place, name: &str, scopes: &str) -> String {
    let made = place.run(&["service-key", "create", name, "--scope", scopes, "--dev"]);
    assert_eq!(made.code, 0, "{made:?}");
    made.stdout.trim_end().to_owned()
}

/// A relay of these, with a key of its own.
fn relay(place: &Place, name: &str, upstream: &[&Server]) -> Server {
    place.write(name, &key(place, name, "feed"));
    let urls: Vec<_> = upstream.iter().map(|server| server.url()).collect();
    let named = urls.iter().flat_map(|url| ["--upstream", url]);
    let arguments: Vec<_> = ["relay"].into_iter().chain(named).collect();
    let mut command = place.command(&arguments);
    command.env("CLOAKROOM_RELAY_KEY_FILE", place.file(name));
    let relay = Server::start(command);
    until("the relay is ready", || ready(&relay) == 200);
    relay
}

fn ready(relay: &Server) -> u16 {
    request(relay.management, "GET", "/readyz", &[], "").map_or(0, |reply| reply.status)
}

/// A service of another process, here.
struct Service {
    verifier: remote::Verifier,
    runtime: Runtime,
}

impl Service {
    fn behind(relay: &Server, issuer: &Server, key: &str) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let builder =
            remote::Verifier::builder(issuer.url(), "cloakroom").server(relay.url()).service_key(key);
        let verifier = runtime.block_on(async { builder.bound(BOUND).spawn() }).unwrap();
        let service = Self { verifier, runtime };
        until("the verifier is ready", || service.verifier.ready());
        service
    }

    fn check(&self, token: &str) -> u16 {
        match self.runtime.block_on(self.verifier.authenticate(Proof::Bearer(token))) {
            Ok(_) => 200,
            Err(Denied::Unauthenticated(_)) => 401,
            Err(Denied::Unavailable) => 503,
        }
    }
}

#[test]
fn made_up_keys_cost_who_shows_them_and_not_the_relay() {
    let place = Place::new();
    let server = place.dev(&[]);
    let good = key(&place, "shop", "feed");
    let made_up = format!("{}{}", &good[..good.len() - 8], "AAAAAAAA");
    let relay = relay(&place, "relay", &[&server]);
    let touch = |key: &str| {
        let bearer = format!("Bearer {key}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        request(relay.listen, "POST", "/v1/feed/touch", &headers, "[]").unwrap().status
    };
    assert_eq!((0..4000).map(|_| touch(&made_up)).find(|status| *status != 401), Some(429));
    let heard = request(server.management, "GET", "/metrics", &[], "").unwrap().text;
    assert!(heard.contains(r#"route="/v1/feed/touch",status="401""#), "{heard}");
    assert!(!heard.contains(r#"route="/v1/feed/touch",status="429""#), "{heard}");
    let sync = request(relay.management, "GET", "/readyz", &[], "").unwrap();
    assert_eq!(sync.status, 200, "what the relay asks for itself is answered: {sync:?}");
}

/// A question of a verifier that knows everything up to `since`.
fn ask(relay: &Server, key: &str, name: &str, since: Option<Rv>) -> Reply {
    let position = since.map_or_else(String::new, |rv| format!("&epoch={}&since={}", rv.epoch(), rv.seq()));
    let path = format!("/v1/feed/sync?verifier={name}&bound=2000&nonce=n-1{position}");
    relay.get(&path, &[("authorization", &format!("Bearer {key}"))])
}

fn sync(relay: &Server, key: &str, name: &str, since: Option<Rv>) -> SyncAnswer {
    let reply = ask(relay, key, name, since);
    assert_eq!(reply.status, 200, "{reply:?}");
    SyncAnswer::from_json(reply.text.as_bytes()).unwrap()
}

fn revoke_all(place: &Place, name: &str) {
    assert_eq!(place.run(&["revoke", "user", &format!("{name}@example.com"), "--dev"]).code, 0);
}

#[test]
fn a_revocation_bites_behind_two_relays_and_what_only_a_server_knows_comes_through_them() {
    let place = Place::new();
    let server = place.dev(&[]);
    let near = relay(&place, "near", &[&server]);
    let far = relay(&place, "far", &[&near]);
    let key = key(&place, "shop", "feed,introspect");
    let service = Service::behind(&far, &server, &key);
    server.signup("alice");
    server.signup("bob");
    for strategy in ["session", "jwt", "hybrid"] {
        let token = server.login("alice", strategy);
        assert_eq!(service.check(&token), 200, "{strategy}");
        revoke_all(&place, "alice");
        until("it is refused", || service.check(&token) == 401);
        assert_eq!(service.check(&server.login("alice", strategy)), 200, "a new login is alive");
        assert_eq!(service.check(&server.login("bob", strategy)), 200);
    }
    let metrics = service.verifier.metrics();
    assert!(metrics.servers[0].pushed > 0, "{metrics:?}");
    // The same everywhere, but for when it was read.
    let whole = |from: &Server| {
        let reply = from.get("/v1/feed/snapshot", &[("authorization", &format!("Bearer {key}"))]);
        assert_eq!(reply.status, 200, "{reply:?}");
        // In chunks: the sizes between the lines say nothing.
        reply.text.lines().filter(|line| line.starts_with('[')).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(whole(&far), whole(&server));
    assert!(!whole(&server).is_empty());
}

#[test]
fn behind_a_relay_that_stands_still_nobody_is_let_in_and_afterwards_everybody_knows() {
    let place = Place::new();
    let server = place.dev(&[]);
    let relay = relay(&place, "relay", &[&server]);
    let service = Service::behind(&relay, &server, &key(&place, "shop", "feed,introspect"));
    for name in ["alice", "bob"] {
        server.signup(name);
    }
    let (alice, bob) = (server.login("alice", "hybrid"), server.login("bob", "hybrid"));
    assert_eq!((service.check(&alice), service.check(&bob)), (200, 200));
    relay.signal("STOP");
    revoke_all(&place, "alice");
    let committed = now();
    until("the lease runs out", || {
        let asked = now();
        let status = service.check(&alice);
        assert!(status == 503 || (status == 200 && asked.duration_since(committed) <= BOUND), "{status}");
        status == 503
    });
    assert_eq!(service.check(&bob), 503);
    relay.signal("CONT");
    until("it knows", || service.check(&alice) == 401);
    until("the others are back", || service.check(&bob) == 200);
}

#[test]
fn a_healthcheck_of_a_relay_needs_nothing_but_its_address() {
    let place = Place::new();
    let mut server = place.dev(&[]);
    let mut relay = relay(&place, "relay", &[&server]);
    let management = relay.management.to_string();
    let check = || {
        // Of another folder: a relay has no configuration and no database.
        Place::new().run(&["healthcheck", "--management", &management])
    };
    let ran = check();
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "ready\n"), "{ran:?}");
    server.kill();
    until("it is not ready without its server", || ready(&relay) == 503);
    check().fails(1, "not ready");
    relay.kill();
    check().fails(5, &management);
}

#[test]
fn a_relay_replays_little_to_a_stream_and_to_one_who_missed_more_nothing() {
    let place = Place::new();
    let server = place.dev(&[]);
    let relay = relay(&place, "relay", &[&server]);
    let (leaf, admin) = (key(&place, "shop", "feed"), key(&place, "admin", "admin"));
    let start = sync(&relay, &leaf, "v1", None).head;
    let revoke = |n: u32| {
        let admin = format!("Bearer {admin}");
        let headers = [("authorization", admin.as_str()), ("content-type", "application/json")];
        let body = json!({"token_id": format!("01900000-0000-7000-8000-{n:012}")}).to_string();
        let reply = request(server.listen, "POST", "/v1/admin/revocations", &headers, &body).unwrap();
        assert_eq!(reply.status, 200, "{reply:?}");
    };
    (0..257).for_each(&revoke);
    let knows =
        |seq: u32| until("the relay knows", || sync(&relay, &leaf, "v1", Some(start)).head.seq() == seq);
    knows(start.seq() + 257);
    let mut stream = std::net::TcpStream::connect(relay.listen).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let last = format!("{}.{}", start.epoch(), start.seq());
    let ask = format!(
        "GET /v1/feed/stream HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {leaf}\r\nlast-event-id: {last}\r\n\r\n"
    );
    stream.write_all(ask.as_bytes()).unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    assert!(lines.next().unwrap().contains(" 200 "));
    // It listens once its head has been sent.
    assert!(lines.by_ref().any(|line| line.is_empty()));
    revoke(257);
    let first = lines.find_map(|line| line.strip_prefix("id: ").map(str::to_owned)).unwrap();
    assert_eq!(first, format!("{}.{}", start.epoch(), start.seq() + 258), "it asks for the others");
}

#[test]
fn a_relay_without_its_servers_tells_how_old_it_is_until_it_is_too_old() {
    let place = Place::new();
    let mut server = place.dev(&[]);
    let near = relay(&place, "near", &[&server]);
    let far = relay(&place, "far", &[&near]);
    let key = key(&place, "shop", "feed,introspect");
    let service = Service::behind(&far, &server, &key);
    server.signup("alice");
    let token = server.login("alice", "hybrid");
    assert_eq!(service.check(&token), 200);
    for relay in [&near, &far] {
        sync(relay, &key, "by-hand", None);
    }
    server.kill();
    let killed = now();
    let mut told = 0;
    for relay in [&near, &far] {
        until("it is too old", || {
            let asked = now().duration_since(killed);
            let reply = ask(relay, &key, "by-hand", None);
            if reply.status == 200 {
                let answer = SyncAnswer::from_json(reply.text.as_bytes()).unwrap();
                assert!(answer.age >= asked, "{asked:?} after the server died it says {:?}", answer.age);
                assert!(asked <= BOUND && answer.bound == BOUND, "{asked:?}");
                told += 1;
            }
            reply.status == 503
        });
        assert_eq!(ready(relay), 503);
        assert_eq!(request(relay.management, "GET", "/livez", &[], "").unwrap().status, 200);
        assert_eq!(relay.get("/.well-known/jwks.json", &[]).status, 503);
        let snapshot = relay.get("/v1/feed/snapshot", &[("authorization", &format!("Bearer {key}"))]);
        assert_eq!(snapshot.status, 503);
    }
    assert!(told > 0, "for a while it has something to say");
    assert_eq!(service.check(&token), 503);
}

#[test]
fn a_receipt_waits_for_those_behind_relays() {
    const LONG: Duration = Duration::from_secs(4);
    let place = Place::new();
    let server = place.dev(&["--set", "feed.bound=4s"]);
    let near = relay(&place, "near", &[&server]);
    let far = relay(&place, "far", &[&near]);
    let (leaf, admin) = (key(&place, "shop", "feed"), key(&place, "admin", "admin"));
    let to = server.listen;
    server.signup("alice");
    // Another each time: the same again would be answered as before.
    let receipt = move || {
        let me = server_user(to);
        let headers = [("authorization", &*format!("Bearer {admin}")), ("content-type", "application/json")];
        let body = json!({"user_id": me}).to_string();
        let began = now();
        let reply = request(to, "POST", "/v1/admin/revocations?wait=effective", &headers, &body).unwrap();
        assert_eq!(reply.status, 200, "{reply:?}");
        (began.elapsed(), reply)
    };
    until("receipts come early", || receipt().0 < LONG / 2);

    let before = sync(&far, &leaf, "leaf", None).head;
    assert_eq!(sync(&far, &leaf, "leaf", Some(before)).head, before);
    let rounds = || {
        let text = request(near.management, "GET", "/metrics", &[], "").unwrap().text;
        let line =
            text.lines().find(|line| line.contains("relay_upstream_syncs") && line.contains("renewed"));
        line.and_then(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).unwrap_or_default()
    };
    let waiting = std::thread::spawn(receipt);
    until("it is committed and told", || sync(&far, &leaf, "leaf", Some(before)).head > before);
    let first = rounds();
    until("both relays have asked several times since", || {
        sync(&far, &leaf, "leaf", Some(before));
        rounds() >= first + 3
    });
    assert!(!waiting.is_finished(), "the leaf has not said that it knows");
    let after = sync(&far, &leaf, "leaf", Some(before));
    assert!(matches!(after.news, News::Events(events) if events.len() == 1));
    until("the receipt comes", || {
        sync(&far, &leaf, "leaf", Some(after.head));
        waiting.is_finished()
    });
    let (took, reply) = waiting.join().unwrap();
    assert!(took < LONG, "as soon as it knows, and not only when the bound has passed: {took:?}");
    let verifiers = &reply.body["verifiers"];
    assert_eq!(verifiers["acknowledged"], verifiers["registered"], "{reply:?}");
}

/// The id of alice, by a new login.
fn server_user(to: std::net::SocketAddr) -> String {
    let body = json!({"email": "alice@example.com", "password": PASSWORD, "strategy": "session", "transport": "body"});
    let reply = try_post(to, "/v1/login", &body).unwrap();
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.body["user"]["id"].as_str().unwrap().to_owned()
}

#[test]
fn only_live_keys_with_the_scope_are_answered_and_only_what_makes_sense() {
    let place = Place::new();
    let server = place.dev(&[]);
    let near = relay(&place, "near", &[&server]);
    let far = relay(&place, "far", &[&near]);
    let (good, other) = (key(&place, "shop", "feed"), key(&place, "other", "introspect"));
    let question = "/v1/feed/sync?verifier=v&bound=2000&nonce=n";
    let forged = format!("cka_{}", "A".repeat(64));
    for relay in [&near, &far] {
        for path in [question, "/v1/feed/stream", "/v1/feed/snapshot"] {
            assert_eq!(relay.get(path, &[]).status, 401, "{path}");
            for (text, status, code) in [
                (&*forged, 401, "invalid_token"),
                ("cka_short", 401, "invalid_token"),
                ("eyJhbGciOiJub25lIn0.e30.", 401, "invalid_token"),
                (&*other, 403, "forbidden"),
            ] {
                let reply = relay.get(path, &[("authorization", &format!("Bearer {text}"))]);
                assert_eq!(
                    (reply.status, reply.body["code"].as_str()),
                    (status, Some(code)),
                    "{path} {reply:?}"
                );
            }
        }
        let shown = format!("Bearer {good}");
        for garbage in ["", "verifier=v&bound=2000", "verifier=v&bound=2000&nonce=n&epoch=-1&since=0"] {
            let reply = relay.get(&format!("/v1/feed/sync?{garbage}"), &[("authorization", &shown)]);
            assert_eq!(reply.status, 400, "{garbage}");
        }
        let headers = [("authorization", &*shown), ("last-event-id", "1.x")];
        assert_eq!(relay.get("/v1/feed/stream", &headers).status, 400);
        // Judged by the server, with the key of who asks and not with that of a relay.
        let form = ("content-type", "application/x-www-form-urlencoded");
        let introspect = |text: &str| {
            let headers = [("authorization", &*format!("Bearer {text}")), form];
            request(relay.listen, "POST", "/v1/introspect", &headers, "token=x").unwrap()
        };
        assert_eq!(introspect(&good).status, 403);
        assert_eq!(introspect(&other).body, json!({"active": false}));
        assert_eq!(request(relay.listen, "POST", "/v1/introspect", &[form], "token=x").unwrap().status, 401);
        assert_eq!(relay.get("/v1/me", &[]).status, 404);
        assert_eq!(ask(relay, &good, "v", None).status, 200);
    }
    assert_eq!(place.run(&["service-key", "revoke", "shop", "--dev"]).code, 0);
    for relay in [&near, &far] {
        until("the key is refused", || ask(relay, &good, "v", None).status == 401);
    }
}

#[test]
fn it_refuses_to_start_without_a_key_or_with_servers_that_are_none() {
    let place = Place::new();
    let url = "http://127.0.0.1:9";
    place.run(&["relay"]).fails(2, "--upstream");
    place.run(&["relay", "--upstream", url]).fails(2, "CLOAKROOM_RELAY_KEY_FILE");
    let with = |key: &str, arguments: &[&str]| {
        let mut command = place.command(&[&["relay"], arguments].concat());
        Ran::of(command.env("CLOAKROOM_RELAY_KEY", key).output().unwrap())
    };
    let good = format!("cka_{}", "A".repeat(64));
    with("cka_none", &["--upstream", url]).fails(4, "service-key create");
    with(&good, &["--upstream", "http://auth.example.com"]).fails(4, "use https");
    with(&good, &["--upstream", url, "--bound", "1h"]).fails(2, "200ms");
    with(&good, &["--upstream", url, "--listen", "everywhere"]).fails(2, "server.listen");
}

#[test]
fn it_ends_like_a_server_when_it_is_asked_to() {
    let place = Place::new();
    let server = place.dev(&[]);
    let mut relay = relay(&place, "relay", &[&server]);
    let key = key(&place, "shop", "feed");
    let (to, shown) = (relay.listen, format!("Bearer {key}"));
    let open =
        std::thread::spawn(move || request(to, "GET", "/v1/feed/stream", &[("authorization", &shown)], ""));
    until("the stream is open", || {
        let text = request(relay.management, "GET", "/metrics", &[], "").unwrap().text;
        text.lines().any(|line| line == "cloakroom_feed_streams_open 1")
    });
    relay.terminate();
    let reply = open.join().unwrap().unwrap();
    assert_eq!(reply.status, 200, "it ended in good order");
    assert!(relay.child.wait().unwrap().success());
}
