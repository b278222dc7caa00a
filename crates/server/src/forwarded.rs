//! What a proxy says of a request before it lets it pass, when it asks `GET /v1/verify`.
//!
//! Anybody can write these headers: they are read where the other end of the connection is one of
//! `server.trusted_proxies`, and nowhere else. No path is among what is read: a rule about paths could be got around by
//! another spelling of one.

use std::sync::Once;

use http::{HeaderMap, HeaderValue, Method};
use ipnet::IpNet;

use crate::client_address::{Peer, is_trusted};

const METHOD: &str = "x-forwarded-method";
const HOST: &str = "x-forwarded-host";
const URI: &str = "x-forwarded-uri";

/// A request that waits at a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Forwarded<'r> {
    /// Where it goes, if a proxy of ours says so.
    pub host: Option<&'r HeaderValue>,
    safe: bool,
}

/// A header is there twice: a client's own stands beside the proxy's, and nobody can tell which is which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} twice")]
pub(crate) struct Doubled(&'static str);

impl<'r> Forwarded<'r> {
    /// What is known of it.
    pub(crate) fn read(
        peer: Option<Peer>,
        headers: &'r HeaderMap,
        trusted: &[IpNet],
    ) -> Result<Self, Doubled> {
        if !peer.is_some_and(|peer| is_trusted(peer.0.ip(), trusted)) {
            warn_of(peer, headers);
            // What is asked is all that is known of it: a GET.
            return Ok(Self { host: None, safe: true });
        }
        single(headers, URI)?;
        let method = single(headers, METHOD)?;
        let safe = method.is_some_and(names_a_safe_method) && !opens_a_websocket(headers);
        Ok(Self { host: single(headers, HOST)?, safe })
    }

    /// Whether it can change nothing. A method that our proxy does not name, or that cannot be read, may be any.
    pub(crate) fn is_safe(&self) -> bool {
        self.safe
    }
}

/// The mistake to expect: behind a proxy that nobody named, the cross-site rule does not apply.
fn warn_of(peer: Option<Peer>, headers: &HeaderMap) {
    static ONCE: Once = Once::new();
    if let Some(Peer(address)) = peer
        && headers.contains_key(METHOD)
    {
        ONCE.call_once(|| {
            tracing::warn!(
                peer = %address.ip(),
                "whoever asks /v1/verify is not in server.trusted_proxies: the method that it names is not believed, \
                 and requests of other sites are not told apart"
            );
        });
    }
}

fn names_a_safe_method(method: &HeaderValue) -> bool {
    Method::from_bytes(method.as_bytes()).is_ok_and(|method| method.is_safe())
}

/// It is a `GET`, and after it anything may be said: a page of another site must not open one with our cookie. Proxies keep
/// `Upgrade` to themselves; this one comes through, over HTTP/2 too (RFC 6455 section 4.1, RFC 8441 section 5).
fn opens_a_websocket(headers: &HeaderMap) -> bool {
    headers.contains_key("sec-websocket-version")
}

fn single<'r>(headers: &'r HeaderMap, name: &'static str) -> Result<Option<&'r HeaderValue>, Doubled> {
    let mut lines = headers.get_all(name).iter();
    let first = lines.next();
    if lines.next().is_some() { Err(Doubled(name)) } else { Ok(first) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    fn read<'r>(peer: &str, headers: &'r HeaderMap) -> Result<Forwarded<'r>, Doubled> {
        let peer = Peer(std::net::SocketAddr::new(peer.parse().unwrap(), 4711));
        Forwarded::read(Some(peer), headers, &["10.0.0.0/8".parse().unwrap()])
    }

    #[test]
    fn only_what_can_be_read_as_a_safe_method_is_safe() {
        let safe = |method| read("10.0.0.1", &headers(&[(METHOD, method)])).unwrap().is_safe();
        for method in ["GET", "HEAD", "OPTIONS", "TRACE"] {
            assert!(safe(method), "{method}");
        }
        for method in ["POST", "get", "", " ", "GET, POST", "GET POST", "CONNECT", "G\tET", "GETS"] {
            assert!(!safe(method), "{method:?}");
        }
        assert!(!read("10.0.0.1", &headers(&[])).unwrap().is_safe(), "none at all");
    }

    #[test]
    fn a_websocket_is_not_safe() {
        let lines = headers(&[(METHOD, "GET"), ("sec-websocket-version", "13")]);
        assert!(!read("10.0.0.1", &lines).unwrap().is_safe());
    }

    #[test]
    fn a_stranger_says_nothing() {
        let lines = headers(&[(METHOD, "GET"), (METHOD, "GET"), (HOST, "auth.example.com")]);
        let nothing = Forwarded { host: None, safe: true };
        assert_eq!(read("192.0.2.1", &lines), Ok(nothing));
        assert_eq!(Forwarded::read(None, &lines, &["10.0.0.0/8".parse().unwrap()]), Ok(nothing));
        assert_eq!(read("::ffff:10.0.0.1", &lines), Err(Doubled(METHOD)), "the same proxy over IPv6");
    }

    #[test]
    fn a_header_that_is_there_twice_is_refused() {
        for name in [METHOD, HOST, URI] {
            assert_eq!(read("10.0.0.1", &headers(&[(name, "GET"), (name, "GET")])), Err(Doubled(name)));
        }
    }
}
