//! Logins a second, with all that belongs to them: the password hash most of all.

use std::time::Duration;

use crate::load::{Load, Window, closed};
use crate::running::Running;

/// Clients that log in at once.
const CONNECTIONS: u32 = 8;

/// As many as are possible.
pub(crate) async fn per_second(running: &Running, during: Duration) -> Result<f64, String> {
    let load = Load {
        target: running.process.target,
        asks: running.login_calls()?.into(),
        connections: CONNECTIONS,
        window: Window::after(Duration::ZERO, during),
    };
    let loaded = closed::run(&load).await;
    if loaded.failed > 0 {
        return Err(format!("{} logins failed", loaded.failed));
    }
    if loaded.per_second == 0.0 {
        return Err(format!("no login was done within {during:?}: its rate is not known"));
    }
    Ok(loaded.per_second)
}
