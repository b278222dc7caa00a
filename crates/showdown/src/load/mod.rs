//! Load: many requests on many connections, from threads of their own.
//!
//! * [`closed`]: each connection sends its next request when it has the answer to the last: how much is possible
//! * [`open`]: requests are due at fixed times, whatever the server does: what a client waits
//! * `recorder`: what came of them; `threads`: where they come from
//!
//! A closed loop cannot tell what clients wait: while the server stalls, it asks nothing. An open loop times each request
//! from when it was due, sent or not, so that a stall shows in everything that was due meanwhile.

pub mod closed;
pub mod open;
mod recorder;
mod threads;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::client::Ask;
use crate::result::Latency;
use crate::target::Target;

pub use crate::client::Ask as Request;

/// Who is asked what, and when it counts.
#[derive(Debug, Clone)]
pub struct Load {
    /// Who.
    pub target: Target,
    /// What, in turn. Never empty.
    pub asks: Arc<[Ask]>,
    /// On how many connections.
    pub connections: u32,
    /// When.
    pub window: Window,
}

/// The time in which answers count. What is asked before warms everything up.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// Its first moment.
    pub from: Instant,
    /// Its end: nothing is sent from then on.
    pub until: Instant,
}

impl Window {
    /// Begins after the warm-up.
    pub fn after(warm_up: Duration, during: Duration) -> Self {
        let from = Instant::now() + warm_up;
        Self { from, until: from + during }
    }

    pub(crate) fn holds(self, at: Instant) -> bool {
        (self.from..self.until).contains(&at)
    }

    pub(crate) fn seconds(self) -> f64 {
        (self.until - self.from).as_secs_f64()
    }
}

/// What came of a load.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// 2xx answers a second.
    pub per_second: f64,
    /// How long they took.
    pub latency: Latency,
    /// Other answers, and requests that got none.
    pub failed: u64,
}
