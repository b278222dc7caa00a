//! The only place that reads a clock.
//!
//! Two clocks: wall time judges `exp`, and the boot clock, which counts suspend and never jumps, judges how old
//! knowledge is. A laptop that slept must not trust what it knew before.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use crate::Timestamp;

/// A moment of the boot clock, in nanoseconds. Comparable only within one boot of one machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BootInstant(pub u64);

impl BootInstant {
    /// How long ago `earlier` was; zero if it lies in the future.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// Where time comes from.
pub trait Clock: Clone + Send + Sync + 'static {
    /// What a calendar says.
    fn wall(&self) -> Timestamp;
    /// How long the machine has been up, suspend included.
    fn boot(&self) -> BootInstant;
}

/// The clocks of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn wall(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that reads wall time")]
        let now = std::time::SystemTime::now();
        let since_epoch = now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }

    fn boot(&self) -> BootInstant {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Boottime;
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Monotonic;
        let now = rustix::time::clock_gettime(CLOCK);
        let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
        BootInstant(seconds.saturating_mul(1_000_000_000) + u64::try_from(now.tv_nsec).unwrap_or(0))
    }
}

/// Time that moves by hand, for tests. Clones share it.
#[derive(Debug, Clone)]
pub struct ManualClock {
    wall: Arc<AtomicI64>,
    boot: Arc<AtomicU64>,
}

impl ManualClock {
    /// Wall time starts here; the boot clock starts at one hour.
    pub fn at(wall: Timestamp) -> Self {
        Self {
            wall: Arc::new(AtomicI64::new(wall.as_millis())),
            boot: Arc::new(AtomicU64::new(3_600_000_000_000)),
        }
    }

    /// Moves both clocks.
    pub fn advance(&self, by: Duration) {
        self.wall.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
        self.boot.fetch_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    /// Moves wall time alone, as somebody who sets it does.
    pub fn set_wall(&self, to: Timestamp) {
        self.wall.store(to.as_millis(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn wall(&self) -> Timestamp {
        Timestamp::from_millis(self.wall.load(Ordering::SeqCst))
    }

    fn boot(&self) -> BootInstant {
        BootInstant(self.boot.load(Ordering::SeqCst))
    }
}
