//! The verifier over real HTTP, against a server that answers whatever a test says.
#![expect(clippy::unwrap_used, reason = "helpers of tests are functions of their own")]

#[expect(dead_code, reason = "this suite uses a part of it")]
mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloakroom_verify::authenticate::{Authenticate, Denied, Proof, Reason};
use cloakroom_verify::feed::wire::event::WireEvent;
use cloakroom_verify::feed::wire::snapshot::{SnapshotHead, to_line};
use cloakroom_verify::feed::wire::sync::{News, SyncAnswer};
use cloakroom_verify::remote::link::{Failed, Link, Pushed, Snapshot};
use cloakroom_verify::remote::{HttpLink, SetupError, Verifier};
use cloakroom_verify::{Event, Revocation, Rv, SessionId, Timestamp};
use common::{ISSUER, session_token};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const KEY: &str = "cka_test";

/// What a server does with a request: its answer as bytes, or nothing at all.
type Answer = Box<dyn Fn(&str) -> Option<Vec<u8>> + Send + Sync>;

/// A server on a free port of this machine. It ends with the runtime of its test.
struct Server {
    origin: String,
    requests: Arc<Mutex<Vec<String>>>,
    /// How many connections there are.
    open: Arc<AtomicUsize>,
}

impl Server {
    async fn new(answer: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let (answer, requests): (Arc<Answer>, _) = (Arc::new(Box::new(answer)), Arc::default());
        let open = Arc::new(AtomicUsize::new(0));
        let (seen, counted) = (Arc::clone(&requests), Arc::clone(&open));
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let (answer, seen, open) = (Arc::clone(&answer), Arc::clone(&seen), Arc::clone(&counted));
                tokio::spawn(async move {
                    open.fetch_add(1, Ordering::SeqCst);
                    serve(connection, answer, seen).await;
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { origin, requests, open }
    }

    /// One that gives this body to everything.
    async fn saying(body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        Self::new(move |_| Some(ok(&body))).await
    }

    fn link(&self) -> HttpLink {
        HttpLink::new(&self.origin, KEY).unwrap()
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(mut connection: TcpStream, answer: Arc<Answer>, seen: Arc<Mutex<Vec<String>>>) {
    let mut arrived = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&arrived).into_owned();
        if let Some(length) = whole(&text) {
            seen.lock().unwrap().push(text[..length].to_owned());
            match answer(&text[..length]) {
                Some(answer) => connection.write_all(&answer).await.unwrap_or_default(),
                None => std::future::pending().await,
            }
            arrived.drain(..length);
            continue;
        }
        let mut part = [0; 4096];
        match connection.read(&mut part).await {
            Ok(0) | Err(_) => return,
            Ok(length) => arrived.extend_from_slice(&part[..length]),
        }
    }
}

/// How long the first request is, if all of it is there.
fn whole(text: &str) -> Option<usize> {
    let head = text.find("\r\n\r\n")? + 4;
    let lower = text[..head].to_ascii_lowercase();
    let body = lower.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
    let length = head + body.map_or(0, |length| length.parse::<usize>().unwrap());
    (text.len() >= length).then_some(length)
}

fn ok(body: &[u8]) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes();
    answer.extend_from_slice(body);
    answer
}

fn parameter<'t>(request: &'t str, name: &str) -> Option<&'t str> {
    let query = request.split(' ').nth(1)?.split_once('?')?.1;
    query
        .split('&')
        .find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name))
        .map(|(_, value)| value)
}

/// A server that follows the rules, with one session.
fn honest(request: &str) -> Option<Vec<u8>> {
    let path = request.split(' ').nth(1)?;
    Some(match path.split('?').next()? {
        "/v1/feed/sync" => ok(&answer(parameter(request, "nonce")?).to_json()),
        "/.well-known/jwks.json" => ok(br#"{"keys":[]}"#),
        "/v1/introspect" if request.ends_with(&session_token(1).to_text()) => ok(
            br#"{"active":true,"sub":"01010101-0101-0101-0101-010101010101","auth_time":1800000000,
            "sid":"01010101-0101-0101-0101-010101010101","strategy":"session","roles":[],
            "passport":{"rv":"0000000700000001","as_of":"0000000700000001","generation":0,"email":"a@example.com",
            "last_used_at":"2027-01-15T08:00:00.000Z","idle_timeout":3600000,
            "expires_at":"2027-01-16T08:00:00.000Z","remember":900000}}"#,
        ),
        "/v1/introspect" => ok(br#"{"active":false}"#),
        "/v1/feed/touch" => b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
        _ => b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_vec(),
    })
}

fn answer(nonce: &str) -> SyncAnswer {
    SyncAnswer {
        nonce: nonce.to_owned(),
        head: Rv::new(7, 1),
        floor: Rv::ZERO,
        news: News::Events(vec![revoked()]),
        age: Duration::ZERO,
        bound: Duration::from_secs(2),
        server_time: Timestamp::from_seconds(1_800_000_000),
        retain: Duration::from_secs(900),
    }
}

fn revoked() -> Event {
    let revocation = Revocation::SessionRevoked(SessionId::from_bytes([9; 16]));
    Event { rv: Rv::new(7, 1), revocation, keep_until: Timestamp::from_seconds(1_800_001_000) }
}

fn question() -> cloakroom_verify::feed::wire::sync::SyncQuestion {
    cloakroom_verify::feed::wire::sync::SyncQuestion {
        verifier: String::from("v"),
        bound: 2000,
        epoch: Some(7),
        since: Some(0),
        nonce: String::from("n"),
    }
}

fn verifier(server: &Server) -> Verifier {
    Verifier::builder(ISSUER, "cloakroom").server(&server.origin).service_key(KEY).spawn().unwrap()
}

/// Waits for something to become so.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    let waited = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waited).await.unwrap_or_else(|_| panic!("{what}"));
}

#[tokio::test]
async fn a_few_lines_of_setup_and_it_checks() {
    let server = Server::new(honest).await;
    let verifier = verifier(&server);
    until("it is ready", || verifier.ready()).await;
    let token = session_token(1).to_text();
    assert!(verifier.authenticate(Proof::Session(&token)).await.is_ok());
    let unknown = verifier.authenticate(Proof::Session(&session_token(2).to_text())).await;
    assert_eq!(unknown, Err(Denied::Unauthenticated(Reason::UnknownSession)));
    assert_eq!(verifier.metrics().position, Some(Rv::new(7, 1)));
    until("the use is told", || {
        server.requests().iter().any(|request| request.starts_with("POST /v1/feed/touch"))
    })
    .await;
    let requests = server.requests();
    assert!(
        requests
            .iter()
            .all(|request| request.to_ascii_lowercase().contains("authorization: bearer cka_test\r\n"))
    );
    assert!(
        !requests.iter().any(|request| request.lines().next().unwrap().contains("cks_")),
        "never in a URL"
    );
}

#[tokio::test]
async fn without_an_answer_that_counts_a_check_is_unavailable_in_time() {
    let wrong_nonce = |_: &str| Some(ok(&answer("another").to_json()));
    for server in [
        Server::new(|_| None).await,
        Server::new(wrong_nonce).await,
        Server::saying("<html>a captive portal</html>").await,
    ] {
        let verifier = verifier(&server);
        let token = session_token(1).to_text();
        let asked =
            tokio::time::timeout(Duration::from_secs(5), verifier.authenticate(Proof::Session(&token)));
        assert_eq!(asked.await.unwrap(), Err(Denied::Unavailable));
        until("a question fails", || verifier.metrics().servers[0].failures > 0).await;
        assert!(!verifier.ready());
    }
}

#[tokio::test]
async fn garbage_is_not_understood_and_never_panics() {
    let good = answer("n").to_json();
    let mut garbage = vec![Vec::new(), b"null".to_vec(), b"[]".to_vec(), vec![0xFF; 100]];
    garbage.extend((0..good.len()).step_by(7).map(|length| good[..length].to_vec()));
    let unknown_kind = String::from_utf8(good).unwrap().replace("session_revoked", "realm_revoked");
    garbage.push(unknown_kind.into_bytes());
    for body in garbage {
        let link = Server::saying(body.clone()).await.link();
        let failed = link.sync(&question()).await;
        assert!(
            matches!(failed, Err(Failed::NotUnderstood(_))),
            "{failed:?}: {}",
            String::from_utf8_lossy(&body)
        );
    }
    let link = Server::new(|_| Some(b"not even HTTP\r\n\r\n".to_vec())).await.link();
    assert!(matches!(link.sync(&question()).await, Err(Failed::Unreachable(_))));
}

#[tokio::test]
async fn a_huge_answer_is_not_read() {
    let announced = |_: &str| Some(b"HTTP/1.1 200 OK\r\ncontent-length: 999999999999\r\n\r\n".to_vec());
    let link = Server::new(announced).await.link();
    assert_eq!(link.sync(&question()).await, Err(Failed::TooLarge));
    assert_eq!(link.jwks().await, Err(Failed::TooLarge));
    // Of unknown length, and without an end.
    let mut endless = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..40 {
        endless.extend_from_slice(b"40000\r\n");
        endless.extend_from_slice(&vec![b'a'; 0x40000]);
        endless.extend_from_slice(b"\r\n");
    }
    let server = Server::new(move |_| Some(endless.clone())).await;
    assert_eq!(server.link().sync(&question()).await, Err(Failed::TooLarge));
    assert_eq!(server.link().introspect(&session_token(1)).await, Err(Failed::TooLarge));
    assert_eq!(server.link().snapshot().await.err(), Some(Failed::TooLarge), "no line is that long");
    let mut stream = server.link().stream(None).await.unwrap();
    let ended = async { while stream.next().await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(10), ended).await.expect("nor of a stream");
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_the_key_not_shown_elsewhere() {
    let elsewhere = Server::new(honest).await;
    let location = elsewhere.origin.clone();
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let location = location.clone();
        let server = Server::new(move |_| {
            Some(
                format!("HTTP/1.1 {status}\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n")
                    .into_bytes(),
            )
        })
        .await;
        let status: u16 = status[..3].parse().unwrap();
        assert_eq!(server.link().sync(&question()).await, Err(Failed::Refused(status)));
        assert_eq!(server.link().introspect(&session_token(1)).await, Err(Failed::Refused(status)));
    }
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn a_refused_service_key_is_an_outage_and_says_why() {
    let refuses = |_: &str| Some(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n".to_vec());
    let server = Server::new(refuses).await;
    let verifier = verifier(&server);
    until("it is refused", || verifier.metrics().servers[0].last_failure == Some(Failed::Refused(403))).await;
    let token = session_token(1).to_text();
    assert_eq!(verifier.authenticate(Proof::Session(&token)).await, Err(Denied::Unavailable));
}

#[tokio::test]
async fn the_question_says_where_it_asks_from() {
    let server = Server::new(honest).await;
    server.link().sync(&question()).await.unwrap();
    let request = server.requests().pop().unwrap();
    let asked = ["verifier", "bound", "epoch", "since", "nonce"].map(|name| parameter(&request, name));
    assert_eq!(asked, [Some("v"), Some("2000"), Some("7"), Some("0"), Some("n")]);
}

#[tokio::test]
async fn a_stream_is_resumed_and_read_however_it_is_cut() {
    let data = serde_json::to_string(&WireEvent::from(&revoked())).unwrap();
    let body = format!(": hello\n\nid: 7.1\nevent: session_revoked\ndata: {data}\n\n");
    let server = Server::new(move |_| {
        let mut answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        for part in body.as_bytes().chunks(7) {
            answer.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
            answer.extend_from_slice(part);
            answer.extend_from_slice(b"\r\n");
        }
        answer.extend_from_slice(b"0\r\n\r\n");
        Some(answer)
    })
    .await;
    let mut stream = server.link().stream(Some(Rv::new(7, 0))).await.unwrap();
    let (mut events, end) = (
        Vec::new(),
        loop {
            match stream.next().await {
                Ok(Some(event)) => break event,
                Ok(None) => {}
                Err(failed) => panic!("{failed}"),
            }
        },
    );
    events.push(end);
    assert_eq!(events, [revoked()]);
    while let Ok(event) = stream.next().await {
        assert_eq!(event, None);
    }
    assert!(server.requests()[0].contains("last-event-id: 7.0\r\n"));
}

#[tokio::test]
async fn a_snapshot_comes_line_by_line_and_a_cut_one_is_noticed() {
    let head = SnapshotHead::new(Rv::new(7, 1), Rv::ZERO, 1, Timestamp::from_seconds(1_800_000_000), 900);
    let text = head.to_line() + &to_line(&revoked());
    let link = Server::saying(text.clone()).await.link();
    let mut snapshot = link.snapshot().await.unwrap();
    assert_eq!(*snapshot.head(), head);
    assert_eq!(snapshot.next().await, Ok(Some(revoked())));
    assert_eq!(snapshot.next().await, Ok(None));
    let link = Server::saying(text.trim_end()).await.link();
    assert!(link.snapshot().await.unwrap().next().await.is_err(), "a line without an end was cut");
    let link = Server::saying("").await.link();
    assert!(link.snapshot().await.is_err());
}

#[tokio::test]
async fn what_cannot_work_is_refused_at_the_start() {
    let built = |server: &str, key: &str| {
        Verifier::builder(ISSUER, "cloakroom").server(server).service_key(key).spawn().map(drop)
    };
    assert!(
        matches!(built("http://auth.example.com", KEY), Err(SetupError::Server(_))),
        "TLS off this machine"
    );
    assert!(matches!(built("http://10.0.0.1", KEY), Err(SetupError::Server(_))));
    assert!(matches!(built("https://auth.example.com/path", KEY), Err(SetupError::Server(_))));
    assert!(matches!(built("http://127.0.0.1:1", ""), Err(SetupError::ServiceKey)));
    assert!(matches!(built("http://127.0.0.1:1", "cka_\n"), Err(SetupError::Server(_))));
    let bound =
        Verifier::builder(ISSUER, "cloakroom").service_key(KEY).bound(Duration::from_millis(1)).spawn();
    assert!(matches!(bound, Err(SetupError::Bound)));
    let error = built("http://auth.example.com", KEY).unwrap_err().to_string();
    assert!(!error.contains(KEY), "{error}");
}

#[test]
fn without_a_runtime_it_says_so() {
    let verifier = Verifier::builder(ISSUER, "cloakroom").service_key(KEY).spawn();
    assert!(matches!(verifier, Err(SetupError::NoRuntime)));
}

#[tokio::test]
async fn it_stops_asking_when_the_last_clone_is_gone() {
    let server = Server::new(honest).await;
    let first = verifier(&server);
    let second = first.clone();
    until("it is ready", || first.ready()).await;
    drop(first);
    let before = second.metrics().servers[0].syncs;
    until("it goes on", || second.metrics().servers[0].syncs > before + 1).await;
    assert!(server.open.load(Ordering::SeqCst) > 0);
    drop(second);
    until("its connections are closed", || server.open.load(Ordering::SeqCst) == 0).await;
}
