//! One kind of revocation, by key: written seldom, read on each check, by many threads at once.
//!
//! Sharded by hash, so that readers of different keys seldom touch the same lock, and a table that grows holds up a
//! small part of the readers for microseconds. The hash is keyed: nobody outside can aim at a shard.

use std::hash::{BuildHasher, Hash};

use hashbrown::HashTable;

use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{RandomState, RwLock};
use crate::{Rv, Timestamp};

/// Of ten million entries each holds ten thousand: going through one of them takes a fraction of a millisecond.
const SHARDS: usize = 1024;

/// See the module. A scope that was never used costs one load.
pub(crate) struct Scope<K> {
    shards: Box<[RwLock<HashTable<Entry<K>>>]>,
    random: RandomState,
    used: AtomicBool,
}

/// 28 bytes where the key is an id: of millions, each byte counts.
struct Entry<K> {
    key: K,
    epoch: u32,
    seq: u32,
    keep_until: Second,
}

/// Rounded up, so that nothing is forgotten early. The last one there is: for ever.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Second(u32);

impl<K> Default for Scope<K> {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            random: RandomState::new(),
            used: AtomicBool::new(false),
        }
    }
}

impl<K: Hash + Eq> Scope<K> {
    /// Remembers the newest event of a key, and the longest time that one of them must be kept.
    pub(crate) fn raise(&self, key: K, rv: Rv, keep_until: Timestamp) {
        let hash = self.random.hash_one(&key);
        let mut shard = self.shard(hash).write();
        // Set before the entry can be found: a reader that sees it unset was there before the event.
        self.used.store(true, Ordering::Release);
        match shard.find_mut(hash, |entry| entry.key == key) {
            Some(entry) => {
                let newest = entry.rv().max(rv);
                (entry.epoch, entry.seq) = (newest.epoch(), newest.seq());
                entry.keep_until = entry.keep_until.max(Second::until(keep_until));
            }
            None => {
                let rehash = |entry: &Entry<K>| self.random.hash_one(&entry.key);
                let (epoch, seq, keep_until) = (rv.epoch(), rv.seq(), Second::until(keep_until));
                shard.insert_unique(hash, Entry { key, epoch, seq, keep_until }, rehash);
            }
        }
    }

    /// The newest event of a key.
    pub(crate) fn newest(&self, key: &K) -> Option<Rv> {
        if !self.used.load(Ordering::Acquire) {
            return None;
        }
        let hash = self.random.hash_one(key);
        self.shard(hash).read().find(hash, |entry| entry.key == *key).map(Entry::rv)
    }

    /// Forgets what need not be kept any more, a shard at a time.
    pub(crate) fn forget_before(&self, now: Timestamp) {
        let now = Second::of(now);
        for shard in &*self.shards {
            let mut shard = shard.write();
            shard.retain(|entry| entry.keep_until >= now);
            // A flood that has passed gives its memory back.
            if shard.capacity() > 4 * shard.len() + 64 {
                shard.shrink_to_fit(|entry| self.random.hash_one(&entry.key));
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().len()).sum()
    }

    /// The low bits choose the shard; the table inside goes by the others.
    fn shard(&self, hash: u64) -> &RwLock<HashTable<Entry<K>>> {
        &self.shards[usize::try_from(hash >> 32).unwrap_or(0) % SHARDS]
    }
}

impl<K> Entry<K> {
    const fn rv(&self) -> Rv {
        Rv::new(self.epoch, self.seq)
    }
}

impl Second {
    fn until(at: Timestamp) -> Self {
        let second = at.as_seconds();
        let rounded = if Timestamp::from_seconds(second) < at { second.saturating_add(1) } else { second };
        Self(u32::try_from(rounded.max(0)).unwrap_or(u32::MAX))
    }

    fn of(now: Timestamp) -> Self {
        Self(u32::try_from(now.as_seconds().max(0)).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: Timestamp = Timestamp::from_millis(99_001);

    #[test]
    fn the_newest_counts_in_whatever_order_they_come() {
        let scope = Scope::default();
        assert_eq!(scope.newest(&1), None);
        for seq in [3, 7, 5] {
            scope.raise(1, Rv::new(1, seq), LATER);
        }
        assert_eq!((scope.newest(&1), scope.newest(&2), scope.len()), (Some(Rv::new(1, 7)), None, 1));
    }

    #[test]
    fn what_must_be_kept_is_kept_and_the_rest_goes_with_its_memory() {
        let scope = Scope::default();
        for key in 0..100_000 {
            scope.raise(key, Rv::new(1, 1), if key < 10 { LATER } else { Timestamp::from_millis(1) });
        }
        scope.raise(20, Rv::new(1, 1), LATER);
        scope.forget_before(Timestamp::from_seconds(100));
        assert_eq!(scope.len(), 11);
        assert!((0..10).chain([20]).all(|key| scope.newest(&key).is_some()));
        assert!(scope.shards.iter().all(|shard| shard.read().capacity() <= 128));
    }

    #[test]
    fn writers_and_readers_at_once_lose_nothing() {
        let scope = Scope::default();
        std::thread::scope(|threads| {
            for writer in 0..4_u32 {
                let scope = &scope;
                threads.spawn(move || {
                    for n in 0..5_000 {
                        let key = writer * 5_000 + n;
                        scope.raise(key, Rv::new(1, key), LATER);
                        assert_eq!(scope.newest(&key), Some(Rv::new(1, key)));
                    }
                });
            }
        });
        assert_eq!(scope.len(), 20_000);
    }
}
