//! Real uses of sessions, as a verifier reports them in batches: `[{"session":"0190..","at":"2026-..Z"}]`.

use serde::{Deserialize, Serialize};

use super::time;
use crate::{SessionId, Timestamp};

/// Most uses of one report.
pub const MOST_USES: usize = 500;

/// A use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Use {
    /// Which session.
    pub session: SessionId,
    /// When a request of its owner was accepted. The server takes no time that lies ahead of its own.
    #[serde(with = "time")]
    pub at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_spelled_as_documented() {
        let used =
            Use { session: SessionId::from_bytes([0; 16]), at: Timestamp::from_millis(1_800_000_000_001) };
        let text = serde_json::to_string(&used).unwrap();
        assert_eq!(
            text,
            r#"{"session":"00000000-0000-0000-0000-000000000000","at":"2027-01-15T08:00:00.001Z"}"#
        );
        assert_eq!(serde_json::from_str::<Use>(&text).unwrap(), used);
    }
}
