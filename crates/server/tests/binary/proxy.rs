//! Real proxies in front of real servers: found where they are installed, ended with their test.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::common::skip::skip;
use super::load::until;

/// Stops it when its own input ends, however its owner does.
const KEEPER: &str = r#""$@" </dev/null & proxy=$!; read -r _; kill -TERM $proxy; wait $proxy"#;

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

/// A proxy that listens.
pub struct Proxy {
    keeper: Child,
    pub listen: SocketAddr,
}

impl Proxy {
    /// Starts it; the configuration says that it listens there.
    pub fn start(command: &Command, listen: SocketAddr) -> Self {
        let mut kept = Command::new("sh");
        kept.args(["-c", KEEPER, "sh"]).arg(command.get_program()).args(command.get_args());
        kept.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let keeper = kept.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let started = Self { keeper: keeper.expect("sh is there"), listen };
        until("the proxy listens", || TcpStream::connect(listen).is_ok());
        started
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// An address that nobody has at this moment.
pub fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// An example's configuration with these addresses in place of those that it names, each in a directive, once.
pub fn at_addresses<const N: usize>(example: &str, addresses: [(&str, SocketAddr); N]) -> String {
    addresses.iter().fold(example.to_owned(), |config, (port, address)| {
        let shown = format!("127.0.0.1:{port}");
        let lines = config.lines().filter(|line| !line.trim_start().starts_with('#'));
        assert_eq!(lines.filter(|line| line.contains(&shown)).count(), 1, "{shown}");
        config.replace(&shown, &address.to_string())
    })
}
