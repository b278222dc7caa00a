//! One kind of revocation, by key: written seldom, read on each check, by many threads at once.
//!
//! Sharded by hash, so that readers of different keys seldom touch the same lock, and a table that grows holds up a
//! small part of the readers for microseconds. The hash is keyed: nobody outside can aim at a shard.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};
use std::sync::atomic::{AtomicBool, Ordering};

use hashbrown::HashTable;
use parking_lot::RwLock;

use crate::{Rv, Timestamp};

const SHARDS: usize = 64;

/// See the module. A scope that was never used costs one load.
pub(crate) struct Scope<K> {
    shards: [RwLock<HashTable<Entry<K>>>; SHARDS],
    random: RandomState,
    used: AtomicBool,
}

struct Entry<K> {
    key: K,
    rv: Rv,
    keep_until: Timestamp,
}

impl<K> Default for Scope<K> {
    fn default() -> Self {
        Self {
            shards: std::array::from_fn(|_| RwLock::default()),
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
                entry.rv = entry.rv.max(rv);
                entry.keep_until = entry.keep_until.max(keep_until);
            }
            None => {
                let rehash = |entry: &Entry<K>| self.random.hash_one(&entry.key);
                shard.insert_unique(hash, Entry { key, rv, keep_until }, rehash);
            }
        }
    }

    /// The newest event of a key.
    pub(crate) fn newest(&self, key: &K) -> Option<Rv> {
        if !self.used.load(Ordering::Acquire) {
            return None;
        }
        let hash = self.random.hash_one(key);
        self.shard(hash).read().find(hash, |entry| entry.key == *key).map(|entry| entry.rv)
    }

    /// Forgets what need not be kept any more, a shard at a time.
    pub(crate) fn forget_before(&self, now: Timestamp) {
        for shard in &self.shards {
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

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: Timestamp = Timestamp::from_millis(100);

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
        scope.forget_before(LATER);
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
