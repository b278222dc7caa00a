//! The question `GET /v1/feed/sync?verifier=&bound=&epoch=&since=&nonce=` and its answer.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::event::WireEvent;
use super::{NotUnderstood, time};
use crate::{Event, Rv, Timestamp};

/// The question: what happened after this position?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyncQuestion {
    /// Who asks: one running verifier, for receipts. 1 to 64 characters of `A-Z a-z 0-9 - _ .`.
    pub verifier: String,
    /// For how long the verifier trusts an answer, in milliseconds.
    pub bound: u64,
    /// The position that it asks from; both absent: from nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u32>,
    /// See `epoch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u32>,
    /// Comes back in the answer. 1 to 64 characters of the same.
    pub nonce: String,
}

impl SyncQuestion {
    /// The position that it asks from. An error where only half of one is given.
    pub fn position(&self) -> Result<Option<Rv>, NotUnderstood> {
        match (self.epoch, self.since) {
            (Some(epoch), Some(since)) if epoch <= 0x7FFF_FFFF => Ok(Some(Rv::new(epoch, since))),
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(NotUnderstood("epoch")),
            (Some(_), None) | (None, Some(_)) => Err(NotUnderstood("epoch and since go together")),
        }
    }

    /// Whether this can name a verifier or be a nonce.
    pub fn is_name(text: &str) -> bool {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        (1..=64).contains(&text.len()) && text.bytes().all(plain)
    }
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncAnswer {
    /// As it was asked.
    pub nonce: String,
    /// Everything that was committed before the question was sent, `age` earlier, is at or below this.
    pub head: Rv,
    /// The least `rv` that survives `everything_before`.
    pub floor: Rv,
    /// What happened.
    pub news: News,
    /// How much older than the question the knowledge is.
    pub age: Duration,
    /// The server's bound: a verifier uses the smaller of the two.
    pub bound: Duration,
    /// The clock that `exp` is judged by.
    pub server_time: Timestamp,
    /// How long the server keeps events.
    pub retain: Duration,
}

/// What happened after a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// Every live event after it, in order; every live event at all where the head is of another epoch.
    Events(Vec<Event>),
    /// More than an answer brings: fetch everything from this path.
    Snapshot(String),
}

/// How it is spelled.
#[derive(Serialize, Deserialize)]
struct Spelled {
    nonce: String,
    epoch: u32,
    head: u32,
    floor: Rv,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    events: Option<Vec<WireEvent>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    snapshot: Option<String>,
    age: u64,
    bound: u64,
    #[serde(with = "time")]
    server_time: Timestamp,
    retain_s: u64,
}

impl SyncAnswer {
    /// As JSON.
    pub fn to_json(&self) -> Vec<u8> {
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let (events, snapshot) = match &self.news {
            News::Events(events) => (Some(events.iter().map(WireEvent::from).collect()), None),
            News::Snapshot(path) => (None, Some(path.clone())),
        };
        let spelled = Spelled {
            nonce: self.nonce.clone(),
            epoch: self.head.epoch(),
            head: self.head.seq(),
            floor: self.floor,
            events,
            snapshot,
            // Rounded up: knowledge must never look younger than it is.
            age: millis(self.age + Duration::from_nanos(999_999)),
            bound: millis(self.bound),
            server_time: self.server_time,
            retain_s: self.retain.as_secs(),
        };
        serde_json::to_vec(&spelled).expect("strings and numbers can be written")
    }

    /// From JSON.
    pub fn from_json(json: &[u8]) -> Result<Self, NotUnderstood> {
        let spelled: Spelled = serde_json::from_slice(json).map_err(|_| NotUnderstood("the answer"))?;
        let news = match (spelled.events, spelled.snapshot) {
            (Some(events), None) => {
                News::Events(events.into_iter().map(Event::try_from).collect::<Result<_, _>>()?)
            }
            (None, Some(path)) => News::Snapshot(path),
            (Some(_), Some(_)) | (None, None) => return Err(NotUnderstood("events or a snapshot")),
        };
        Ok(Self {
            nonce: spelled.nonce,
            head: Rv::new(spelled.epoch, spelled.head),
            floor: spelled.floor,
            news,
            age: Duration::from_millis(spelled.age),
            bound: Duration::from_millis(spelled.bound),
            server_time: spelled.server_time,
            retain: Duration::from_secs(spelled.retain_s),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Revocation, SessionId};

    fn answer(news: News) -> SyncAnswer {
        SyncAnswer {
            nonce: String::from("n-1"),
            head: Rv::new(28_000_000, 43),
            floor: Rv::ZERO,
            news,
            age: Duration::from_millis(3),
            bound: Duration::from_secs(2),
            server_time: Timestamp::from_seconds(1_800_000_000),
            retain: Duration::from_secs(1022),
        }
    }

    #[test]
    fn both_kinds_travel() {
        let event = Event {
            rv: Rv::new(28_000_000, 43),
            revocation: Revocation::SessionRevoked(SessionId::from_bytes([1; 16])),
            keep_until: Timestamp::from_seconds(1_800_001_000),
        };
        let snapshot = News::Snapshot(String::from(super::super::SNAPSHOT));
        for news in [News::Events(Vec::new()), News::Events(vec![event]), snapshot] {
            let answer = answer(news);
            let back = SyncAnswer::from_json(&answer.to_json()).unwrap();
            assert_eq!(back, SyncAnswer { age: Duration::from_millis(3), ..answer });
        }
    }

    #[test]
    fn knowledge_never_looks_younger_than_it_is() {
        let answer = SyncAnswer { age: Duration::from_nanos(1), ..answer(News::Events(Vec::new())) };
        assert_eq!(SyncAnswer::from_json(&answer.to_json()).unwrap().age, Duration::from_millis(1));
    }

    #[test]
    fn it_is_spelled_as_documented() {
        let text = String::from_utf8(answer(News::Events(Vec::new())).to_json()).unwrap();
        assert_eq!(
            text,
            r#"{"nonce":"n-1","epoch":28000000,"head":43,"floor":"0000000000000000","events":[],"age":3,"bound":2000,"server_time":"2027-01-15T08:00:00.000Z","retain_s":1022}"#
        );
    }

    #[test]
    fn half_a_position_is_none() {
        let question = |epoch, since| SyncQuestion {
            verifier: String::from("v"),
            bound: 2000,
            epoch,
            since,
            nonce: String::from("n"),
        };
        assert_eq!(question(None, None).position(), Ok(None));
        assert_eq!(question(Some(1), Some(2)).position(), Ok(Some(Rv::new(1, 2))));
        assert!(question(Some(1), None).position().is_err());
        assert!(question(None, Some(1)).position().is_err());
        assert!(question(Some(u32::MAX), Some(1)).position().is_err());
        assert!(SyncQuestion::is_name("shop-1.a_b"));
        assert!(!["", "a b", "a\n", &"a".repeat(65)].into_iter().any(SyncQuestion::is_name));
    }
}
