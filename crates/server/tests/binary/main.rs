//! The binary as its users meet it: real processes in an empty folder, on free ports of this machine.
#![expect(clippy::unwrap_used, reason = "bodies of tests are functions")]
#![expect(unreachable_pub, reason = "the harness is shared by the files of one binary")]

#[path = "../common/mod.rs"]
mod common;

mod backup;
mod commands;
mod crash;
mod import;
mod load;
mod nginx;
mod postgres;
mod readme;
mod refresh;
mod rotation;
mod serve;
mod service_key;
mod store;
mod token;
mod wire;
