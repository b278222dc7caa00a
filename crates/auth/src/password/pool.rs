//! A bounded number of hashes at once: a flood of logins must not take the memory, nor the cores, of everybody else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::threads::HashThreads;
use super::{HashUnreadable, Hasher, Memory, NewPassword, Password, PhcString};
use crate::error::{Error, Result};
use crate::token;

/// What the pool may take.
#[derive(Debug, Clone, Copy)]
pub struct PoolLimits {
    /// Memory for all running hashes together, in KiB.
    pub memory_kib: u64,
    /// Hashes that run at once, at most.
    pub cores: usize,
    /// Hashes that wait, at most.
    pub queue: usize,
    /// How long one waits, at most.
    pub deadline: Duration,
}

impl Default for PoolLimits {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { memory_kib: 256 * 1024, cores, queue: 64, deadline: Duration::from_secs(2) }
    }
}

/// The queue is full, or the wait was too long; nothing was hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy {
    /// When to come again.
    pub retry_after: Duration,
}

/// Hashes passwords beside the requests that need none.
#[derive(Debug)]
pub struct HashPool {
    hasher: Hasher,
    threads: HashThreads,
    permits: Arc<Semaphore>,
    at_once: usize,
    waiting: AtomicUsize,
    limits: PoolLimits,
}

impl HashPool {
    /// A pool within these limits, with threads of its own; at least one hash runs at once.
    pub fn start(hasher: Hasher, limits: PoolLimits) -> std::io::Result<Self> {
        let by_memory = limits.memory_kib / u64::from(hasher.params().memory_kib.max(1));
        let at_once = usize::try_from(by_memory).unwrap_or(usize::MAX).min(limits.cores).max(1);
        let permits = Arc::new(Semaphore::new(at_once));
        let threads = HashThreads::start(at_once)?;
        Ok(Self { hasher, threads, permits, at_once, waiting: AtomicUsize::new(0), limits })
    }

    /// What hashes here.
    pub const fn hasher(&self) -> &Hasher {
        &self.hasher
    }

    /// How many hashes run right now.
    pub fn running(&self) -> usize {
        self.at_once.saturating_sub(self.permits.available_permits())
    }

    /// How many wait right now.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Hashes a new password.
    pub async fn hash(&self, password: NewPassword) -> Result<PhcString> {
        let (hasher, takes) = (self.hasher.clone(), self.hasher.params().memory_kib);
        self.run(takes, move |memory| hasher.hash(&password.0, token::random(), memory)).await
    }

    /// Hashes a password that was just proved again, with what its hash lacks today.
    pub async fn rehash(&self, password: Password, stored: &PhcString) -> Result<PhcString> {
        let hasher = self.hasher.raised(stored);
        let takes = hasher.params().memory_kib;
        self.run(takes, move |memory| hasher.hash(&password, token::random(), memory)).await
    }

    /// Proves a password; without a stored hash at the same cost, and never right.
    pub async fn verify(&self, password: Password, stored: Option<PhcString>) -> Result<bool> {
        let (hasher, takes) = (self.hasher.clone(), self.hasher.memory_to_verify(stored.as_ref()));
        self.run(takes, move |memory| hasher.verify(&password, stored.as_ref(), memory)).await
    }

    /// `takes`: memory in KiB. A hash that takes more than its share of what there is waits until others have ended.
    async fn run<T: Send + 'static>(
        &self,
        takes: u32,
        hash: impl FnOnce(&mut Memory) -> std::result::Result<T, HashUnreadable> + Send + 'static,
    ) -> Result<T> {
        let permit = self
            .permit(self.shares(takes))
            .await
            .map_err(|Busy { retry_after }| Error::Busy { retry_after })?;
        let usual = self.hasher.params();
        let hashed = self.threads.run(move |memory| {
            // Held until the hash ends, even if nobody waits for it any more: it is the memory that is counted.
            let _permit = permit;
            let hashed = hash(memory);
            memory.shrink_to(usual);
            hashed
        });
        let hashed = hashed.await.ok_or(Error::Broken("password hashing stopped"))?;
        hashed.map_err(|HashUnreadable| Error::Broken("a password hash in the store is unreadable"))
    }

    /// How many of the hashes that may run at once this memory stands for; at most all of them.
    fn shares(&self, takes_kib: u32) -> u32 {
        let all = u32::try_from(self.at_once).unwrap_or(u32::MAX);
        let share = (self.limits.memory_kib / u64::from(all)).max(1);
        u32::try_from(u64::from(takes_kib).div_ceil(share)).unwrap_or(u32::MAX).clamp(1, all)
    }

    async fn permit(&self, shares: u32) -> std::result::Result<tokio::sync::OwnedSemaphorePermit, Busy> {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_many_owned(shares) {
            return Ok(permit);
        }
        let busy = Busy { retry_after: self.limits.deadline };
        let _place = Place::take(&self.waiting, self.limits.queue).ok_or(busy)?;
        let wait = Arc::clone(&self.permits).acquire_many_owned(shares);
        match tokio::time::timeout(self.limits.deadline, wait).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(busy),
        }
    }
}

/// A place in the queue, given back when the one who waits goes away for whatever reason.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize, at_most: usize) -> Option<Self> {
        let taken = waiting.fetch_add(1, Ordering::AcqRel);
        let place = Self(waiting);
        (taken < at_most).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::password::Params;

    fn pool(cores: usize, queue: usize) -> HashPool {
        let params = Params { memory_kib: 64, iterations: 1, parallelism: 1 };
        let limits = PoolLimits { memory_kib: 64 * 8, cores, queue, deadline: Duration::from_secs(2) };
        HashPool::start(Hasher::new(params).unwrap(), limits).unwrap()
    }

    #[test]
    fn memory_decides_how_many_run_at_once() {
        assert_eq!(pool(100, 1).at_once, 8);
        assert_eq!(pool(2, 1).at_once, 2);
        let tiny = PoolLimits { memory_kib: 1, cores: 4, queue: 1, deadline: Duration::ZERO };
        let hasher = Hasher::new(Params::default()).unwrap();
        assert_eq!(HashPool::start(hasher, tiny).unwrap().at_once, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn beyond_the_queue_it_is_busy_at_once_and_within_it_after_the_deadline() {
        let pool = pool(1, 1);
        let running = pool.permit(1).await.unwrap();
        let waits = pool.permit(1);
        tokio::pin!(waits);
        assert!(futures_poll(&mut waits).await.is_none(), "the first one waits");
        assert_eq!(pool.waiting(), 1);
        assert!(pool.permit(1).await.is_err(), "the queue is full");
        assert_eq!(pool.waiting(), 1, "who was refused has left no trace");
        assert!(waits.await.is_err(), "the deadline passed");
        assert_eq!((pool.waiting(), pool.running()), (0, 1));
        drop(running);
        assert!(pool.permit(1).await.is_ok());
    }

    #[tokio::test]
    async fn who_goes_away_while_waiting_gives_its_place_back() {
        let pool = pool(1, 1);
        let _running = pool.permit(1).await.unwrap();
        {
            let waits = pool.permit(1);
            tokio::pin!(waits);
            assert!(futures_poll(&mut waits).await.is_none());
        }
        assert_eq!(pool.waiting(), 0);
    }

    #[test]
    fn a_hash_counts_for_as_many_as_its_memory() {
        let pool = pool(4, 1);
        let share = 64 * 8 / 4;
        assert_eq!(
            [1, share, share + 1, 2 * share, 64 * 8, u32::MAX].map(|kib| pool.shares(kib)),
            [1, 1, 2, 2, 4, 4]
        );
    }

    #[tokio::test]
    async fn a_hash_that_takes_all_memory_runs_alone() {
        let pool = pool(2, 8);
        let large = pool.permit(pool.shares(u32::MAX)).await.unwrap();
        let waits = pool.permit(1);
        tokio::pin!(waits);
        assert!(futures_poll(&mut waits).await.is_none(), "no memory is left");
        drop(large);
        assert!(waits.await.is_ok());
    }

    /// Polls once.
    async fn futures_poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
        std::future::poll_fn(|context| {
            std::task::Poll::Ready(match std::pin::Pin::new(&mut *future).poll(context) {
                std::task::Poll::Ready(output) => Some(output),
                std::task::Poll::Pending => None,
            })
        })
        .await
    }
}
