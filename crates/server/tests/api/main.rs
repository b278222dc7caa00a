//! The HTTP interface, through the real router in process: one file a resource, each test naming the strategies that
//! it runs under. Actors: anonymous, alice, mallory, admin. Time moves by hand.
#![expect(clippy::unwrap_used, reason = "bodies of tests are functions that run under several strategies")]
#![expect(unreachable_pub, reason = "the harness is shared by the files of one binary")]

/// How many servers answer in turn; see `tests/replicas`.
const REPLICAS: usize = 1;
/// Where their sessions are; see `tests/in_redis`.
const SESSIONS_IN_REDIS: bool = false;

mod common;

mod admin;
mod attacks;
mod bad_refresh;
mod cleanup;
mod clocks;
mod cross_site;
mod exchange;
mod feed;
mod freshness;
mod idle;
mod keys;
mod login;
mod logout;
mod management;
mod me;
mod memory;
mod openapi;
mod outage;
mod password;
mod refresh;
mod requests;
mod service;
mod sessions;
mod signup;
mod sqlite_refresh;
mod throttle;
mod verify;
mod well_known;
