//! A server behind a real Caddy, by the file that the documentation shows.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;

use super::common::*;
use super::load::{User, while_working};
use super::proxy::{self, Proxy};

const EXAMPLE: &str = include_str!("../../../../examples/caddy/Caddyfile");
/// A client that has another address than Caddy, which is the server's neighbour at 127.0.0.1.
const CLIENT: &str = "127.0.0.5:0";

/// `None`, said loudly, where Caddy is missing.
struct World {
    caddy: Proxy,
    program: PathBuf,
    config: Place,
    server: Server,
    place: Place,
}

impl World {
    fn start() -> Option<Self> {
        let program = proxy::program("caddy", "a server behind Caddy", "apt-get install caddy")?;
        let place = Place::new();
        let settings =
            ["server.trusted_proxies=[\"127.0.0.1\"]", "throttle.per_address=1000000/1m", "refresh.grace=5m"];
        let settings: Vec<_> = settings.into_iter().flat_map(|setting| ["--set", setting]).collect();
        let server = place.dev(&settings);
        let (listen, config) = (proxy::free(), Place::new());
        let addresses = [("2019", proxy::free()), ("8080", listen), ("8081", server.listen)];
        config.write("Caddyfile", &proxy::at_addresses(EXAMPLE, addresses));
        let caddy = Proxy::start(&proxy::caddy(&program, &config, "run"), listen);
        Some(Self { caddy, program, config, server, place })
    }

    /// Has it read its file again.
    fn reload(&self) {
        let reloaded = proxy::caddy(&self.program, &self.config, "reload").arg("--force").output().unwrap();
        assert!(reloaded.status.success(), "{}", String::from_utf8_lossy(&reloaded.stderr));
    }

    /// Opens the stream of the feed through Caddy.
    fn stream(&self) -> Stream {
        let key = self.place.run(&["service-key", "create", "shop", "--scope", "feed,revoke", "--dev"]);
        assert_eq!(key.code, 0, "{key:?}");
        let key = key.stdout.trim_end().to_owned();
        let mut stream = std::net::TcpStream::connect(self.caddy.listen).unwrap();
        // Long before the comment that is sent each ten seconds would push something out of a buffer.
        stream.set_read_timeout(Some(Duration::from_secs(8))).unwrap();
        let host = self.caddy.listen;
        let head =
            format!("GET /v1/feed/stream HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {key}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut stream = Stream(BufReader::new(stream));
        assert!(stream.line_with("HTTP/1.1 ").contains(" 200 "));
        // The comment that it begins with: from here on it takes part.
        stream.line_with(":\n");
        stream
    }

    /// Ends every login of alice.
    fn revoke(&self) {
        let ran = self.place.run(&["revoke", "user", "alice@example.com", "--dev"]);
        assert_eq!(ran.code, 0, "{ran:?}");
    }
}

struct Stream(BufReader<std::net::TcpStream>);

impl Stream {
    /// The next line that holds this.
    #[track_caller]
    fn line_with(&mut self, what: &str) -> String {
        loop {
            let mut line = String::new();
            let read = self.0.read_line(&mut line).unwrap_or_else(|error| panic!("{what:?}: {error}"));
            assert!(read > 0, "{what:?}: it has ended");
            if line.contains(what) {
                return line;
            }
        }
    }
}

/// A request from [`CLIENT`].
fn ask(to: SocketAddr, head: &str, body: &str) -> Reply {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(CLIENT.parse().unwrap()).unwrap();
        socket.connect(to).await.unwrap().into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    let (length, forged) = (body.len(), "x-forwarded-for: 198.51.100.7");
    write!(
        stream,
        "{head} HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\n{forged}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    parse(&answer).unwrap_or_else(|| panic!("no answer: {answer:?}"))
}

#[test]
fn the_client_has_its_own_address_and_not_what_it_wrote() {
    let Some(world) = World::start() else { return };
    world.server.signup("alice");
    let login = json!({
        "email": "alice@example.com", "password": PASSWORD, "strategy": "session", "transport": "body",
    });
    let login = ask(world.caddy.listen, "POST /v1/login", &login.to_string());
    assert_eq!(login.status, 200, "{login:?}");
    let token = login.body["session_token"].as_str().unwrap();
    let shown = [("session-id", token)];
    let sessions = request(world.caddy.listen, "GET", "/v1/sessions", &shown, "").unwrap();
    assert_eq!(sessions.body["sessions"][0]["ip"], "127.0.0.5", "{sessions:?}");
}

#[test]
fn an_event_of_the_feed_passes_at_once_and_the_stream_outlives_a_reload() {
    let Some(world) = World::start() else { return };
    world.server.signup("alice");
    let mut stream = world.stream();
    world.revoke();
    let first = stream.line_with("data:");
    world.reload();
    world.revoke();
    let second = stream.line_with("data:");
    assert_ne!(first, second);
}

#[test]
fn a_reload_logs_nobody_out_and_the_work_goes_on() {
    const RELOADS: usize = 3;
    let Some(world) = World::start() else { return };
    let users = User::some(&world.server, 4);
    let through = world.caddy.listen;
    let ((), told) = while_working(&users, &[through], |told| {
        for _ in 0..RELOADS {
            told.work_on(20);
            world.reload();
        }
        told.work_on(20);
    });
    assert_eq!(told.refused.load(Ordering::Relaxed), 0, "{told:?}");
    // Caddy resets a connection that arrives while it changes over: at most the one of each user, each time.
    assert!(told.lost.load(Ordering::Relaxed) <= RELOADS * users.len(), "{told:?}");
    users.iter().for_each(|user| user.agree(world.server.listen));
}
