//! The HTTP interface with sessions in Redis: those tests of `tests/api` that are about sessions, with one server on
//! SQLite beside it. Each has keys of its own there.
//!
//! Left out, beside what has nothing to do with sessions:
//! * `idle`, `sqlite_refresh`: they count what is written to the table of sessions
//! * `throttle`: known addresses are tested by the contract of the stores
#![expect(clippy::unwrap_used, reason = "bodies of tests are functions that run under several strategies")]
#![expect(unreachable_pub, reason = "the harness is shared by the files of one binary")]

const REPLICAS: usize = 1;
const SESSIONS_IN_REDIS: bool = true;

#[path = "../api/bad_refresh.rs"]
mod bad_refresh;
#[path = "../api/cleanup.rs"]
mod cleanup;
#[expect(dead_code, unused_imports, reason = "the other suites use the rest")]
#[path = "../api/common/mod.rs"]
mod common;
#[path = "../api/exchange.rs"]
mod exchange;
#[path = "../api/freshness.rs"]
mod freshness;
#[path = "../api/login.rs"]
mod login;
#[path = "../api/logout.rs"]
mod logout;
#[path = "../api/me.rs"]
mod me;
#[path = "../api/password.rs"]
mod password;
#[path = "../api/refresh.rs"]
mod refresh;
#[path = "../api/service.rs"]
mod service;
#[path = "../api/sessions.rs"]
mod sessions;
