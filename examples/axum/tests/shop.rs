//! The shop beside the real server, each a process: asked, revoked, refused.
//!
//! This program is the authentication server as well, where it is told so: the shop's package has no other way to it.
#![expect(clippy::unwrap_used, reason = "a test")]
#![expect(clippy::print_stdout, reason = "it tells what it did")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use cloakroom_verify::clock::{BootInstant, Clock, SystemClock};
use serde_json::{Value, json};

const AS_SERVER: &str = "TEST_AS_SERVER";
const PASSWORD: &str = "plum kettle over the moon";
/// What the feed promises.
const BOUND: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    if std::env::var_os(AS_SERVER).is_some() {
        return cloakroom::cli::main();
    }
    // What asks a test program for its tests is told that there is one.
    if std::env::args().any(|argument| argument == "--list") {
        println!("shop: test");
        return ExitCode::SUCCESS;
    }
    the_shop_takes_a_login_and_refuses_it_after_the_logout();
    println!("test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
    ExitCode::SUCCESS
}

fn the_shop_takes_a_login_and_refuses_it_after_the_logout() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = "http://auth.localhost:8080";
    let server = Process::start(auth(folder.path(), &["dev", "--public-url", issuer]));
    let key = auth(folder.path(), &["service-key", "create", "shop", "--scope", "feed,introspect", "--dev"]);
    let key = String::from_utf8({ key }.stderr(Stdio::null()).output().unwrap().stdout).unwrap();
    let mut shop = Command::new(env!("CARGO_BIN_EXE_cloakroom-example-axum"));
    shop.env_clear().env("SHOP_ISSUER", issuer).env("SHOP_AUDIENCE", "cloakroom");
    shop.env("SHOP_AUTH_SERVER", server.url())
        .env("SHOP_SERVICE_KEY", key.trim())
        .env("SHOP_LISTEN", "127.0.0.1:0");
    let shop = Process::start(shop);
    within(Duration::from_secs(20), "ready", || shop.ask("GET", "/readyz", None, None).0 == 200);

    let account = json!({"email": "alice@example.com", "password": PASSWORD});
    assert_eq!(server.ask("POST", "/v1/signup", None, Some(&account)).0, 201);
    assert_eq!(shop.ask("GET", "/orders", None, None).0, 401);
    assert_eq!(shop.ask("GET", "/catalogue", None, None), (200, String::from("umbrellas and hats")));
    for (strategy, token) in
        [("session", "session_token"), ("jwt", "access_token"), ("hybrid", "access_token")]
    {
        let mut login = account.clone();
        login["strategy"] = json!(strategy);
        login["transport"] = json!("body");
        let (status, grant) = server.ask("POST", "/v1/login", None, Some(&login));
        assert_eq!(status, 200, "{grant}");
        let grant: Value = serde_json::from_str(&grant).unwrap();
        let token = grant[token].as_str().unwrap();
        let (status, orders) = shop.ask("GET", "/orders", Some(token), None);
        assert_eq!(
            (status, orders),
            (200, format!("the orders of {}", grant["user"]["id"].as_str().unwrap()))
        );
        assert!(shop.ask("GET", "/catalogue", Some(token), None).1.contains("liked"));
        let mut live = shop.open("/live", token);
        assert!(live.next_with("hello").is_some(), "it has begun");

        assert_eq!(server.ask("POST", "/v1/logout", Some(token), Some(&json!({}))).0, 204);
        let ended = SystemClock.boot();
        within(Duration::from_secs(20), strategy, || {
            let begun = SystemClock.boot();
            let status = shop.ask("GET", "/orders", Some(token), None).0;
            match status {
                200 => assert!(since(begun, ended) <= BOUND, "{strategy}: it lives on"),
                // That nobody can tell for a while is no harm on a machine that is busy.
                status => assert!([401, 503].contains(&status), "{strategy}: {status}"),
            }
            status == 401
        });
        println!("{strategy}: refused {:?} after the logout", since(SystemClock.boot(), ended));
        assert!(live.next_with("goodbye, Revoked").is_some(), "who stays is sent away");
        assert_eq!(live.next_with(""), None, "and the answer ends");
        assert_eq!(
            shop.ask("GET", "/catalogue", Some(token), None).0,
            401,
            "tolerance is not for what is known"
        );
    }
}

/// This program as the server or as one of its commands.
fn auth(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env_clear().env(AS_SERVER, "1").current_dir(folder).args(arguments);
    command
        .env("CLOAKROOM__SERVER__LISTEN", "127.0.0.1:0")
        .env("CLOAKROOM__SERVER__MANAGEMENT", "127.0.0.1:0");
    command
}

/// A process that tells first where it listens, and ends with the test.
struct Process {
    child: Child,
    address: String,
    _stdout: BufReader<std::process::ChildStdout>,
}

impl Process {
    fn start(mut command: Command) -> Self {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let address =
            line.trim().strip_prefix("listening").and_then(|rest| rest.trim().strip_prefix("http://"));
        let address = address.unwrap_or_else(|| panic!("it did not start: {line:?}")).to_owned();
        Self { child, address, _stdout: stdout }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn ask(&self, method: &str, path: &str, token: Option<&str>, body: Option<&Value>) -> (u16, String) {
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut stream = self.send(method, path, token, &body);
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, text) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), text.to_owned())
    }

    fn open(&self, path: &str, token: &str) -> Lines {
        Lines(BufReader::new(self.send("GET", path, Some(token), "")))
    }

    fn send(&self, method: &str, path: &str, token: Option<&str>, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let token = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
        let kind = if body.is_empty() { "" } else { "content-type: application/json\r\n" };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{token}{kind}",
            self.address
        );
        write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len()).unwrap();
        stream
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An answer that goes on.
struct Lines(BufReader<TcpStream>);

impl Lines {
    /// The next message that contains this; `None`: it ended.
    fn next_with(&mut self, text: &str) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            if line.starts_with("data:") && line.contains(text) {
                return Some(line);
            }
        }
    }
}

fn since(now: BootInstant, then: BootInstant) -> Duration {
    now.since(then)
}

fn within(limit: Duration, what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = SystemClock.boot();
    while !is_so() {
        assert!(since(SystemClock.boot(), begun) < limit, "{what}: not within {limit:?}");
        std::thread::yield_now();
    }
}
