//! Moments as RFC 3339 spells them in UTC, with milliseconds.

use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serializer, de};

use crate::Timestamp;

/// The last millisecond that RFC 3339 can spell.
const LAST: i64 = 253_402_300_799_999;

pub(super) fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    let millis = u64::try_from(at.as_millis().clamp(0, LAST)).unwrap_or(0);
    serializer.collect_str(&humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(millis)))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    let at = humantime::parse_rfc3339(&text).map_err(|_| de::Error::custom("expected a time in UTC"))?;
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(LAST)))
}

/// The same where what is kept for ever has no time.
pub(super) mod or_never {
    use super::*;

    const NEVER: Timestamp = Timestamp::from_millis(i64::MAX);

    pub(in super::super) fn serialize<S: Serializer>(
        at: &Timestamp,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        if *at == NEVER { serializer.serialize_none() } else { super::serialize(at, serializer) }
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Timestamp, D::Error> {
        #[derive(Deserialize)]
        struct Spelled(#[serde(with = "super")] Timestamp);
        Ok(Option::<Spelled>::deserialize(deserializer)?.map_or(NEVER, |Spelled(at)| at))
    }
}
