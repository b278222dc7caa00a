//! Where load may go: to this machine, and nowhere else.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// A server on the loopback interface. There is no other way to name one, so that nothing else is ever asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target(SocketAddr);

/// Not an address of this machine's loopback interface.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is refused: load goes to loopback only, as http://127.0.0.1:PORT")]
pub struct NotLoopback(String);

impl Target {
    /// Of `http://127.0.0.1:8080`, of another loopback address, or of `localhost`.
    pub fn parse(url: &str) -> Result<Self, NotLoopback> {
        let refused = || NotLoopback(url.to_owned());
        let authority = url.strip_prefix("http://").ok_or_else(refused)?.trim_end_matches('/');
        let address = match authority.strip_prefix("localhost:") {
            Some(port) => SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse().map_err(|_| refused())?)),
            None => authority.parse().map_err(|_| refused())?,
        };
        if is_loopback(address.ip()) { Ok(Self(address)) } else { Err(refused()) }
    }

    /// Where to connect to.
    pub const fn address(self) -> SocketAddr {
        self.0
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.0)
    }
}

/// Whether the host of a database is this machine.
pub(crate) fn is_loopback_host(host: &str) -> bool {
    host == "localhost" || host.trim_matches(['[', ']']).parse().is_ok_and(is_loopback)
}

/// An IPv4 address in IPv6 clothes is what it is inside.
fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_a_target() {
        for url in
            ["http://127.0.0.1:1", "http://127.8.7.6:80/", "http://[::1]:8080", "http://localhost:8080"]
        {
            assert!(Target::parse(url).is_ok(), "{url}");
        }
        for url in [
            "http://192.0.2.1:80",
            "http://0.0.0.0:80",
            "http://[::]:80",
            "http://[2001:db8::1]:80",
            "http://[::ffff:192.0.2.1]:80",
            "http://example.com:80",
            "http://localhost.example.com:80",
            "http://127.0.0.1@192.0.2.1:80",
            "https://127.0.0.1:443",
            "127.0.0.1:80",
            "http://127.0.0.1",
        ] {
            let refused = Target::parse(url).unwrap_err().to_string();
            assert!(refused.contains(url) && refused.contains("loopback only"), "{refused}");
        }
        assert!(is_loopback_host("::1") && !is_loopback_host("db.example.com") && !is_loopback_host(""));
    }
}
