//! What is known here, and in which order it comes to be known.
//!
//! Events first, then the watermark, then the lease: whoever reads the lease finds everything in the table that it
//! vouches for. The order is the whole safety of the protocol (docs/revocation.md), so it stands in one place.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::ear::Ear;
use super::server_time::{ServerClock, ServerTime};
use crate::clock::{BootInstant, Clock};
use crate::feed::watermark::{Watermark, Worth};
use crate::feed::wire::sync::{News, SyncAnswer};
use crate::lease::Lease;
use crate::revocations::Revocations;
use crate::{Event, Revocation, Rv, Timestamp};

/// See the module.
pub(super) struct Knowledge<C> {
    pub(super) revocations: Arc<Revocations>,
    pub(super) lease: Arc<Lease>,
    pub(super) clock: C,
    time: Arc<ServerTime>,
    watermark: Mutex<Watermark>,
    bounds: Mutex<Bounds>,
    /// Told whenever a credential may have ended.
    pub(super) news: Notify,
    /// Nanoseconds, of the last event that was new: see [`Metrics`](super::Metrics).
    lag: AtomicU64,
    ear: Option<Arc<dyn Ear>>,
}

/// What was sent, and when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// Up to where everything was known then: a head that lies behind it vouches for nothing.
    pub(super) known: Option<Rv>,
    /// The boot clock *before* it was sent: an answer speaks of everything that was committed until then, and of
    /// nothing later.
    pub(super) sent: BootInstant,
}

/// Our bound, and what each server last said of its own.
struct Bounds {
    own: Duration,
    theirs: Vec<Option<Duration>>,
}

impl<C: Clock> Knowledge<C> {
    pub(super) fn new(bound: Duration, servers: usize, clock: C) -> Self {
        Self {
            revocations: Arc::new(Revocations::new()),
            lease: Arc::new(Lease::new(bound)),
            clock,
            time: Arc::default(),
            watermark: Mutex::default(),
            bounds: Mutex::new(Bounds { own: bound, theirs: vec![None; servers] }),
            news: Notify::new(),
            lag: AtomicU64::new(0),
            ear: None,
        }
    }

    /// Tells this one what comes to be known.
    #[cfg(feature = "relay")]
    pub(super) fn with_ear(self, ear: Arc<dyn Ear>) -> Self {
        Self { ear: Some(ear), ..self }
    }

    /// The clock that `exp` is judged by.
    pub(super) fn server_clock(&self) -> ServerClock<C> {
        ServerClock::new(self.clock.clone(), Arc::clone(&self.time))
    }

    /// The server's time; `None`: it was never heard.
    pub(super) fn server_time(&self) -> Option<Timestamp> {
        self.time.at(self.clock.boot())
    }

    /// Everything up to here is known.
    pub(super) fn position(&self) -> Option<Rv> {
        self.watermark.lock().position()
    }

    /// What to ask from, of one who knows everything up to `known`.
    pub(super) fn ask_from(&self, known: Option<Rv>) -> Option<Rv> {
        self.ear.as_ref().map_or(known, |ear| ear.ask_from(known).min(known))
    }

    /// At most this long passed from the commit of the last event that was new until it was known here.
    pub(super) fn lag(&self) -> Duration {
        Duration::from_nanos(self.lag.load(Ordering::Relaxed))
    }

    /// Takes in an answer of a server.
    pub(super) fn answered(&self, server: usize, asked: Asked, answer: &SyncAnswer) -> Worth {
        let brought_all = match &answer.news {
            News::Events(events) => {
                self.learn(events);
                true
            }
            News::Snapshot(_) => false,
        };
        self.learn_floor(answer.floor);
        let mut watermark = self.watermark.lock();
        // What a snapshot or another server brought meanwhile is as good.
        let complete = brought_all || watermark.position() >= Some(answer.head);
        let worth = watermark.answered(asked.known, answer.head, complete);
        if worth == Worth::Credit {
            if let Some(ear) = &self.ear {
                ear.answered(asked.known, answer);
            }
            self.time.heard(answer.server_time, asked.sent);
            self.lease.bind(self.bounds.lock().told(server, answer.bound));
            let age = u64::try_from(answer.age.as_nanos()).unwrap_or(u64::MAX);
            self.lease.credit(BootInstant(asked.sent.0.saturating_sub(age)));
        }
        worth
    }

    /// Takes in an event that was pushed. However quick it came, it proves nothing.
    pub(super) fn pushed(&self, event: &Event) {
        self.learn(std::slice::from_ref(event));
        let mut watermark = self.watermark.lock();
        let known = watermark.position();
        watermark.pushed(event.rv);
        if let Some(ear) = self.ear.as_ref().filter(|_| watermark.position() != known) {
            ear.pushed(known, event);
        }
    }

    /// Takes in a part of a snapshot.
    pub(super) fn filling(&self, event: &Event) {
        self.apply(event);
    }

    /// Takes in the end of a snapshot, all of which was taken in.
    pub(super) fn filled(&self, head: Rv, floor: Rv) {
        self.learn_floor(floor);
        let mut watermark = self.watermark.lock();
        watermark.filled(head);
        if let Some(ear) = &self.ear {
            ear.filled(head, floor);
        }
        drop(watermark);
        self.news.notify_waiters();
    }

    fn learn(&self, events: &[Event]) {
        if events.is_empty() {
            return;
        }
        let known = self.position();
        events.iter().for_each(|event| self.apply(event));
        if known.is_some() && events.iter().any(|event| Some(event.rv) > known) {
            // It was committed after everything that was known to be known.
            let lag = self.lease.age(&self.clock).unwrap_or_default();
            self.lag.store(u64::try_from(lag.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
        self.news.notify_waiters();
    }

    fn apply(&self, event: &Event) {
        self.revocations.apply(event);
        if let Some(ear) = &self.ear {
            ear.heard(event);
        }
    }

    /// The floor is an event too, one that is never forgotten.
    fn learn_floor(&self, floor: Rv) {
        if floor > self.revocations.floor() {
            let keep_until = Timestamp::from_millis(i64::MAX);
            self.learn(&[Event { rv: floor, revocation: Revocation::EverythingBefore, keep_until }]);
        }
    }
}

impl Bounds {
    fn told(&mut self, server: usize, bound: Duration) -> Duration {
        self.theirs[server] = Some(bound);
        self.theirs.iter().flatten().copied().fold(self.own, Duration::min)
    }
}
