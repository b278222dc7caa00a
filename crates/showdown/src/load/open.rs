//! An open loop: requests are due at fixed times, and each is timed from when it was due.
//!
//! A request that is due waits for a connection that is free: while the server stalls, those that are due queue up here,
//! as they would in a proxy, and their time runs. None is left out because the one before it took long.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::{spawn_local, yield_now};
use tokio::time::{Instant, sleep, timeout_at};

use super::recorder::Recorder;
use super::threads::{self, Part};
use super::{Load, Loaded, Window};
use crate::client::Client;

/// How long the last answers are waited for.
const GRACE: Duration = Duration::from_secs(2);
/// The clock of the runtime ticks in milliseconds: the rest of the way to a due time is watched closely.
const CLOSE: Duration = Duration::from_millis(2);

/// Runs it at so many requests a second.
pub async fn run(load: &Load, rate: u32) -> Loaded {
    let (all, window, start) = (load.clone(), load.window, Instant::now());
    let schedule = move |part| thread(all.clone(), part, Schedule { start, window, rate: rate.max(1) });
    threads::record(load.connections, schedule).await.loaded(window)
}

#[derive(Clone, Copy)]
struct Schedule {
    start: Instant,
    window: Window,
    rate: u32,
}

impl Schedule {
    /// The times of one of several threads, which take turns.
    fn times(self, part: &Part) -> impl Iterator<Item = Instant> + use<> {
        let (nth, step) = (u64::from(part.nth), u64::from(part.of));
        let due = move |n: u64| {
            self.start + Duration::from_secs_f64((nth + n * step) as f64 / f64::from(self.rate))
        };
        (0..).map(due).take_while(move |due| *due < self.window.until)
    }
}

/// What the tasks of a thread share.
struct Shared {
    due: RefCell<VecDeque<Instant>>,
    more: Notify,
    over: Cell<bool>,
    recorder: RefCell<Recorder>,
    window: Window,
}

async fn thread(load: Load, part: Part, schedule: Schedule) -> Recorder {
    let shared = Rc::new(Shared {
        due: RefCell::default(),
        more: Notify::new(),
        over: Cell::new(false),
        recorder: RefCell::new(Recorder::new()),
        window: schedule.window,
    });
    let mut connections: Vec<_> = (0..part.share(load.connections))
        .map(|n| {
            let first = (n * part.of + part.nth) as usize;
            spawn_local(connection(load.clone(), first, Rc::clone(&shared)))
        })
        .collect();
    for due in schedule.times(&part) {
        if part.is_stopped() {
            break;
        }
        wait_until(due).await;
        shared.due.borrow_mut().push_back(due);
        shared.more.notify_one();
        // The connections are tasks of this thread.
        yield_now().await;
    }
    shared.over.set(true);
    shared.more.notify_waiters();
    let until = schedule.window.until + GRACE;
    for connection in &mut connections {
        if timeout_at(until, connection).await.is_err() {
            break;
        }
    }
    for connection in connections.into_iter().filter(|connection| !connection.is_finished()) {
        connection.abort();
        let _ = connection.await;
    }
    shared.give_up();
    shared.recorder.replace(Recorder::new())
}

async fn connection(load: Load, first: usize, shared: Rc<Shared>) {
    let mut client = Client::new(load.target);
    // One that cannot be connected to yet is connected to by its first request.
    let _ = client.connect().await;
    let turns = load.asks.iter().cycle().skip(first % load.asks.len().max(1));
    for ask in turns {
        let Some(due) = shared.next().await else { return };
        let in_flight = InFlight { due, shared: &shared, settled: false };
        let status = client.status(ask).await;
        in_flight.answered(status.is_ok_and(|status| status.is_success()));
    }
}

/// A request that has been taken; dropped without an answer it goes back among those that are due.
struct InFlight<'s> {
    due: Instant,
    shared: &'s Shared,
    settled: bool,
}

impl InFlight<'_> {
    fn answered(mut self, well: bool) {
        let (done, window) = (Instant::now(), self.shared.window);
        let mut recorder = self.shared.recorder.borrow_mut();
        recorder.answered += u64::from(well && window.holds(done));
        if window.holds(self.due) {
            recorder.failed += u64::from(!well);
            if well {
                recorder.time(done - self.due);
            }
        }
        self.settled = true;
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if !self.settled {
            self.shared.due.borrow_mut().push_back(self.due);
        }
    }
}

impl Shared {
    /// The earliest request that is due; `None` when there will be none any more.
    async fn next(&self) -> Option<Instant> {
        loop {
            let more = self.more.notified();
            if let Some(due) = self.due.borrow_mut().pop_front() {
                return Some(due);
            }
            if self.over.get() {
                return None;
            }
            more.await;
        }
    }

    /// Who got no answer has waited at least until now: left out, the worst would not be seen.
    fn give_up(&self) {
        let now = Instant::now();
        let mut recorder = self.recorder.borrow_mut();
        let waited = self.due.borrow_mut().drain(..).collect::<Vec<_>>();
        for due in waited.into_iter().filter(|due| self.window.holds(*due)) {
            recorder.failed += 1;
            recorder.time(now - due);
        }
    }
}

async fn wait_until(due: Instant) {
    loop {
        let left = due.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        match left.checked_sub(CLOSE) {
            Some(far) if !far.is_zero() => sleep(far).await,
            Some(_) | None => yield_now().await,
        }
    }
}
