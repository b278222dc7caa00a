//! Many schedules on a few threads, each with a database of its own; which thread runs a schedule changes nothing.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use futures_util::{StreamExt, stream};

use crate::bench::Bench;
use crate::lost_tail;
use crate::schedule::{self, Run};
use crate::tally::Tally;
use crate::tamper::Tamper;
use crate::violation::{Broken, Violation};

/// Schedules that share a database file: small files are quick, and a new one costs milliseconds.
const BATCH: u64 = 2_000;
/// Schedules under way at once on one database: their writes share transactions.
const AT_ONCE: usize = 32;

/// What to run.
#[derive(Debug, Clone, Copy)]
pub struct Order {
    /// The seed of the first schedule; the others count on from it.
    pub seed: u64,
    /// How many.
    pub schedules: u64,
    /// On how many threads.
    pub threads: usize,
    /// Which rule is broken on purpose.
    pub tamper: Tamper,
}

/// Runs them, or those before the first that breaks a promise. `progress` hears what is done, now and then.
pub fn run(order: Order, progress: &(dyn Fn(&Tally) + Sync)) -> Result<Tally, Box<Run>> {
    let (next, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let total = Mutex::new(Tally::default());
    let worst: Mutex<Option<Box<Run>>> = Mutex::new(None);
    let work = || {
        while !stop.load(Ordering::Acquire) {
            let first = next.fetch_add(BATCH, Ordering::AcqRel);
            if first >= order.schedules {
                return;
            }
            let many = BATCH.min(order.schedules - first);
            match batch(order.seed.wrapping_add(first), many, order.tamper) {
                Ok(tally) => {
                    let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
                    total.add(&tally);
                    progress(&total);
                }
                Err(run) => {
                    stop.store(true, Ordering::Release);
                    worst.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(run);
                }
            }
        }
    };
    thread::scope(|threads| {
        for _ in 0..order.threads.max(1) {
            threads.spawn(work);
        }
    });
    match worst.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(run) => Err(run),
        None => Ok(total.into_inner().unwrap_or_else(PoisonError::into_inner)),
    }
}

fn batch(seed: u64, many: u64, tamper: Tamper) -> Result<Tally, Box<Run>> {
    let failed = |words: String| {
        let broken = Some(Violation::new(Broken::Environment, words));
        Box::new(Run { seed, broken, log: Vec::new(), tally: Tally::default() })
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(|error| failed(error.to_string()))?;
    runtime.block_on(async {
        let bench = Bench::set_up(tamper).await.map_err(failed)?;
        let mut tally = Tally::default();
        let seeds = (0..many).map(|nth| seed.wrapping_add(nth));
        let mut runs = stream::iter(seeds).map(|seed| schedule::run(&bench, seed)).buffer_unordered(AT_ONCE);
        while let Some(run) = runs.next().await {
            tally.add(&run.tally);
            if run.broken.is_some() {
                return Err(Box::new(run));
            }
        }
        drop(runs);
        lost_tail::run(bench, seed, &mut tally).await.map_err(|broken| {
            Box::new(Run { seed, broken: Some(broken), log: Vec::new(), tally: Tally::default() })
        })?;
        Ok(tally)
    })
}
