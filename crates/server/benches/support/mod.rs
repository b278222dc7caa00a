//! Load from one core, servers on the other, and what the kernel says they used.
#![allow(dead_code, clippy::allow_attributes, reason = "each benchmark uses its part")]

pub mod floor;
pub mod load;
pub mod refreshing;

use std::process::Command;

use crate::common::{PASSWORD, Place, Server};

pub fn get(path: &str, authorization: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {authorization}\r\n\r\n")
}

/// The CPU time of all threads of a process, in seconds.
pub fn cpu_seconds(pid: u32) -> f64 {
    cpu_of_threads(pid).map(|(_, seconds)| seconds).sum()
}

/// The CPU time of each thread that a process has now, in seconds.
pub fn cpu_of_threads(pid: u32) -> impl Iterator<Item = (std::path::PathBuf, f64)> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    threads.filter_map(|thread| {
        let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        Some((thread.path(), text.split(' ').next()?.parse::<f64>().ok()? / 1e9))
    })
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
