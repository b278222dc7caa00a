//! Where sessions are, if not in the database.

use std::sync::Once;

use super::skip;

const SERVER: &str = "CLOAKROOM_TEST_REDIS_URL";

/// As `store.sessions` says it: a Redis where nothing is yet. Without one, said loudly, they are in the database.
pub fn sessions() -> String {
    static SAID: Once = Once::new();
    if !crate::SESSIONS_IN_REDIS {
        return String::from("store");
    }
    let Ok(server) = std::env::var(SERVER) else {
        SAID.call_once(|| {
            let how = format!("use `cargo xtask test`, or name a server: {SERVER}=redis://...");
            skip::skip("sessions in Redis (they are in SQLite instead)", &how);
        });
        return String::from("store");
    };
    // A process id comes again, and a run before may have been killed.
    let random = cloakroom_auth::token::random::<8>().map(|byte| format!("{byte:02x}")).concat();
    format!("{server}?prefix=test-api-{random}")
}

/// Every field of every session, as Redis holds them; `None` where they are not there.
pub fn rows(sessions: &str) -> Option<Vec<String>> {
    let (server, prefix) = sessions.split_once("?prefix=")?;
    let mut redis = redis::Client::open(server).expect("a URL").get_connection().expect("it answers");
    let all = redis::cmd("KEYS").arg(format!("{prefix}:{{*")).query(&mut redis);
    let mut keys: Vec<String> = all.expect("it answers");
    keys.sort_unstable();
    let row = |key: String| {
        let fields = redis::cmd("HGETALL").arg(&key).query(&mut redis);
        let mut fields: Vec<(String, Vec<u8>)> = fields.expect("it answers");
        fields.sort_unstable();
        format!("{key} {fields:?}")
    };
    Some(keys.into_iter().map(row).collect())
}
