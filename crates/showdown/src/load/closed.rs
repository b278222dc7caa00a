//! A closed loop: each connection sends its next request when it has read the whole answer to the last.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, timeout_at};

use super::recorder::Recorder;
use super::threads::{self, Part};
use super::{Load, Loaded};
use crate::client::Client;

/// How long the last answers are waited for.
const GRACE: Duration = Duration::from_secs(5);
/// Before it is tried again with one that does not answer, or that refuses to be connected to.
const PAUSE: Duration = Duration::from_millis(5);

/// Runs it to the end of its window.
pub async fn run(load: &Load) -> Loaded {
    let (all, window) = (load.clone(), load.window);
    let recorder = threads::record(load.connections, move |part| thread(all.clone(), part)).await;
    let lost = recorder.open;
    let mut loaded = recorder.loaded(window);
    loaded.failed += lost;
    loaded
}

async fn thread(load: Load, part: Part) -> Recorder {
    let recorder = Rc::new(RefCell::new(Recorder::new()));
    let connections: Vec<_> = (0..part.share(load.connections))
        .map(|n| {
            let first = (n * part.of + part.nth) as usize;
            spawn_local(connection(load.clone(), part.clone(), first, Rc::clone(&recorder)))
        })
        .collect();
    let until = load.window.until + GRACE;
    for connection in connections {
        // Whoever is not done by then waits for an answer, which is counted as lost.
        let _ = timeout_at(until, connection).await;
    }
    recorder.replace(Recorder::new())
}

async fn connection(load: Load, part: Part, first: usize, recorder: Rc<RefCell<Recorder>>) {
    let mut client = Client::new(load.target);
    let turns = load.asks.iter().cycle().skip(first % load.asks.len().max(1));
    for ask in turns {
        let sent = Instant::now();
        if sent >= load.window.until || part.is_stopped() {
            return;
        }
        recorder.borrow_mut().open += 1;
        let status = client.status(ask).await;
        let done = Instant::now();
        let pause = {
            let mut recorder = recorder.borrow_mut();
            recorder.open -= 1;
            match status {
                Ok(status) if status.is_success() => {
                    if load.window.holds(done) {
                        recorder.answered += 1;
                        recorder.time(done - sent);
                    }
                    false
                }
                Ok(_) | Err(_) => {
                    recorder.failed += u64::from(load.window.holds(done));
                    true
                }
            }
        };
        if pause {
            sleep(PAUSE).await;
        }
    }
}
