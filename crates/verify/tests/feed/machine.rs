//! Runs tasks one at a time, and moves time only when all of them wait.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use cloakroom_verify::clock::{Clock, ManualClock};
use cloakroom_verify::remote::Runtime;

use crate::common::start;
use crate::dice::Dice;

pub(crate) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// See the module.
pub(crate) struct Machine {
    pub(crate) clock: ManualClock,
    timers: Arc<Mutex<Timers>>,
    dice: Dice,
    tasks: Vec<Option<(Task, Arc<Woken>)>>,
}

/// Who waits until when, in nanoseconds of the boot clock.
#[derive(Default)]
struct Timers {
    waiting: BTreeMap<(u64, u64), Waker>,
    drawn: u64,
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Machine {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            clock: ManualClock::at(start()),
            timers: Arc::default(),
            dice: Dice::new(seed),
            tasks: Vec::new(),
        }
    }

    /// The same time and the same dice, and nothing that runs.
    pub(crate) fn emptied(&self) -> Self {
        Self { clock: self.clock.clone(), timers: Arc::default(), dice: self.dice.clone(), tasks: Vec::new() }
    }

    pub(crate) fn runtime(&self) -> Simulated {
        Simulated { clock: self.clock.clone(), timers: Arc::clone(&self.timers), dice: self.dice.clone() }
    }

    pub(crate) fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.push(Some((Box::pin(task), Arc::new(Woken(AtomicBool::new(true))))));
    }

    /// Runs everything for so long.
    pub(crate) fn run(&mut self, by: Duration) {
        let end = self.clock.boot().0 + u64::try_from(by.as_nanos()).unwrap();
        loop {
            while self.poll_woken() {}
            let next = self.timers.lock().unwrap().waiting.keys().next().copied();
            let now = self.clock.boot().0;
            match next {
                Some((at, _)) if at <= end => {
                    self.clock.advance(Duration::from_nanos(at.saturating_sub(now)));
                    let waker = self.timers.lock().unwrap().waiting.pop_first();
                    waker.unwrap().1.wake();
                }
                Some(_) | None => {
                    self.clock.advance(Duration::from_nanos(end - now));
                    return;
                }
            }
        }
    }

    /// Runs it until it is done: an error if that takes longer than a minute.
    pub(crate) fn block_on<T: Send + 'static>(
        &mut self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let done = Arc::new(Mutex::new(None));
        let result = Arc::clone(&done);
        self.spawn(async move { *result.lock().unwrap() = Some(task.await) });
        for _ in 0..60_000 {
            self.run(Duration::from_millis(1));
            if let Some(value) = done.lock().unwrap().take() {
                return value;
            }
        }
        panic!("it is not done after a minute");
    }

    fn poll_woken(&mut self) -> bool {
        let mut any = false;
        for slot in &mut self.tasks {
            let Some((task, woken)) = slot else { continue };
            if !woken.0.swap(false, Ordering::SeqCst) {
                continue;
            }
            any = true;
            let waker = Waker::from(Arc::clone(woken));
            if task.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
                *slot = None;
            }
        }
        self.tasks.retain(Option::is_some);
        any
    }
}

/// Waits by the machine's time, in whole milliseconds.
#[derive(Clone)]
pub(crate) struct Simulated {
    pub(crate) clock: ManualClock,
    timers: Arc<Mutex<Timers>>,
    dice: Dice,
}

impl Runtime for Simulated {
    async fn sleep(&self, duration: Duration) {
        let millis = u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX / 2_000_000);
        let at = self.clock.boot().0 + millis * 1_000_000;
        Sleep { at, key: None, timers: Arc::clone(&self.timers), clock: self.clock.clone() }.await;
    }

    fn random(&self) -> u128 {
        u128::from(self.dice.next()) << 64 | u128::from(self.dice.next())
    }
}

struct Sleep {
    at: u64,
    key: Option<(u64, u64)>,
    timers: Arc<Mutex<Timers>>,
    clock: ManualClock,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // Even nothing is a moment: others run in between.
        if self.key.is_some() && self.clock.boot().0 >= self.at {
            return Poll::Ready(());
        }
        let timers = Arc::clone(&self.timers);
        let mut timers = timers.lock().unwrap();
        timers.drawn += 1;
        let key = self.key.unwrap_or((self.at, timers.drawn));
        self.key = Some(key);
        timers.waiting.insert(key, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.timers.lock().unwrap().waiting.remove(&key);
        }
    }
}
