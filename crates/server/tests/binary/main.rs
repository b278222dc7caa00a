//! The binary as its users meet it: real processes in an empty folder, on free ports of this machine.
#![expect(clippy::unwrap_used, reason = "bodies of tests are functions")]
#![expect(unreachable_pub, reason = "the harness is shared by the files of one binary")]

#[path = "../common/mod.rs"]
mod common;

mod backup;
mod caddy;
mod commands;
mod crash;
mod disk_full;
mod feed;
mod forward_auth;
mod import;
mod init;
mod load;
mod nginx;
#[path = "../../../../xtask/src/port.rs"]
mod port;
mod postgres;
mod postgres_always;
mod postgres_collisions;
mod postgres_faults;
mod postgres_locks;
mod proxy;
mod readme;
mod redis;
mod redis_faults;
mod refresh;
mod relay;
mod rotation;
mod sentinel;
mod serve;
mod service_key;
mod showdown;
mod sqlite_faults;
mod store;
#[path = "../../../../xtask/src/throwaway.rs"]
mod throwaway;
#[expect(dead_code, reason = "other suites use the rest")]
#[path = "../../../../xtask/src/throwaway_redis.rs"]
mod throwaway_redis;
mod tls;
mod token;
#[path = "../../../../xtask/src/unprivileged.rs"]
mod unprivileged;
mod wire;
