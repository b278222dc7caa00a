//! Real proxies in front of real servers: found where they are installed, ended with their test.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::skip::skip;

/// Stops it when its own input ends, however its owner does. What it gives the proxy as its output it does not keep.
const KEEPER: &str =
    r#""$@" </dev/null & proxy=$!; exec >/dev/null; read -r _; kill -TERM $proxy; wait $proxy"#;

/// Where a proxy is; `None`, said loudly, where it is not.
pub fn program(name: &str, what: &str, how_to_get: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let found = folders.map(|folder| folder.join(name)).find(|file| file.is_file());
    if found.is_none() {
        skip(what, how_to_get);
    }
    found
}

/// A proxy that runs.
pub struct Proxy(Child);

impl Proxy {
    pub fn start(command: &Command, stdout: Stdio) -> Self {
        let mut kept = Command::new("sh");
        kept.args(["-c", KEEPER, "sh"]).arg(command.get_program()).args(command.get_args());
        kept.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let keeper = kept.stdin(Stdio::piped()).stdout(stdout).stderr(Stdio::null()).spawn();
        Self(keeper.expect("sh is there"))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// An example's configuration with these addresses in place of those that it names, each in a directive.
pub fn at_addresses<const N: usize>(example: &str, addresses: [(&str, SocketAddr); N]) -> String {
    addresses.iter().fold(example.to_owned(), |config, (port, address)| {
        let shown = format!("127.0.0.1:{port}");
        let mut lines = config.lines().filter(|line| !line.trim_start().starts_with('#'));
        assert!(lines.any(|line| line.contains(&shown)), "{shown}");
        config.replace(&shown, &address.to_string())
    })
}
