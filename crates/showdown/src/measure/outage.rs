//! What comes of a database that stops for a while: one stop for all that need it, each asked a few times a second.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::client::{Ask, Client};
use crate::database::Databases;
use crate::plan::OUTAGE;
use crate::result::Outage;
use crate::running::Running;
use crate::target::Target;

/// Between two requests.
const PAUSE: Duration = Duration::from_millis(50);
/// How long one is waited for.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long it is waited for the first 2xx after the database went on.
const RECOVERY: Duration = Duration::from_secs(10);

/// Which database is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    Postgres,
    Redis,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Before,
    Stopped,
    GoesOn(Instant),
}

/// Stops it, and writes down what each of these answered.
pub(crate) async fn of(
    which: Which,
    all: &mut [&mut Running],
    databases: &mut Databases,
) -> Result<(), String> {
    let (tell, phase) = watch::channel(Phase::Before);
    let mut tasks = JoinSet::new();
    for (n, running) in all.iter().enumerate() {
        let Some(ask) = running.asks.first().cloned() else { continue };
        tasks.spawn(observe(n, running.process.target, ask, phase.clone()));
    }
    if let (Which::Postgres, Some(postgres)) = (which, &databases.postgres) {
        postgres.settle().await;
    }
    let began = Instant::now();
    // It ends its connections first, long before it is gone itself.
    tell.send_replace(Phase::Stopped);
    stop(which, databases).await?;
    tokio::time::sleep(OUTAGE).await;
    resume(which, databases).await?;
    let seconds = began.elapsed().as_secs_f64();
    tell.send_replace(Phase::GoesOn(Instant::now()));
    while let Some(Ok((n, during, recovery))) = tasks.join_next().await {
        let recovery = recovery.map(|took| took.as_secs_f64() * 1000.0);
        all[n].result.outage = Some(Outage { seconds, during, recovery });
    }
    Ok(())
}

async fn stop(which: Which, databases: &mut Databases) -> Result<(), String> {
    match (which, &mut databases.postgres, &mut databases.redis) {
        (Which::Postgres, Some(postgres), _) => postgres.stop().await,
        (Which::Redis, _, Some(redis)) => redis.stop(),
        (Which::Postgres, None, _) | (Which::Redis, _, None) => Err(String::from("there is none to stop")),
    }
}

async fn resume(which: Which, databases: &mut Databases) -> Result<(), String> {
    match (which, &mut databases.postgres, &mut databases.redis) {
        (Which::Postgres, Some(postgres), _) => postgres.resume().await,
        (Which::Redis, _, Some(redis)) => redis.resume(),
        (Which::Postgres, None, _) | (Which::Redis, _, None) => Err(String::from("there is none to start")),
    }
}

type Observed = (usize, Vec<(u16, u64)>, Option<Duration>);

async fn observe(n: usize, target: Target, ask: Ask, phase: watch::Receiver<Phase>) -> Observed {
    let mut client = Client::new(target);
    let mut during = BTreeMap::new();
    let mut ticks = interval(PAUSE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let asked_in = *phase.borrow();
        let status = client.ask_within(&ask, PATIENCE).await.map(|answer| answer.status);
        match asked_in {
            Phase::Before => {}
            Phase::Stopped => {
                *during.entry(status.map_or(0, |status| status.as_u16())).or_insert(0) += 1;
            }
            Phase::GoesOn(since) => {
                let back = status.is_ok_and(|status| status.is_success());
                if back || since.elapsed() > RECOVERY {
                    // Who was never away need not come back.
                    let away = during.keys().any(|status| !(200..300).contains(status));
                    let took = if away { since.elapsed() } else { Duration::ZERO };
                    return (n, during.into_iter().collect(), back.then_some(took));
                }
            }
        }
    }
}
