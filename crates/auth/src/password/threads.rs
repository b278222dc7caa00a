//! The threads that hash: few, their own, and behind everybody else.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::oneshot;

use super::hash::Memory;

/// How long a thread without work keeps the memory that it hashed in.
const KEEP_MEMORY: Duration = Duration::from_secs(10);

type Job = Box<dyn FnOnce(&mut Memory) + Send>;

/// Threads of their own instead of the runtime's blocking ones: those number hundreds, each would leave the memory of
/// a hash behind, and none of them may step back in favour of requests. They end when this is dropped.
#[derive(Debug)]
pub(super) struct HashThreads {
    jobs: Sender<Job>,
}

impl HashThreads {
    /// Starts this many.
    pub(super) fn start(count: usize) -> std::io::Result<Self> {
        let (jobs, queue) = channel();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..count {
            let queue = Arc::clone(&queue);
            std::thread::Builder::new().name("hash".to_owned()).spawn(move || work(&queue))?;
        }
        Ok(Self { jobs })
    }

    /// What `hash` returns, or nothing if it panicked.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        hash: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Option<T> {
        let (answer, hashed) = oneshot::channel();
        let job = move |memory: &mut Memory| {
            // Nobody may be waiting any more.
            let _ = answer.send(hash(memory));
        };
        self.jobs.send(Box::new(job)).ok()?;
        hashed.await.ok()
    }
}

fn work(queue: &Mutex<Receiver<Job>>) {
    step_back();
    let mut memory = Memory::default();
    loop {
        match next(queue) {
            // A panic is the job's; its sender sees the answer dropped.
            Ok(job) => drop(catch_unwind(AssertUnwindSafe(|| job(&mut memory)))),
            Err(RecvTimeoutError::Timeout) => memory = Memory::default(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn next(queue: &Mutex<Receiver<Job>>) -> Result<Job, RecvTimeoutError> {
    // Jobs run outside the lock, so nothing can poison it.
    queue.lock().map_err(|_| RecvTimeoutError::Disconnected)?.recv_timeout(KEEP_MEMORY)
}

/// Lets requests that need no hash go first when cores are short. On Linux this concerns the calling thread alone;
/// elsewhere it would be the whole process, so nothing is done there.
fn step_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(10) {
        tracing::warn!(%error, "hashing threads run at full priority");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_ends_the_job_and_not_the_thread() {
        let threads = HashThreads::start(1).unwrap();
        let panics: Option<()> = threads.run(|_| panic!("a job that fails")).await;
        assert_eq!(panics, None);
        assert_eq!(threads.run(|_| 7).await, Some(7));
    }
}
