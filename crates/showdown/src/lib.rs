//! The comparison of sessions, JWTs and the hybrid of both, measured on the user's own machine.
//!
//! * [`plan`]: what is asked for; [`run`]: does it, in interleaved rounds; [`watch`]: how far it is
//! * [`recipe`]: how a contender is started and asked; `contenders`: who takes part; `peers`: those of other people
//! * `process`, `kernel`, `database`: what is started, and what the kernel and the databases count of it
//! * `running`: a contender that has shown that it checks; `client`: asks it one thing
//! * [`load`]: many requests, in a closed loop or at a fixed rate
//! * `measure`: one question each: throughput and latency, logins, refreshes, a logout, an outage
//! * [`result`]: what was measured, as it is written down beside the report
//! * [`report`]: that as a page to read; [`table`]: the same in a terminal
//! * [`compare`]: two of them: whether they differ by more than their spreads, and what chance alone would do
//! * [`target`]: the only addresses that are ever asked; [`machine`]: where it ran
//!
//! It starts real servers as processes of their own and asks them over HTTP, as anybody could. It may not depend on the
//! rules or the stores: what it measures is what a client sees and what the kernel counts.

mod client;
pub mod compare;
mod contenders;
mod database;
mod kernel;
pub mod load;
pub mod machine;
mod measure;
pub mod peers;
pub mod plan;
mod process;
pub mod recipe;
pub mod report;
pub mod result;
pub mod run;
mod running;
pub mod table;
pub mod target;
pub mod watch;
