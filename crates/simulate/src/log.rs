//! A schedule in words. Lines are kept as values, and spelled only for a schedule that broke a promise.

use std::fmt;

use cloakroom_verify::{OpaqueKind, Timestamp};

use crate::asked::Want;
use crate::bench::BEGIN;
use crate::client::Party;
use crate::fact::Fact;
use crate::gate::Verdict;

/// One thing that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is spelled below")]
pub enum Line {
    Sent {
        id: u32,
        who: Party,
        want: Want,
        kind: OpaqueKind,
        generation: u32,
        attempt: Option<u64>,
        server: usize,
        now: Timestamp,
    },
    LetOn {
        id: u32,
        verdict: Verdict,
    },
    Committed {
        id: u32,
        fact: Fact,
    },
    Heard {
        id: u32,
        heard: Heard,
    },
    Lost {
        id: u32,
    },
    Time {
        now: Timestamp,
    },
    Clock {
        server: usize,
        skew: i64,
    },
    Restarted {
        server: usize,
    },
    Crashed {
        attempt: Option<u64>,
    },
    Stolen {
        generation: u32,
        pending: bool,
    },
    Settling,
}

/// What a client heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// A grant with this generation.
    Granted(u32),
    /// `invalid_grant` or `invalid_token`.
    Refused,
    /// 503.
    Unavailable,
    /// It is done, or not.
    Done(bool),
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Sent { id, who, want, kind, generation, attempt, server, now } => {
                write!(
                    f,
                    "[{id}] {who:?} asks server {server} for {want:?} with {kind:?} token {generation}"
                )?;
                match attempt {
                    Some(attempt) => write!(f, ", attempt {attempt:x}")?,
                    None => write!(f, ", no attempt")?,
                }
                write!(f, ", at {} ms", since_begin(now))
            }
            Self::LetOn { id, verdict } => match verdict {
                Verdict::Go => write!(f, "[{id}] goes on"),
                Verdict::Hold => write!(f, "[{id}] does its step and is held back"),
                Verdict::FailBefore => write!(f, "[{id}] its step fails with nothing done"),
                Verdict::FailAfter => write!(f, "[{id}] does its step, which fails all the same"),
            },
            Self::Committed { id, fact } => write!(f, "[{id}] the database: {fact}"),
            Self::Heard { id, heard } => write!(f, "[{id}] heard: {heard:?}"),
            Self::Lost { id } => write!(f, "[{id}] is dropped: nobody hears of it any more"),
            Self::Time { now } => write!(f, "time is {} ms", since_begin(now)),
            Self::Clock { server, skew } => write!(f, "the clock of server {server} is {skew} ms off"),
            Self::Restarted { server } => write!(f, "server {server} restarts and remembers nothing"),
            Self::Crashed { attempt } => {
                write!(f, "the client dies with attempt {attempt:x?} stored and not sent")
            }
            Self::Stolen { generation, pending } => {
                write!(f, "a thief copies the store: generation {generation}, pending attempt: {pending}")
            }
            Self::Settling => write!(f, "the faults stop"),
        }
    }
}

fn since_begin(now: Timestamp) -> i64 {
    now.as_millis() - BEGIN.as_millis()
}
