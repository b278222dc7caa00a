//! `text/event-stream` (WHATWG HTML section 9.2), as far as our servers write it: `id` and `data`, and comments as a
//! sign of life.

use hyper::body::Incoming;

use super::body;
use super::lines::Lines;
use crate::Event;
use crate::feed::wire::NotUnderstood;
use crate::feed::wire::event::WireEvent;
use crate::remote::link::{Failed, Pushed};

/// Events as they happen.
pub struct PushedEvents {
    body: Incoming,
    lines: Lines,
    message: Message,
}

/// What was read of a message.
#[derive(Debug, Default, PartialEq, Eq)]
struct Message {
    data: String,
}

/// The most that the lines of one message may hold together.
const LARGEST: usize = 16 * 1024;

impl PushedEvents {
    pub(super) fn new(body: Incoming) -> Self {
        Self { body, lines: Lines::default(), message: Message::default() }
    }
}

impl Pushed for PushedEvents {
    async fn next(&mut self) -> Result<Option<Event>, Failed> {
        while let Some(line) = self.lines.next()? {
            if let Some(event) = self.message.line(&line)? {
                return Ok(Some(event));
            }
        }
        match body::next(&mut self.body).await? {
            // Whatever it is, somebody is there.
            Some(part) => {
                self.lines.add(&part);
                Ok(None)
            }
            None => Err(Failed::Unreachable(String::from("the stream ended"))),
        }
    }
}

impl Message {
    /// Takes in a line. An event where it ends one.
    fn line(&mut self, line: &str) -> Result<Option<Event>, Failed> {
        if line.is_empty() {
            let data = std::mem::take(&mut self.data);
            return if data.is_empty() { Ok(None) } else { event(&data).map(Some) };
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        if field == "data" {
            if !self.data.is_empty() {
                self.data.push('\n');
            }
            self.data += value.strip_prefix(' ').unwrap_or(value);
        }
        // `id` repeats what the data says; other fields mean nothing to us.
        if self.data.len() > LARGEST { Err(Failed::TooLarge) } else { Ok(None) }
    }
}

fn event(data: &str) -> Result<Event, Failed> {
    let event: WireEvent = serde_json::from_str(data).map_err(|_| NotUnderstood("a pushed event"))?;
    Ok(Event::try_from(event)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Revocation, Rv, Timestamp};

    #[test]
    fn a_message_ends_with_an_empty_line_and_everything_else_is_life() {
        let pushed = Event {
            rv: Rv::new(7, 1),
            revocation: Revocation::KeyRevoked("key".parse().unwrap()),
            keep_until: Timestamp::from_millis(i64::MAX),
        };
        let data = format!("data: {}", serde_json::to_string(&WireEvent::from(&pushed)).unwrap());
        let mut message = Message::default();
        for line in [": hello", "", "retry: 1000", "", "id: 7.1", "event: revocation", &data] {
            assert_eq!(message.line(line), Ok(None), "{line}");
        }
        assert_eq!(message.line(""), Ok(Some(pushed)));
        assert_eq!(message, Message::default());
        assert_eq!(message.line("data:{}"), Ok(None));
        assert!(message.line("").is_err(), "what is not understood ends the stream");
    }
}
