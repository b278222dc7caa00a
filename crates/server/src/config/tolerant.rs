//! Entries of `feed.tolerant`: `"/v1/me=30s"`.

use std::collections::HashSet;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::{Config, values};

/// The routes that may be named: what they tell does no harm if it is told a little too long, and they make no
/// credential from the one that is shown. A route that does is never tolerant: it reads the store.
pub const TOLERABLE: &[&str] = &["/v1/me", "/v1/sessions", "/v1/sessions/ended"];

/// More is no outage any more.
const LONGEST: Duration = Duration::from_secs(3600);

/// A route, and for how long after the last moment that all revocations were known it goes on to answer `GET`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tolerant {
    /// Its path.
    pub path: String,
    /// How long.
    pub limit: Duration,
}

/// Why an entry cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a path and a duration, such as /v1/me=30s")]
pub struct InvalidTolerant;

impl FromStr for Tolerant {
    type Err = InvalidTolerant;

    fn from_str(text: &str) -> Result<Self, InvalidTolerant> {
        let (path, limit) = text.split_once('=').ok_or(InvalidTolerant)?;
        let limit = humantime::parse_duration(limit).map_err(|_| InvalidTolerant)?;
        if path.starts_with('/') { Ok(Self { path: path.to_owned(), limit }) } else { Err(InvalidTolerant) }
    }
}

impl<'de> Deserialize<'de> for Tolerant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        values::text::deserialize(deserializer)
    }
}

/// What is wrong with the entries.
pub(super) fn problems(config: &Config, found: &mut Vec<String>) {
    let human = humantime::format_duration;
    let mut named = HashSet::new();
    for Tolerant { path, limit } in &config.feed.tolerant {
        if !TOLERABLE.contains(&path.as_str()) {
            found.push(format!("feed.tolerant: {path} cannot be tolerant, only {}", TOLERABLE.join(", ")));
        }
        if !named.insert(path) {
            found.push(format!("feed.tolerant names {path} twice"));
        }
        if *limit <= config.feed.bound || *limit > LONGEST {
            found.push(format!(
                "feed.tolerant: {path} is {}: expected more than feed.bound, {}, and at most {}",
                human(*limit),
                human(config.feed.bound),
                human(LONGEST)
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_a_path_and_a_duration() {
        let limit = Duration::from_secs(30);
        assert_eq!("/v1/me=30s".parse(), Ok(Tolerant { path: String::from("/v1/me"), limit }));
        for bad in ["", "/v1/me", "/v1/me=", "/v1/me=30", "=30s", "me=30s", "/v1/me=30s=1m"] {
            assert_eq!(bad.parse::<Tolerant>(), Err(InvalidTolerant), "{bad}");
        }
    }
}
