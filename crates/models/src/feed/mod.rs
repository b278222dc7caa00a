//! The feed: what a verifier may believe, and what may be made while revocations race with it (docs/revocation.md).
//!
//! * [`lease`]: the bound, completeness, receipts, and the lives of a database; it calls the verifier's own `Watermark`,
//!   `Lease` and `Revocations`
//! * [`mint`]: no immortal credential, and none that is dead at birth; it calls `Session::judge` and `judge_caller`
//! * [`flaw`]: the shortcuts that must be refuted; [`invariant`]: what refutes them
//! * [`search`], [`coverage`]: what came of it

pub mod coverage;
pub mod flaw;
pub mod invariant;
pub mod lease;
pub mod mint;
pub mod search;
