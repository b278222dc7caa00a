//! Random schedules on the real code: the rule of docs/refresh.md, tried through the real `Auth` and the real SQLite store.
//!
//! A schedule is an owner, perhaps a thief, two servers over one database, and a few dozen things that happen to
//! them: requests that overlap at every step of the store, faults before and after each commit, lost and late answers,
//! copies of the client's store, ends, exchanges, restarts, clocks that jump. One seed decides all of it, so a schedule
//! that breaks a promise is run again by its number.
//!
//! * [`workers`]: many schedules on a few threads; [`schedule`]: what happens next; `plan`: of which kind it shall be;
//!   `settle`: how it ends; `lost_tail`: a restored database
//! * `play`: one schedule under way; `answers`: what is heard of it; `client`, `asked`, `requests`, `issued`, `login`: who asks for what
//! * `gate`, `faulty`: the store behind a gate, where faults are made; [`fact`]: what the database really did
//! * `truth`: what must come of it, by the promises alone; [`violation`]: which one was broken
//! * [`tally`], `count`: what was met; [`log`]: a schedule in words; `bench`, [`dice`]: what a worker needs
//! * [`tamper`]: rules broken on purpose, to see that it is noticed
//!
//! It shares no rule with the code that it tries.

mod answers;
pub mod asked;
mod bench;
pub mod client;
mod count;
pub mod dice;
pub mod fact;
mod faulty;
pub mod gate;
mod issued;
pub mod log;
mod login;
mod lost_tail;
mod plan;
mod play;
mod requests;
pub mod schedule;
mod settle;
pub mod tally;
pub mod tamper;
mod truth;
pub mod violation;
pub mod workers;

pub use schedule::Run;
pub use tally::Tally;
pub use tamper::Tamper;
pub use violation::Broken;
pub use workers::{Order, run};
