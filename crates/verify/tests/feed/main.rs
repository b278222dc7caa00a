//! The real loop over a simulated network, with time that moves by hand: nothing here waits for a real clock.
//!
//! * `machine`: runs tasks and time; `dice`: seeds; `database`: what was really committed, and when
//! * `network`: links with delays, loss, repetition, reordering, and servers that are down, lag or died long ago
//! * `world`: all of it around one verifier; `schedules`: random runs of it, judged; `rules`: one rule at a time;
//!   `passing_on`: without checks, for a relay
#![expect(clippy::unwrap_used, reason = "helpers of tests are functions of their own")]

#[expect(dead_code, reason = "this suite uses a part of it")]
#[path = "../common/mod.rs"]
mod common;
mod database;
mod dice;
mod machine;
mod network;
#[cfg(feature = "relay")]
mod passing_on;
mod rules;
mod schedules;
mod world;
