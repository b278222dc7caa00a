//! Everything that is live, as lines of JSON: a head that says how many follow, then one array an event.
//!
//! Lines, so that neither side holds the text of millions of them at once, and a cut is noticed.

use serde::{Deserialize, Serialize};

use super::{NotUnderstood, time};
use crate::{Event, Revocation, Rv, Timestamp};

/// What the lines are.
pub const MEDIA_TYPE: &str = "application/x-ndjson";

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotHead {
    epoch: u32,
    head: u32,
    /// The least `rv` that survives `everything_before`.
    pub floor: Rv,
    /// How many lines follow.
    pub entries: u64,
    /// When it was read.
    #[serde(with = "time")]
    pub server_time: Timestamp,
    /// How long the server keeps events, in seconds.
    pub retain_s: u64,
}

impl SnapshotHead {
    /// A head that reaches this position.
    pub const fn new(head: Rv, floor: Rv, entries: u64, server_time: Timestamp, retain_s: u64) -> Self {
        Self { epoch: head.epoch(), head: head.seq(), floor, entries, server_time, retain_s }
    }

    /// The position that it reaches.
    pub const fn head(&self) -> Rv {
        Rv::new(self.epoch, self.head)
    }

    /// The line, with its end.
    pub fn to_line(&self) -> String {
        serde_json::to_string(self).expect("strings and numbers can be written") + "\n"
    }

    /// Reads the line.
    pub fn from_line(line: &str) -> Result<Self, NotUnderstood> {
        serde_json::from_str(line).map_err(|_| NotUnderstood("the head of a snapshot"))
    }
}

/// An event as a line, with its end: kind, key or null, position, and the second until which it matters or null.
pub fn to_line(event: &Event) -> String {
    let (kind, key) = event.revocation.kind_and_key();
    let keep_until = (event.keep_until != NEVER).then(|| event.keep_until.after(ROUND_UP).as_seconds());
    serde_json::to_string(&(kind, key, event.rv, keep_until)).expect("strings and numbers can be written")
        + "\n"
}

/// Reads the line.
pub fn from_line(line: &str) -> Result<Event, NotUnderstood> {
    let read: Result<(&str, Option<&str>, Rv, Option<i64>), _> = serde_json::from_str(line);
    let (kind, key, rv, keep_until) = read.map_err(|_| NotUnderstood("a line of a snapshot"))?;
    let revocation = Revocation::of_kind_and_key(kind, key).ok_or(NotUnderstood("an event"))?;
    Ok(Event { rv, revocation, keep_until: keep_until.map_or(NEVER, Timestamp::from_seconds) })
}

const NEVER: Timestamp = Timestamp::from_millis(i64::MAX);
/// Never forgotten too early.
const ROUND_UP: std::time::Duration = std::time::Duration::from_millis(999);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::UserId;

    #[test]
    fn a_line_is_an_event() {
        let revocation = Revocation::UserBefore(UserId::from_bytes([0; 16]));
        let event = Event { rv: Rv::new(1, 2), revocation, keep_until: Timestamp::from_millis(99_001) };
        let line = to_line(&event);
        assert_eq!(
            line,
            "[\"user_before\",\"00000000-0000-0000-0000-000000000000\",\"0000000100000002\",100]\n"
        );
        assert_eq!(from_line(&line), Ok(Event { keep_until: Timestamp::from_seconds(100), ..event }));
        let for_ever =
            Event { rv: Rv::new(1, 3), revocation: Revocation::EverythingBefore, keep_until: NEVER };
        assert_eq!(from_line(&to_line(&for_ever)), Ok(for_ever));
        for bad in [
            "",
            "[]",
            "[\"realm\",\"a\",\"0000000100000002\",1]",
            "[\"user_before\",null,\"0000000100000002\",1]",
        ] {
            assert!(from_line(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_head_says_how_many_follow() {
        let head = SnapshotHead::new(Rv::new(5, 6), Rv::ZERO, 3, Timestamp::from_seconds(1_800_000_000), 60);
        let back = SnapshotHead::from_line(&head.to_line()).unwrap();
        assert_eq!((back.head(), back.entries), (Rv::new(5, 6), 3));
        assert_eq!(back, head);
    }
}
