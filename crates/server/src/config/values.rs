//! What the text of a value means.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

/// Where the world finds us: `https://auth.example.com`, without a path or a trailing slash. It is the `iss` of
/// access tokens and our own origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(String);

/// `scheme://host[:port]`, exactly as a browser writes it in `Origin`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

/// Why a text is no origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected scheme://host or scheme://host:port in lower case, with http or https, without a path, a query, a \
     trailing slash or the scheme's own port"
)]
pub struct InvalidOrigin;

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let uri: http::Uri = text.parse().map_err(|_| InvalidOrigin)?;
        let scheme = uri.scheme_str().ok_or(InvalidOrigin)?;
        let authority = uri.authority().ok_or(InvalidOrigin)?;
        let own_port = match scheme {
            "http" => 80,
            "https" => 443,
            _ => return Err(InvalidOrigin),
        };
        let exact =
            text == format!("{scheme}://{authority}") && !text.contains(|c: char| c.is_ascii_uppercase());
        let plain = !authority.as_str().contains('@') && authority.port_u16() != Some(own_port);
        let host = !authority.host().is_empty() && !authority.as_str().ends_with(':');
        if exact && plain && host { Ok(Self(text.to_owned())) } else { Err(InvalidOrigin) }
    }
}

impl Origin {
    /// As a browser writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is plain http.
    pub fn is_http(&self) -> bool {
        self.0.starts_with("http:")
    }

    /// Whether only this machine can reach it.
    pub fn is_loopback(&self) -> bool {
        let uri: Option<http::Uri> = self.0.parse().ok();
        let host = uri.as_ref().and_then(http::Uri::host).unwrap_or_default();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost"
            || host.ends_with(".localhost")
            || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl PublicUrl {
    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As an origin.
    pub fn origin(&self) -> Origin {
        Origin(self.0.clone())
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text::deserialize(deserializer)
    }
}

impl<'de> Deserialize<'de> for PublicUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Origin::deserialize(deserializer).map(|origin| Self(origin.0))
    }
}

impl FromStr for PublicUrl {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        text.parse().map(|Origin(text)| Self(text))
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An entry of `token.claims`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Claim {
    /// The email as typed.
    Email,
    /// The display name.
    Name,
}

/// `"15m"`, `"1h 30m"`, `"7d"`
pub mod duration {
    use super::*;

    /// Reads one.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<std::time::Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        humantime::parse_duration(&text)
            .map_err(|_| serde::de::Error::custom("expected a duration such as 15m, 1h or 7d"))
    }
}

/// A duration, or `"off"`.
pub mod duration_or_off {
    use super::*;

    /// Reads one.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<std::time::Duration>, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "off" {
            return Ok(None);
        }
        let expected = |_| serde::de::Error::custom("expected a duration such as 90d, or off");
        humantime::parse_duration(&text).map(Some).map_err(expected)
    }
}

/// Anything with a `FromStr`.
pub mod text {
    use super::*;

    /// Reads one.
    pub fn deserialize<'de, D: Deserializer<'de>, T: FromStr<Err: fmt::Display>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Networks (`10.0.0.0/8`) and single addresses.
pub mod networks {
    use ipnet::IpNet;

    use super::*;

    /// Reads a list.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
        let read = |text: String| {
            let single = text.parse::<IpAddr>().map(IpNet::from).ok();
            single.or_else(|| text.parse().ok()).ok_or("expected a network such as 10.0.0.0/8, or an address")
        };
        let texts = Vec::<String>::deserialize(deserializer)?;
        texts.into_iter().map(read).collect::<Result<_, _>>().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_exactly_what_a_browser_writes() {
        for good in
            ["https://auth.example.com", "http://127.0.0.1:8080", "http://[::1]:8080", "http://localhost"]
        {
            assert_eq!(good.parse::<Origin>().map(|origin| origin.0), Ok(good.to_owned()), "{good}");
        }
        for bad in [
            "",
            "*",
            "null",
            "auth.example.com",
            "https://",
            "https://auth.example.com/",
            "https://auth.example.com/path",
            "https://auth.example.com?query",
            "https://Auth.example.com",
            "HTTPS://auth.example.com",
            "https://user@auth.example.com",
            "https://auth.example.com:443",
            "https://auth.example.com:",
            "ftp://auth.example.com",
        ] {
            assert_eq!(bad.parse::<Origin>(), Err(InvalidOrigin), "{bad}");
        }
    }

    #[test]
    fn loopback_is_this_machine_only() {
        let is_loopback = |text: &str| text.parse::<Origin>().unwrap().is_loopback();
        for text in [
            "http://localhost:1",
            "http://127.0.0.1",
            "http://127.9.9.9",
            "http://[::1]",
            "http://a.localhost",
        ] {
            assert!(is_loopback(text), "{text}");
        }
        for text in
            ["http://localhost.evil.test", "http://10.0.0.1", "http://127.0.0.1.evil.test", "http://0.0.0.0"]
        {
            assert!(!is_loopback(text), "{text}");
        }
    }
}
