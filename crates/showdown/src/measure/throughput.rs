//! How many requests, how long they take, and what the kernel and the database count meanwhile.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::database::{Counted, Databases};
use crate::kernel::{self, Cpu};
use crate::load::{Load, Loaded, Window, closed, open};
use crate::plan::{OPEN_CONNECTIONS, Plan};
use crate::result::{Closed, Open};
use crate::running::Running;

/// As many as so many connections can send one after the other.
pub(crate) async fn as_many_as_possible(
    running: &Running,
    databases: &Databases,
    plan: &Plan,
    connections: u32,
    round: u32,
) -> Closed {
    let load = load(running, plan, connections);
    let (loaded, used) = tokio::join!(closed::run(&load), used(running, databases, load.window));
    Closed {
        connections,
        round,
        per_second: loaded.per_second,
        server_cpu: used.server_cpu(&loaded).unwrap_or_default(),
        database_cpu: used.database_cpu(&loaded),
        database_connections: used.after.database.connections,
        queries: used.queries(&loaded),
        latency: loaded.latency,
        failed: loaded.failed,
    }
}

/// So many a second, come what may.
pub(crate) async fn at_a_rate(
    running: &Running,
    databases: &Databases,
    plan: &Plan,
    rate: u32,
    round: u32,
) -> Open {
    let load = load(running, plan, OPEN_CONNECTIONS.min(rate));
    let (loaded, used) = tokio::join!(open::run(&load, rate), used(running, databases, load.window));
    Open {
        rate,
        round,
        per_second: loaded.per_second,
        server_cpu: used.server_cpu(&loaded).unwrap_or_default(),
        latency: loaded.latency,
        failed: loaded.failed,
    }
}

fn load(running: &Running, plan: &Plan, connections: u32) -> Load {
    Load {
        target: running.process.target,
        asks: Arc::clone(&running.asks),
        connections,
        window: Window::after(plan.warm_up(), plan.during),
    }
}

/// What was counted at both ends of a window.
struct Used {
    before: Sample,
    after: Sample,
}

struct Sample {
    server_at: Instant,
    server: Option<Cpu>,
    database_at: Instant,
    database: Counted,
}

async fn used(running: &Running, databases: &Databases, window: Window) -> Used {
    let pids = running.process.pids();
    sleep_until(window.from).await;
    let before = Sample::take(&pids, running, databases).await;
    sleep_until(window.until).await;
    Used { before, after: Sample::take(&pids, running, databases).await }
}

impl Sample {
    async fn take(pids: &[u32], running: &Running, databases: &Databases) -> Self {
        let (server_at, server) = (Instant::now(), kernel::cpu(pids));
        let database = running.counted(databases).await;
        Self { server_at, server, database_at: Instant::now(), database }
    }
}

impl Used {
    /// Microseconds for one request: a rate over a rate, so that a sample that came late does not matter.
    fn server_cpu(&self, loaded: &Loaded) -> Option<f64> {
        let used = self.after.server?.since(self.before.server?)?;
        let took = self.after.server_at - self.before.server_at;
        per_request(used.as_secs_f64() * 1e6, took, loaded)
    }

    fn database_cpu(&self, loaded: &Loaded) -> Option<f64> {
        let used = self.after.database.cpu?.since(self.before.database.cpu?)?;
        per_request(used.as_secs_f64() * 1e6, self.database_took(), loaded)
    }

    fn queries(&self, loaded: &Loaded) -> Option<f64> {
        let asked = self.after.database.queries?.checked_sub(self.before.database.queries?)?;
        per_request(asked as f64, self.database_took(), loaded)
    }

    fn database_took(&self) -> Duration {
        self.after.database_at - self.before.database_at
    }
}

fn per_request(used: f64, took: Duration, loaded: &Loaded) -> Option<f64> {
    (loaded.per_second > 0.0).then(|| used / took.as_secs_f64() / loaded.per_second)
}
