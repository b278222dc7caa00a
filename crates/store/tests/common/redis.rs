//! Keys of its own for each test, on the server that `cargo xtask test` started or the environment names.
#![expect(unreachable_pub, reason = "each test binary uses its own part")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use cloakroom_auth::store::Store;
use cloakroom_store::Purpose;

use crate::common::now;
use crate::common::skip;

const SERVER: &str = "CLOAKROOM_TEST_REDIS_URL";

/// A place where nothing is yet; `None`, said loudly, where there is no server.
pub fn sessions() -> Option<String> {
    match std::env::var(SERVER) {
        Ok(server) => Some(on(&server)),
        Err(_) => {
            skip::skip("Redis", &format!("use `cargo xtask test`, or name a server: {SERVER}=redis://..."));
            None
        }
    }
}

/// The same on this server.
pub fn on(server: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    // A process id comes again, and a run before may have been killed.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let word: String = folder.path().to_string_lossy().chars().filter(char::is_ascii_alphanumeric).collect();
    format!("{server}?prefix=test-{word}-{number}")
}

/// Sessions there, the rest in a migrated database.
pub async fn open(url: &str, sessions: &str) -> Arc<dyn Store> {
    cloakroom_store::open_with_sessions(url, sessions, Purpose::Serve, now()).await.expect("both are there")
}
