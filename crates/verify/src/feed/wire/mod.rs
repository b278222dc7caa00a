//! How the feed is spelled: JSON, times in RFC 3339, positions as an epoch and a number within it.
//!
//! A verifier refuses what it does not understand: an event of a kind that it does not know could kill something that
//! it would go on to accept. Members that it does not know are ignored.
//!
//! * [`sync`]: the question and its answer; [`event`]: one event; [`snapshot`]: all of them; [`touch`]: real uses
//! * [`passport`]: what introspection tells of a session beyond RFC 7662, so that it can be remembered

pub mod event;
pub mod passport;
pub mod snapshot;
pub mod sync;
mod time;
pub mod touch;

/// The path of the question.
pub const SYNC: &str = "/v1/feed/sync";
/// The path of the events as they happen.
pub const STREAM: &str = "/v1/feed/stream";
/// The path of everything that is live.
pub const SNAPSHOT: &str = "/v1/feed/snapshot";
/// The path of real uses.
pub const TOUCH: &str = "/v1/feed/touch";
/// Most events that an answer brings; where there are more, a snapshot does.
pub const MOST_EVENTS: usize = 5_000;

/// The text is not what this version understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not understood: {0}")]
pub struct NotUnderstood(pub &'static str);
