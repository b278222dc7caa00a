//! Threads that ask, apart from those that watch: half of the cores, so that the servers have the other half.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::LocalSet;

use super::recorder::Recorder;

/// One of several threads, and whether all have been told to stop.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) nth: u32,
    pub(super) of: u32,
    stop: Arc<AtomicBool>,
}

impl Part {
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// How many of so many connections are this thread's.
    pub(super) fn share(&self, connections: u32) -> u32 {
        connections / self.of + u32::from(self.nth < connections % self.of)
    }
}

/// Lets at most so many threads do a part each, and adds up what they recorded. Who stops waiting stops them.
pub(super) async fn record<W, F>(at_most: u32, work: W) -> Recorder
where
    W: Fn(Part) -> F + Clone + Send + 'static,
    F: Future<Output = Recorder>,
{
    let cores = thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(1));
    let of = (cores / 2).clamp(1, at_most.max(1));
    let stop = Stop(Arc::default());
    let parts: Vec<_> = (0..of)
        .map(|nth| {
            let (part, work) = (Part { nth, of, stop: Arc::clone(&stop.0) }, work.clone());
            let (tell, told) = oneshot::channel();
            thread::spawn(move || {
                // Without a runtime there is nothing to tell, and whoever waits is told that.
                if let Ok(runtime) = Builder::new_current_thread().enable_all().build() {
                    let _ = tell.send(LocalSet::new().block_on(&runtime, work(part)));
                }
            });
            told
        })
        .collect();
    let mut all = Recorder::new();
    for part in parts {
        if let Ok(part) = part.await {
            all.add(&part);
        }
    }
    all
}

struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
