//! The feed between a server and its verifiers.
//!
//! * [`watermark`]: when an answer proves that everything is known
//! * `wire`: how questions, answers and events are spelled; behind the feature `feed`

pub mod watermark;
#[cfg(feature = "feed")]
pub mod wire;
