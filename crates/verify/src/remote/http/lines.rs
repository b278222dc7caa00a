//! Lines, one after the other, and a snapshot made of them.

use bytes::{Buf, BytesMut};
use hyper::body::Incoming;

use super::body;
use crate::Event;
use crate::feed::wire::NotUnderstood;
use crate::feed::wire::snapshot::{SnapshotHead, from_line};
use crate::remote::link::{Failed, Snapshot};

/// The longest line: an event is a tenth of it.
const LONGEST: usize = 4 * 1024;

/// Takes text apart into lines as it arrives.
#[derive(Default)]
pub(super) struct Lines {
    arrived: BytesMut,
    /// Up to here there is no end of a line.
    searched: usize,
}

impl Lines {
    pub(super) fn add(&mut self, part: &[u8]) {
        self.arrived.extend_from_slice(part);
    }

    /// The next whole line, without its end.
    pub(super) fn next(&mut self) -> Result<Option<String>, Failed> {
        let Some(end) = self.arrived[self.searched..].iter().position(|byte| *byte == b'\n') else {
            self.searched = self.arrived.len();
            return if self.arrived.len() > LONGEST { Err(Failed::TooLarge) } else { Ok(None) };
        };
        let mut line = self.arrived.split_to(self.searched + end);
        self.arrived.advance(1);
        self.searched = 0;
        if line.last() == Some(&b'\r') {
            line.truncate(line.len() - 1);
        }
        if line.len() > LONGEST {
            return Err(Failed::TooLarge);
        }
        String::from_utf8(line.into()).map(Some).map_err(|_| NotUnderstood("a line that is no text").into())
    }

    /// Whether a line has begun.
    pub(super) fn is_within(&self) -> bool {
        !self.arrived.is_empty()
    }
}

/// A snapshot on its way.
pub struct SnapshotLines {
    body: Incoming,
    lines: Lines,
    head: SnapshotHead,
}

impl SnapshotLines {
    pub(super) async fn open(mut body: Incoming) -> Result<Self, Failed> {
        let mut lines = Lines::default();
        let head = line(&mut body, &mut lines).await?.ok_or(NotUnderstood("an empty snapshot"))?;
        Ok(Self { head: SnapshotHead::from_line(&head)?, body, lines })
    }
}

impl Snapshot for SnapshotLines {
    fn head(&self) -> &SnapshotHead {
        &self.head
    }

    async fn next(&mut self) -> Result<Option<Event>, Failed> {
        match line(&mut self.body, &mut self.lines).await? {
            Some(line) => Ok(Some(from_line(&line)?)),
            None => Ok(None),
        }
    }
}

async fn line(body: &mut Incoming, lines: &mut Lines) -> Result<Option<String>, Failed> {
    loop {
        if let Some(line) = lines.next()? {
            return Ok(Some(line));
        }
        match body::next(body).await? {
            Some(part) => lines.add(&part),
            None if lines.is_within() => return Err(NotUnderstood("a line that was cut").into()),
            None => return Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_however_they_are_cut() {
        let text = "one\r\n\ntwo\nthree";
        for size in 1..=text.len() {
            let (mut lines, mut read) = (Lines::default(), Vec::new());
            for part in text.as_bytes().chunks(size) {
                lines.add(part);
                while let Some(line) = lines.next().unwrap() {
                    read.push(line);
                }
            }
            assert_eq!(read, ["one", "", "two"]);
            assert!(lines.is_within());
        }
    }

    #[test]
    fn a_line_without_end_is_not_kept() {
        let mut lines = Lines::default();
        lines.add(&[b'a'; LONGEST]);
        assert_eq!(lines.next(), Ok(None));
        lines.add(b"aa");
        assert_eq!(lines.next(), Err(Failed::TooLarge));
        let mut lines = Lines::default();
        lines.add(b"\xFF\n");
        assert!(lines.next().is_err());
    }
}
