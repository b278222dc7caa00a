//! Proxies that take an address by their configuration.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};

use super::common::Place;
use super::common::proxy::Proxy as Running;
pub use super::common::proxy::{at_addresses, program};
use super::load::until;
use super::port;

/// A proxy that listens.
pub struct Proxy {
    pub listen: SocketAddr,
    _running: Running,
}

impl Proxy {
    /// Starts it; the configuration says that it listens there.
    pub fn start(command: &Command, listen: SocketAddr) -> Self {
        let running = Running::start(command, Stdio::null());
        until("the proxy listens", || TcpStream::connect(listen).is_ok());
        Self { listen, _running: running }
    }
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
    SocketAddr::from(([127, 0, 0, 1], port::free().unwrap()))
}
