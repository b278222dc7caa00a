//! Where a server is: over https, or on this machine.

use std::net::IpAddr;

use http::Uri;

/// `https://host[:port]`, or `http://` with a loopback host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    text: String,
    is_https: bool,
}

/// Why this is no server of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the server {origin}: {why}")]
pub struct InvalidServer {
    origin: String,
    why: String,
}

impl InvalidServer {
    pub(super) fn new(origin: &str, why: &str) -> Self {
        Self { origin: origin.to_owned(), why: why.to_owned() }
    }
}

impl Origin {
    pub(super) fn parse(text: &str) -> Result<Self, InvalidServer> {
        // What may be in front of the host is a secret: it is not repeated.
        let shown = text.rsplit('@').next().unwrap_or_default();
        let invalid = |why| InvalidServer::new(shown, why);
        let uri: Uri = text.parse().map_err(|_| invalid("expected an origin, https://host"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(invalid("expected an origin, https://host"));
        };
        if authority.as_str().contains('@') || uri.query().is_some() || !matches!(uri.path(), "" | "/") {
            return Err(invalid("expected scheme, host and port and nothing else"));
        }
        let is_https = match scheme {
            "https" => true,
            // Whoever sits on the way could forge that nothing was revoked, and take the service key.
            "http" if is_loopback(authority.host()) => false,
            "http" => return Err(invalid("plain http is for this machine only: use https")),
            _ => return Err(invalid("expected https")),
        };
        Ok(Self { text: format!("{scheme}://{authority}"), is_https })
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) const fn is_https(&self) -> bool {
        self.is_https
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_is_demanded_off_this_machine() {
        for good in [
            "https://auth.example.com",
            "https://10.0.0.1:8443/",
            "http://127.0.0.1:8080",
            "http://[::1]:1",
            "http://localhost:8080",
        ] {
            let origin = Origin::parse(good).unwrap();
            assert_eq!(origin.as_str(), good.trim_end_matches('/'));
            assert_eq!(origin.is_https(), good.starts_with("https"));
        }
        for bad in [
            "http://auth.example.com",
            "http://10.0.0.1",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "ftp://localhost",
            "auth.example.com",
            "https://user:secret@auth.example.com",
            "https://auth.example.com/v1",
            "https://auth.example.com?a=b",
            "",
        ] {
            let refused = Origin::parse(bad).unwrap_err().to_string();
            assert!(!refused.contains("secret"), "{refused}");
        }
    }
}
