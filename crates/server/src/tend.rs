//! What a server does between requests: follows the feed, says that it is there, looks after its sessions, writes uses,
//! deletes what is spent.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_auth::verbs::tend::Expired;
use cloakroom_auth::{follow, node};
use cloakroom_verify::Timestamp;
use cloakroom_verify::clock::Clock;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{MissedTickBehavior, interval};

use crate::app::App;
use crate::key_watch::{self, KeyWatch};

/// How often uses are looked through: so long may a use be unknown to the other servers that ends an idle quarter.
const USES: Duration = Duration::from_secs(1);
/// How often it is looked whether sessions can be read and written, where they are not in the database.
const LOOK: Duration = Duration::from_secs(1);
/// What is told within this time is read at once.
const BREATH: Duration = Duration::from_millis(2);
/// How long the key directory rests after it was looked at because a token named a key that is not known: whoever makes
/// names up has it looked at no more often than this.
const REST: Duration = Duration::from_millis(50);
/// How often expired rows are deleted.
const CLEANUP: Duration = Duration::from_secs(60);

/// Tends `app` until it is dropped. `retention` is announced again and again, so that it never runs out here.
pub async fn tend(app: App, retention: Duration, keys: KeyWatch) {
    let keys = Arc::new(keys);
    tokio::join!(
        follow(&app),
        announce(&app),
        look(&app),
        write_uses(&app),
        clean_up(&app, retention),
        watch_keys(&app, &keys)
    );
}

/// Ends this, and says so. What it was about to write is put back before the rest is written, and all of that before the
/// others are told that they need not count on this server any more: else a lost connection could take uses with it that
/// nothing else tells of. Unheard, it is only forgotten later.
pub async fn end(tending: JoinHandle<()>, app: &App) -> cloakroom_auth::Result<()> {
    tending.abort();
    let _ = tending.await;
    let written = app.auth.flush_all_uses().await;
    let _ = app.follower.leave().await;
    written
}

async fn follow(app: &App) {
    let mut turn = every(follow::EVERY);
    let mut failing = false;
    loop {
        let rung = tokio::select! {
            _ = turn.tick() => None,
            () = app.auth.doorbell.rung() => Some(app.clock.boot()),
            () = app.auth.store.rung() => None,
        };
        let failed = app.follower.sync().await.err();
        if let Some(rung) = rung.filter(|_| failed.is_none()) {
            app.metrics.pushed(app.clock.boot().since(rung));
        }
        if let Some(error) = failed.as_ref().filter(|_| !failing) {
            tracing::error!(%error, "the feed cannot be followed: credentials are answered with 503 soon");
        }
        if failing && failed.is_none() {
            tracing::info!("the feed is followed again");
        }
        failing = failed.is_some();
        tokio::time::sleep(BREATH).await;
    }
}

async fn announce(app: &App) {
    let mut turn = every(node::EVERY);
    let (mut off, mut takes_writes) = (false, true);
    loop {
        turn.tick().await;
        // What failed shows in what the store says of itself, and in the feed.
        if let Err(error) = app.follower.announce().await {
            tracing::debug!(%error, "this server could not be announced");
        }
        let drift = app.follower.drift();
        if std::mem::replace(&mut off, drift.is_too_far()) != off {
            if off {
                tracing::error!("{drift}: this server is not ready before they agree within 5 s");
            } else {
                tracing::info!("the clock agrees with the database's again");
            }
        }
        if std::mem::replace(&mut takes_writes, app.auth.store.takes_writes()) != takes_writes {
            if takes_writes {
                tracing::info!("the store takes writes again");
            } else {
                tracing::error!("the store takes no writes: this server is not ready before it does");
            }
        }
    }
}

/// Nobody may come to log in and find out, where somebody in front sends requests to those only who say that they are
/// ready. Apart from what else is done here: a Redis that hangs is waited for. The store says why.
async fn look(app: &App) {
    let mut turn = every(LOOK);
    loop {
        turn.tick().await;
        app.auth.store.look().await;
    }
}

async fn write_uses(app: &App) {
    let mut turn = every(USES);
    loop {
        turn.tick().await;
        if let Err(error) = app.auth.flush_due_uses(app.clock.wall()).await {
            tracing::warn!(%error, "uses of sessions could not be written; they are kept");
        }
    }
}

async fn clean_up(app: &App, retention: Duration) {
    let mut turn = every(CLEANUP);
    loop {
        turn.tick().await;
        let now = app.clock.wall();
        if let Err(error) = app.auth.store.retain(retention, now).await {
            tracing::warn!(%error, "the retention of events could not be announced");
        }
        forget(app, now).await;
        if let Err(error) = purge(app, now).await {
            tracing::warn!(%error, "expired rows could not be deleted");
        }
    }
}

/// What has expired by both clocks, compared a moment ago: what is forgotten too early is not told again.
pub async fn forget(app: &App, now: Timestamp) {
    if app.follower.announce().await.is_ok() {
        app.auth.revocations.forget_before(app.follower.drift().earlier(now));
    }
}

/// Deletes what is over, by one of the servers that share the database. The first failure is told.
pub async fn purge(app: &App, now: Timestamp) -> cloakroom_auth::Result<()> {
    let mut done = Ok(());
    if app.auth.cleans_up(now).await? {
        for what in Expired::ALL {
            // Whatever became of the others: where sessions are in Redis, that may be away.
            done = done.and(purge_each(app, what, now).await);
        }
    }
    done
}

/// In bounded steps.
async fn purge_each(app: &App, what: Expired, now: Timestamp) -> cloakroom_auth::Result<()> {
    while app.auth.purge(what, now).await? {
        tokio::task::yield_now().await;
    }
    Ok(())
}

async fn watch_keys(app: &App, keys: &Arc<KeyWatch>) {
    let mut turn = every(key_watch::EVERY);
    let mut told = None;
    loop {
        tokio::select! {
            _ = turn.tick() => {}
            () = app.auth.key_readings.wanted() => {}
        }
        let failed = read_keys(app, keys).await.err();
        if let Some(error) = failed.as_ref().filter(|_| failed != told) {
            tracing::error!(%error, "the keys could not be read again: the old ones stay in use");
        }
        told = failed;
        tokio::time::sleep(REST).await;
    }
}

/// On a thread that may wait: a directory on a network can stand still, and requests must not with it.
async fn read_keys(app: &App, keys: &Arc<KeyWatch>) -> Result<(), String> {
    let (app, keys) = (app.clone(), Arc::clone(keys));
    let looked = spawn_blocking(move || keys.rotate_when_due(&app).and_then(|()| keys.look(&app)));
    match looked.await {
        Ok(looked) => looked.map_err(|error| error.to_string()),
        Err(broken) => Err(broken.to_string()),
    }
}

fn every(period: Duration) -> tokio::time::Interval {
    let mut interval = interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
