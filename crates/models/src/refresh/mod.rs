//! The refresh rule: clients, a thief, two servers, a network that loses, repeats and delays, and revocations that
//! race with all of it.
//!
//! * [`state`]: the row, the feed, who holds what, what is under way; [`action`]: what can happen next
//! * [`server`]: how a request is judged and written; [`transaction`]: the statements of that on PostgreSQL, in a batch
//!   and alone
//! * [`rule`]: the real rule, the rules that it was chosen over, and the [flaws](rule::Flaw) that must be found;
//!   [`real`]: the model's row as the rule's own types
//! * [`invariant`]: R1 to R5; [`scenario`]: who takes part and how far it goes; [`search`], [`coverage`],
//!   [`table`]: what came of it
//!
//! A token is (session, generation): that its mac cannot be guessed is not modelled. A **crash** needs no action of
//! its own: nobody but the store and the client's own storage remembers anything, so a crash before the commit is a
//! request that is lost, a crash after it is an answer that is lost, and a client that dies and restarts has lost the
//! answers to whatever it sent. Each of these can happen at each point.

pub mod action;
pub mod coverage;
pub mod invariant;
mod model;
pub mod real;
pub mod rule;
pub mod scenario;
pub mod search;
pub mod server;
pub mod state;
pub mod table;
pub mod transaction;

pub use model::Refresh;
