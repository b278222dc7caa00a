//! Real proxies in front of real servers: found where they are installed, ended with their test.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::common::Place;
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

/// nginx with the file `nginx.conf` of this place, and nothing outside it.
pub fn nginx(program: &Path, place: &Place) -> Command {
    let is_root = std::fs::metadata(place.path()).expect("it is there").uid() == 0;
    let user = if is_root { "user root;" } else { "" };
    let mut nginx = Command::new(program);
    nginx.arg("-p").arg(place.path());
    nginx.arg("-c").arg(place.file("nginx.conf")).args(["-g", &format!("daemon off; {user}")]);
    nginx
}

/// Caddy with the file `Caddyfile` of this place; nothing of the outside, and nothing left behind there.
pub fn caddy(program: &Path, place: &Place, verb: &str) -> Command {
    let mut caddy = Command::new(program);
    caddy.args([verb, "--adapter", "caddyfile", "--config"]).arg(place.file("Caddyfile"));
    for name in ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"] {
        caddy.env(name, place.path());
    }
    caddy
}

/// An address that nobody has at this moment.
pub fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
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
