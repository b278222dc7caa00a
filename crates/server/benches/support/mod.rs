//! Load from one core, servers on the other, and what the kernel says they used.
#![allow(dead_code, clippy::allow_attributes, reason = "each benchmark uses its part")]

pub mod floor;
pub mod refreshing;

use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::common::{PASSWORD, Place, Server};

/// A closed loop: each connection sends its next request when it has read the whole answer to the last.
pub struct Load<'a> {
    pub to: SocketAddr,
    /// Whole requests, sent in turn.
    pub requests: &'a [String],
    pub connections: usize,
    pub during: Duration,
}

/// What a load was answered.
pub struct Answered {
    pub requests: u64,
    /// Sorted, in microseconds; one in sixteen is kept.
    pub latencies: Vec<u32>,
}

impl Load<'_> {
    pub fn run(&self) -> Answered {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let until = Instant::now() + self.during;
            let connections: Vec<_> = (0..self.connections)
                .map(|n| {
                    let requests: Vec<_> = self
                        .requests
                        .iter()
                        .skip(n % self.requests.len())
                        .step_by(self.connections)
                        .cloned()
                        .collect();
                    tokio::spawn(connection(self.to, requests, until))
                })
                .collect();
            let mut answered = Answered { requests: 0, latencies: Vec::new() };
            for connection in connections {
                let one = connection.await.expect("no connection fails");
                answered.requests += one.requests;
                answered.latencies.extend(one.latencies);
            }
            answered.latencies.sort_unstable();
            answered
        })
    }
}

impl Answered {
    pub fn percentile(&self, percent: usize) -> u32 {
        let last = self.latencies.len().saturating_sub(1);
        self.latencies.get(last * percent / 100).copied().unwrap_or(0)
    }
}

async fn connection(to: SocketAddr, requests: Vec<String>, until: Instant) -> Answered {
    let mut stream = TcpStream::connect(to).await.expect("it listens");
    stream.set_nodelay(true).expect("a socket");
    let mut buffer = vec![0; 16 * 1024];
    let mut answered = Answered { requests: 0, latencies: Vec::new() };
    for request in requests.iter().cycle() {
        let sent = Instant::now();
        if sent > until {
            break;
        }
        stream.write_all(request.as_bytes()).await.expect("it reads");
        read_answer(&mut stream, &mut buffer).await;
        answered.requests += 1;
        if answered.requests.is_multiple_of(16) {
            answered.latencies.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
        }
    }
    answered
}

/// Reads exactly one answer, which must be 200.
async fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) {
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await.expect("it answers");
        assert_ne!(read, 0, "it closed the connection");
        filled += read;
        if let Some(length) = answer_length(&buffer[..filled])
            && filled >= length
        {
            return;
        }
    }
}

fn answer_length(answer: &[u8]) -> Option<usize> {
    let head = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&answer[..head]).expect("ASCII");
    assert!(text.starts_with("HTTP/1.1 200 "), "{}", String::from_utf8_lossy(answer));
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
    Some(head + length.parse::<usize>().expect("a number"))
}

pub fn get(path: &str, authorization: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {authorization}\r\n\r\n")
}

/// The CPU time of all threads of a process, in seconds.
pub fn cpu_seconds(pid: u32) -> f64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("a running process");
    let nanos = tasks.flatten().filter_map(|task| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    });
    nanos.sum::<f64>() / 1e9
}

/// Resident memory in MB.
pub fn resident_mb(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a running process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
    line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1000.0
}

/// The same command on the first core.
pub fn pinned(command: &Command) -> Command {
    let mut pinned = Command::new("taskset");
    pinned.args(["-c", "0"]).arg(command.get_program()).args(command.get_args()).env_clear();
    pinned.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = command.get_current_dir() {
        pinned.current_dir(folder);
    }
    pinned.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    pinned
}

/// Moves this process, the load, to the second core.
pub fn leave_the_first_core() {
    let pid = std::process::id().to_string();
    let moved = Command::new("taskset").args(["-a", "-p", "-c", "1", &pid]).output();
    assert!(
        moved.is_ok_and(|output| output.status.success()),
        "taskset (util-linux) and two cores are needed"
    );
}

/// A server for development with hashes that cost nothing and without throttling.
pub fn cloakroom(place: &Place, more: &[&str]) -> Command {
    let cheap = ["dev", "--set", "password.memory_kib=64", "--set", "password.iterations=1"];
    let limits = ["--set", "session.max_per_user=100000", "--set", "throttle.per_address=1000000/1m"];
    let arguments: Vec<_> = cheap.iter().chain(&limits).chain(more).copied().collect();
    let mut command = place.command(&arguments);
    command.env("CLOAKROOM_LOG", "warn").env("CLOAKROOM__TOKEN__LIFETIME", "1h");
    command
}

/// This many credentials of one user.
pub fn log_in(server: &Server, strategy: &str, number: usize) -> Vec<String> {
    let body =
        serde_json::json!({"email": "alice@example.com", "password": PASSWORD, "name": "Alice Liddell"});
    let status = server.post("/v1/signup", &body).status;
    assert!(status == 201 || status == 409);
    (0..number).map(|_| server.login("alice", strategy)).collect()
}
