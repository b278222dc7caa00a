//! Processes that end with their test, and the smallest client that can talk to them.

pub mod nginx;
pub mod proxy;
pub mod skip;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

pub const PASSWORD: &str = "plum kettle over the moon";

/// A folder with nothing in it, and commands that run there.
pub struct Place(tempfile::TempDir);

impl Place {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.file(name), text).expect("a file is written");
    }

    /// The binary in this folder, with free ports and no variables of the outside.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cloakroom"));
        command.current_dir(self.path()).args(arguments).env_clear();
        command.env("CLOAKROOM__SERVER__LISTEN", "127.0.0.1:0");
        command.env("CLOAKROOM__SERVER__MANAGEMENT", "127.0.0.1:0");
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).stdin(Stdio::null()).output().expect("it runs"))
    }

    pub fn run_with_stdin(&self, arguments: &[&str], stdin: &str) -> Ran {
        let mut command = self.command(arguments);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().expect("it runs");
        child.stdin.take().expect("a pipe").write_all(stdin.as_bytes()).expect("it reads");
        Ran::of(child.wait_with_output().expect("it ends"))
    }

    pub fn dev(&self, arguments: &[&str]) -> Server {
        let arguments: Vec<_> = ["dev"].into_iter().chain(arguments.iter().copied()).collect();
        Server::start(self.command(&arguments))
    }
}

/// What a command did.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).expect("text"),
            stderr: String::from_utf8(output.stderr).expect("text"),
        }
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{self:?}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    #[track_caller]
    pub fn fails(&self, code: i32, why: &str) {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.stderr.contains(why), "expected {why:?}: {self:?}");
        assert_eq!(self.stdout, "", "data only, and there is none");
    }
}

/// A running server, killed when dropped.
pub struct Server {
    pub child: Child,
    pub listen: SocketAddr,
    pub management: SocketAddr,
    _stdout: BufReader<ChildStdout>,
}

impl Server {
    pub fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut address = |name: &str| {
            let mut line = String::new();
            stdout.read_line(&mut line).expect("it speaks");
            let found =
                line.strip_prefix(name).and_then(|rest| rest.trim().strip_prefix("http://")?.parse().ok());
            found.ok_or(line)
        };
        match (address("listening"), address("management")) {
            (Ok(listen), Ok(management)) => Self { child, listen, management, _stdout: stdout },
            (first, second) => {
                let _ = child.kill();
                let ran = child.wait_with_output().map(Ran::of);
                panic!("it did not start: {first:?} {second:?} {ran:?}");
            }
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.listen)
    }

    pub fn get(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        request(self.listen, "GET", path, headers, "").expect("it answers")
    }

    pub fn post(&self, path: &str, body: &Value) -> Reply {
        try_post(self.listen, path, body).expect("it answers")
    }

    pub fn signup(&self, name: &str) {
        let body = serde_json::json!({"email": format!("{name}@example.com"), "password": PASSWORD});
        assert_eq!(self.post("/v1/signup", &body).status, 201);
    }

    /// The token that each request shows.
    pub fn login(&self, name: &str, strategy: &str) -> String {
        let body = serde_json::json!({
            "email": format!("{name}@example.com"), "password": PASSWORD, "strategy": strategy, "transport": "body",
        });
        let reply = self.post("/v1/login", &body);
        assert_eq!(reply.status, 200, "{reply:?}");
        let member = if strategy == "session" { "session_token" } else { "access_token" };
        reply.body[member].as_str().expect("a token").to_owned()
    }

    pub fn me(&self, token: &str) -> u16 {
        self.get("/v1/me", &[("authorization", &format!("Bearer {token}"))]).status
    }

    /// Kills it the hard way.
    pub fn kill(&mut self) {
        self.child.kill().expect("it was running");
        self.child.wait().expect("it ends");
    }

    pub fn terminate(&self) {
        self.signal("TERM");
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args([&format!("-{name}"), &pid]).status();
        assert!(status.expect("kill is there").success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What came back over the wire.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Value,
    pub text: String,
}

pub fn try_post(to: SocketAddr, path: &str, body: &Value) -> std::io::Result<Reply> {
    request(to, "POST", path, &[("content-type", "application/json")], &body.to_string())
}

/// One request on a connection of its own.
pub fn request(
    to: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> std::io::Result<Reply> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        text.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    text.push_str(body);
    let answer = raw(to, text.as_bytes())?;
    parse(&answer).ok_or_else(|| std::io::Error::other(format!("no answer: {answer:?}")))
}

/// Sends bytes and reads until the other side closes.
pub fn raw(to: SocketAddr, bytes: &[u8]) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(to)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.write_all(bytes)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

pub fn parse(answer: &str) -> Option<Reply> {
    let (head, text) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    // Small answers come with a length, and whole: a cut one is no answer.
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    if length.is_some_and(|length| length.parse() != Ok(text.len())) {
        return None;
    }
    let body = serde_json::from_str(text).unwrap_or(Value::Null);
    Some(Reply { status, head: head.to_owned(), body, text: text.to_owned() })
}
