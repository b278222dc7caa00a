//! Lines, one after the other, none longer than what one account needs.

use std::io::{BufRead, BufReader, Read, Result};

/// As the largest body of a request.
const AT_MOST: usize = 64 * 1024;
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// A line that is not blank.
pub(super) struct Line {
    /// From 1, blank ones counted.
    pub(super) number: u64,
    /// Without the line break, or why it was not read.
    pub(super) text: std::result::Result<Vec<u8>, &'static str>,
}

/// A file, or a pipe.
pub(super) struct Lines<R> {
    from: BufReader<R>,
    number: u64,
}

impl<R: Read> Lines<R> {
    pub(super) fn of(from: R) -> Self {
        Self { from: BufReader::new(from), number: 0 }
    }

    /// The next so many; fewer at the end.
    pub(super) fn take(&mut self, count: usize) -> Result<Vec<Line>> {
        let mut lines = Vec::new();
        while lines.len() < count {
            match self.next()? {
                Some(line) if line.text.as_ref().is_ok_and(|text| text.trim_ascii().is_empty()) => {}
                Some(line) => lines.push(line),
                None => break,
            }
        }
        Ok(lines)
    }

    fn next(&mut self) -> Result<Option<Line>> {
        let mut text = Vec::new();
        let most = AT_MOST as u64 + 1;
        if self.from.by_ref().take(most).read_until(b'\n', &mut text)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        if text.last() != Some(&b'\n') && text.len() > AT_MOST {
            self.from.skip_until(b'\n')?;
            return Ok(Some(Line { number: self.number, text: Err("longer than 64 KiB") }));
        }
        if self.number == 1 && text.starts_with(BOM) {
            text.drain(..BOM.len());
        }
        Ok(Some(Line { number: self.number, text: Ok(text) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Vec<(u64, std::result::Result<Vec<u8>, &'static str>)> {
        let mut lines = Lines::of(text);
        let mut all = Vec::new();
        loop {
            let batch = lines.take(2).unwrap();
            if batch.is_empty() {
                return all;
            }
            all.extend(batch.into_iter().map(|line| (line.number, line.text)));
        }
    }

    #[test]
    fn lines_are_numbered_and_blank_ones_skipped() {
        let found = read(b"\xEF\xBB\xBFone\n\n \r\ntwo\r\nthree");
        let text = |text: &[u8]| Ok(text.to_vec());
        assert_eq!(found, [(1, text(b"one\n")), (4, text(b"two\r\n")), (5, text(b"three"))]);
        assert_eq!(read(b""), []);
    }

    #[test]
    fn a_line_without_end_takes_no_memory_and_does_not_hide_the_next() {
        let long = [vec![b'x'; 3 * AT_MOST], b"\nnext\n".to_vec()].concat();
        assert_eq!(read(&long), [(1, Err("longer than 64 KiB")), (2, Ok(b"next\n".to_vec()))]);
        let whole = [vec![b'x'; AT_MOST], b"\n".to_vec()].concat();
        assert!(read(&whole)[0].1.is_ok());
    }
}
