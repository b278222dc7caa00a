//! Libraries of others, in Node and Python: they prove our tokens by what we publish, `cloakroom token verify` proves
//! theirs, and strict OAuth clients find and use what a running server offers.
//!
//! The scripts are in `node/` and `python/`, a file for each library; what they need is installed by `.ci/run`, never
//! from here.
#![expect(clippy::unwrap_used, reason = "bodies of tests are functions")]
#![expect(unreachable_pub, reason = "the harness is shared by the files of one binary")]

#[path = "../common/mod.rs"]
#[expect(dead_code, reason = "the other binary uses more of it")]
mod common;

mod clients;
mod ours;
mod scripts;
mod theirs;
mod tokens;
