//! One event: `{"epoch":28000000,"seq":42,"kind":"session_revoked","key":"0190...","keep_until":"2026-..Z"}`.

use serde::{Deserialize, Serialize};

use super::{NotUnderstood, time};
use crate::{Event, Revocation, Rv, Timestamp};

/// An event as it travels. `key` is absent for `everything_before`; `min_rv`, the least that survives, is there for the
/// kinds that kill what is older; `keep_until` is null for what is never forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireEvent {
    epoch: u32,
    seq: u32,
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min_rv: Option<Rv>,
    #[serde(with = "time::or_never")]
    keep_until: Timestamp,
}

impl From<&Event> for WireEvent {
    fn from(event: &Event) -> Self {
        let (kind, key) = event.revocation.kind_and_key();
        Self {
            epoch: event.rv.epoch(),
            seq: event.rv.seq(),
            kind: kind.to_owned(),
            key,
            min_rv: event.revocation.kills_what_is_older().then_some(event.rv),
            keep_until: event.keep_until,
        }
    }
}

impl TryFrom<WireEvent> for Event {
    type Error = NotUnderstood;

    fn try_from(event: WireEvent) -> Result<Self, NotUnderstood> {
        let rv = Rv::new(event.epoch, event.seq);
        let revocation = Revocation::of_kind_and_key(&event.kind, event.key.as_deref())
            .ok_or(NotUnderstood("an event"))?;
        // It is its own position today. Another one must not be taken for it.
        if event.min_rv != revocation.kills_what_is_older().then_some(rv) {
            return Err(NotUnderstood("min_rv"));
        }
        Ok(Self { rv, revocation, keep_until: event.keep_until })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ServiceKeyId, SessionId, TokenId, UserId};

    #[test]
    fn every_kind_travels() {
        let kinds = [
            Revocation::SessionRevoked(SessionId::from_bytes([1; 16])),
            Revocation::TokenRevoked(TokenId::from_bytes([2; 16])),
            Revocation::UserBefore(UserId::from_bytes([3; 16])),
            Revocation::EverythingBefore,
            Revocation::ClaimsBefore(UserId::from_bytes([4; 16])),
            Revocation::SessionChanged(SessionId::from_bytes([5; 16])),
            Revocation::KeyRevoked("key".parse().unwrap()),
            Revocation::ServiceKeyRevoked(ServiceKeyId::from_bytes([6; 16])),
        ];
        for (seq, revocation) in (1..).zip(kinds) {
            for keep_until in [Timestamp::from_millis(1_800_000_000_123), Timestamp::from_millis(i64::MAX)] {
                let event = Event { rv: Rv::new(7, seq), revocation: revocation.clone(), keep_until };
                let text = serde_json::to_string(&WireEvent::from(&event)).unwrap();
                let back: WireEvent = serde_json::from_str(&text).unwrap();
                assert_eq!(Event::try_from(back), Ok(event), "{text}");
            }
        }
    }

    #[test]
    fn it_is_spelled_as_documented() {
        let event = Event {
            rv: Rv::new(28_000_000, 42),
            revocation: Revocation::UserBefore(UserId::from_bytes([0; 16])),
            keep_until: Timestamp::from_seconds(1_800_000_000),
        };
        assert_eq!(
            serde_json::to_string(&WireEvent::from(&event)).unwrap(),
            r#"{"epoch":28000000,"seq":42,"kind":"user_before","key":"00000000-0000-0000-0000-000000000000","min_rv":"01ab3f000000002a","keep_until":"2027-01-15T08:00:00.000Z"}"#
        );
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let not_understood = [
            r#"{"epoch":1,"seq":1,"kind":"realm_revoked","key":"a","keep_until":null}"#,
            r#"{"epoch":1,"seq":1,"kind":"session_revoked","key":"a","keep_until":null}"#,
            r#"{"epoch":1,"seq":1,"kind":"session_revoked","keep_until":null}"#,
            r#"{"epoch":1,"seq":1,"kind":"everything_before","keep_until":null}"#,
            r#"{"epoch":1,"seq":1,"kind":"everything_before","min_rv":"0000000100000002","keep_until":null}"#,
        ];
        for text in not_understood {
            let event: WireEvent = serde_json::from_str(text).unwrap();
            assert!(Event::try_from(event).is_err(), "{text}");
        }
    }
}
