//! A server that is not ours: `peer-axum` of showdown/peers/axum.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::json;

use crate::common::{self, Reply};

const PROGRAM: &str = "CLOAKROOM_PEER_AXUM";

/// Killed when dropped.
pub struct Peer {
    pub child: Child,
    pub listen: SocketAddr,
    _stdout: BufReader<ChildStdout>,
}

/// The program that the environment names, else where it is built; `None`, said loudly, where it is not.
pub fn program() -> Option<PathBuf> {
    let built = "../../showdown/peers/axum/target/release/peer-axum";
    let program = std::env::var_os(PROGRAM)
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(built), PathBuf::from);
    if program.is_file() {
        return Some(program);
    }
    println!("Peers are left out: `cargo build --release --manifest-path showdown/peers/axum/Cargo.toml`\n");
    None
}

impl Peer {
    pub fn start(program: &std::path::Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).env_clear().stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it runs");
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("it speaks");
        let listen = line.trim().strip_prefix("listening on http://").and_then(|rest| rest.parse().ok());
        let listen = listen.unwrap_or_else(|| panic!("it did not start: {line}"));
        Self { child, listen, _stdout: stdout }
    }

    /// Requests of so many logins, each asking who it is.
    pub fn requests(&self, number: usize) -> Vec<String> {
        let one = |n| {
            let account = json!({"email": format!("user{n}@example.com"), "name": "Alice Liddell"});
            let reply = common::try_post(self.listen, "/login", &account).expect("it answers");
            assert_eq!(reply.status, 200, "{reply:?}");
            format!("GET /me HTTP/1.1\r\nhost: localhost\r\n{}\r\n\r\n", credential(&reply))
        };
        (0..number).map(one).collect()
    }
}

/// The header that shows what a login was given.
fn credential(reply: &Reply) -> String {
    let cookie = reply.head.lines().find_map(|line| line.strip_prefix("set-cookie: "));
    match (cookie, reply.body["access_token"].as_str()) {
        (Some(cookie), _) => format!("cookie: {}", cookie.split(';').next().unwrap_or_default()),
        (None, Some(token)) => format!("authorization: Bearer {token}"),
        // The floors give nothing, and look at nothing.
        (None, None) => format!("authorization: Bearer {}", "x".repeat(54)),
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
