//! A row as bytes: a few hundred of them, and every write makes other ones.

use std::time::Duration;

use cloakroom_auth::refresh::Spent;
use cloakroom_auth::session::{RowSecret, RowStrategy, Session};
use cloakroom_verify::{Rv, SessionId, Timestamp, Transport, UserId};

use crate::words;

/// The first byte: a later version that changes the rest changes it.
const FORMAT: u8 = 1;

/// What the bytes say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// How often it was written.
    pub(super) version: i64,
    /// How many privilege changes it has taken up.
    pub(super) changes: i64,
    pub(super) session: Session,
}

impl Row {
    /// The next version of this row.
    pub(super) fn next(&self, changes: i64, session: Session) -> Self {
        Self { version: self.version + 1, changes, session }
    }

    /// Everything but the end, of which only SQL knows.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let row = &self.session;
        let mut bytes = vec![FORMAT];
        let mut number = |number: i64| bytes.extend_from_slice(&number.to_be_bytes());
        for value in [
            self.version,
            self.changes,
            row.generation.into(),
            row.floor.into(),
            row.strikes.into(),
            row.rv.as_i64(),
            row.written_epoch.into(),
            row.auth_time.as_millis(),
            row.created_at.as_millis(),
            row.last_used_at.as_millis(),
            words::millis(row.idle_timeout),
            row.expires_at.as_millis(),
        ] {
            number(value);
        }
        bytes.extend_from_slice(row.id.as_bytes());
        bytes.extend_from_slice(row.user.as_bytes());
        bytes.extend_from_slice(&row.secret.0);
        bytes.push(u8::from(row.strategy == RowStrategy::Hybrid));
        bytes.push(u8::from(row.transport == Transport::Body));
        bytes.push(u8::from(row.remember));
        bytes.push(u8::from(row.keyed));
        let mut text = |text: Option<&[u8]>| {
            // Absent is another thing than empty.
            let length = text.map_or(0, |text| text.len() as u32 + 1);
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(text.unwrap_or_default());
        };
        text(Some(&row.spent.to_blob()));
        text(Some(row.device.as_bytes()));
        text(row.jkt.as_deref().map(str::as_bytes));
        text(row.ip.as_deref().map(str::as_bytes));
        text(row.user_agent.as_deref().map(str::as_bytes));
        bytes
    }

    /// Reads these bytes; `None` where they are no row.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut rest = Rest(bytes);
        if rest.array::<1>()? != [FORMAT] {
            return None;
        }
        let (version, changes) = (rest.number()?, rest.number()?);
        let (generation, floor, strikes) = (rest.small()?, rest.small()?, rest.small()?);
        let (rv, written_epoch) = (Rv::from_i64(rest.number()?)?, rest.small()?);
        let (auth_time, created_at, last_used_at) = (rest.time()?, rest.time()?, rest.time()?);
        let idle_timeout = Duration::from_millis(rest.number()?.try_into().ok()?);
        let expires_at = rest.time()?;
        let session = Session {
            id: SessionId::from_bytes(rest.array()?),
            user: UserId::from_bytes(rest.array()?),
            secret: RowSecret(rest.array()?),
            strategy: if rest.flag()? { RowStrategy::Hybrid } else { RowStrategy::Session },
            transport: if rest.flag()? { Transport::Body } else { Transport::Cookie },
            remember: rest.flag()?,
            keyed: rest.flag()?,
            spent: Spent::from_blob(rest.bytes()??)?,
            device: rest.text()??,
            jkt: rest.text()?.map(Into::into),
            ip: rest.text()?,
            user_agent: rest.text()?,
            generation,
            floor,
            strikes,
            rv,
            written_epoch,
            auth_time,
            created_at,
            last_used_at,
            idle_timeout,
            expires_at,
            revoked: None,
        };
        rest.0.is_empty().then_some(Self { version, changes, session })
    }
}

/// What is not read yet.
struct Rest<'b>(&'b [u8]);

impl<'b> Rest<'b> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn number(&mut self) -> Option<i64> {
        self.array().map(i64::from_be_bytes)
    }

    fn small(&mut self) -> Option<u32> {
        self.number()?.try_into().ok()
    }

    fn time(&mut self) -> Option<Timestamp> {
        self.number().map(Timestamp::from_millis)
    }

    fn flag(&mut self) -> Option<bool> {
        match self.array()? {
            [0] => Some(false),
            [1] => Some(true),
            [_] => None,
        }
    }

    /// The outer one is whether it can be read, the inner one whether it is there.
    fn bytes(&mut self) -> Option<Option<&'b [u8]>> {
        let Some(length) = u32::from_be_bytes(self.array()?).checked_sub(1) else { return Some(None) };
        let (bytes, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(Some(bytes))
    }

    fn text(&mut self) -> Option<Option<String>> {
        match self.bytes()? {
            Some(bytes) => String::from_utf8(bytes.to_vec()).ok().map(Some),
            None => Some(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        let at = Timestamp::from_seconds;
        let session = Session {
            id: SessionId::from_bytes([1; 16]),
            user: UserId::from_bytes([2; 16]),
            strategy: RowStrategy::Hybrid,
            transport: Transport::Cookie,
            remember: true,
            secret: RowSecret([3; 16]),
            generation: u32::MAX,
            floor: 5,
            spent: Spent::from_blob(&[0; 82]).unwrap(),
            keyed: true,
            strikes: 2,
            jkt: Some("thumb".into()),
            rv: Rv::new(7, 8),
            written_epoch: 7,
            device: String::from("Füchsin"),
            ip: None,
            user_agent: Some(String::new()),
            auth_time: at(1),
            created_at: at(2),
            last_used_at: at(3),
            idle_timeout: Duration::from_millis(4),
            expires_at: at(5),
            revoked: None,
        };
        Row { version: 9, changes: 10, session }
    }

    #[test]
    fn a_row_comes_back_as_it_was_written() {
        assert_eq!(Row::from_bytes(&row().to_bytes()), Some(row()));
    }

    #[test]
    fn what_is_cut_or_too_long_or_of_another_format_is_no_row() {
        let bytes = row().to_bytes();
        for end in 0..bytes.len() {
            assert_eq!(Row::from_bytes(&bytes[..end]), None, "{end} bytes");
        }
        assert_eq!(Row::from_bytes(&[&bytes[..], &[0]].concat()), None);
        assert_eq!(Row::from_bytes(&[&[2], &bytes[1..]].concat()), None);
    }
}
