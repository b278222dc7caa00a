//! The revocation version: how much of the feed a credential already knows.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::InvalidId;

/// A position in the feed as one ordered number: an epoch of 31 bits, then a sequence number of 32.
///
/// In JSON it is 16 lower-case hex digits of fixed width, because JavaScript loses integers past 2^53.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "&str", into = "String")]
pub struct Rv(u64);

impl Rv {
    /// Before every event.
    pub const ZERO: Self = Self(0);

    /// The position `seq` of `epoch`. The top bit of the epoch is cut, so that it fits a signed 64-bit column.
    pub const fn new(epoch: u32, seq: u32) -> Self {
        Self((((epoch & 0x7FFF_FFFF) as u64) << 32) | seq as u64)
    }

    /// From a database column; a negative one is no position.
    pub fn from_i64(value: i64) -> Option<Self> {
        u64::try_from(value).ok().map(Self)
    }

    /// As a database column holds it.
    pub const fn as_i64(self) -> i64 {
        self.0 as i64
    }

    /// The position after this one; past the last of an epoch begins the next.
    #[must_use]
    pub const fn next(self) -> Self {
        Self((self.0 + 1) & i64::MAX as u64)
    }

    /// As one ordered number.
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// The epoch: which life of the database.
    pub const fn epoch(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// The number within the epoch.
    pub const fn seq(self) -> u32 {
        self.0 as u32
    }
}

impl fmt::Display for Rv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Rv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rv({}.{})", self.epoch(), self.seq())
    }
}

impl TryFrom<&str> for Rv {
    type Error = InvalidId;

    fn try_from(text: &str) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<Rv> for String {
    fn from(rv: Rv) -> String {
        rv.to_string()
    }
}

impl FromStr for Rv {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != 16 || !text.bytes().all(digit) {
            return Err(InvalidId);
        }
        match u64::from_str_radix(text, 16) {
            Ok(value) if value <= i64::MAX as u64 => Ok(Self(value)),
            Ok(_) | Err(_) => Err(InvalidId),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_order_before_sequence_numbers() {
        assert!(Rv::new(2, 0) > Rv::new(1, u32::MAX));
        assert_eq!((Rv::new(7, 9).epoch(), Rv::new(7, 9).seq()), (7, 9));
    }

    #[test]
    fn text_has_one_spelling() {
        let rv = Rv::new(28_000_000, 42);
        assert_eq!(rv.to_string(), "01ab3f000000002a");
        assert_eq!(rv.to_string().parse(), Ok(rv));
        for bad in ["01AB3F000000002A", "1ab3f000000002a", "+1ab3f000000002a", "ffffffffffffffff", ""] {
            assert_eq!(bad.parse::<Rv>(), Err(InvalidId), "{bad}");
        }
    }
}
