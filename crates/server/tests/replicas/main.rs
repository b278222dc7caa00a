//! The HTTP interface of two servers on one PostgreSQL database and one key directory: the tests of `tests/api`, whose
//! requests go over TCP to a real nginx, by the file that the documentation shows, and from there to one server and the
//! other in turn. Both run in this process: time moves by hand. Where nginx is missing, said loudly, they take turns without it.
//! A few requests that nginx would answer itself or change go past it (`directly`); `tests/binary/nginx.rs` has whole processes.
//!
//! Left out, since they are about one server alone:
//! * `cleanup`: no hand moves the time of PostgreSQL
//! * `clocks`: how far they are apart is said by the test
//! * `memory`: what a server has not heard of yet, and what it counted itself
//! * `throttle`: each server has budgets of its own
//! * `sqlite_refresh`: triggers and locks of SQLite
#![expect(clippy::unwrap_used, reason = "bodies of tests are functions that run under several strategies")]
#![expect(unreachable_pub, reason = "the harness is shared by the files of one binary")]

const REPLICAS: usize = 2;
const SESSIONS_IN_REDIS: bool = false;

#[path = "../api/admin.rs"]
mod admin;
mod apart;
#[path = "../api/attacks.rs"]
mod attacks;
#[path = "../api/bad_refresh.rs"]
mod bad_refresh;
#[path = "../api/common/mod.rs"]
mod common;
#[path = "../api/cross_site.rs"]
mod cross_site;
#[path = "../api/exchange.rs"]
mod exchange;
#[path = "../api/feed.rs"]
mod feed;
#[path = "../api/freshness.rs"]
mod freshness;
#[path = "../api/idle.rs"]
mod idle;
#[path = "../api/keys.rs"]
mod keys;
#[path = "../api/login.rs"]
mod login;
#[path = "../api/logout.rs"]
mod logout;
#[path = "../api/management.rs"]
mod management;
#[path = "../api/me.rs"]
mod me;
#[path = "../api/openapi.rs"]
mod openapi;
#[path = "../api/outage.rs"]
mod outage;
#[path = "../api/password.rs"]
mod password;
#[path = "../api/refresh.rs"]
mod refresh;
#[path = "../api/requests.rs"]
mod requests;
#[path = "../api/service.rs"]
mod service;
#[path = "../api/sessions.rs"]
mod sessions;
#[path = "../api/signup.rs"]
mod signup;
mod turns;
#[path = "../api/verify.rs"]
mod verify;
#[path = "../api/well_known.rs"]
mod well_known;
