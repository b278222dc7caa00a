//! The keys that access tokens are proved with. Found by `kid` without I/O; an unknown `kid` is just unknown.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;

use crate::KeyId;
use crate::algorithm::VerifyingKey;
use crate::jws::header;

/// A set of keys that can be replaced while it is in use.
#[derive(Debug)]
pub struct KeySet {
    table: ArcSwap<Table>,
    editions: AtomicU64,
}

#[derive(Debug, Default)]
struct Table {
    /// Which of the set's successive tables this is.
    edition: u64,
    by_kid: HashMap<KeyId, Arc<NamedKey>>,
    /// Our own tokens all begin with the same header: found whole, it need not be parsed. The keys are few, and
    /// comparing is faster than hashing.
    by_header: Vec<(Box<str>, Arc<NamedKey>)>,
}

/// A key and its name.
#[derive(Debug)]
pub struct NamedKey {
    /// Its `kid`.
    pub kid: KeyId,
    /// What proves signatures.
    pub key: VerifyingKey,
}

impl KeySet {
    /// A set of these keys.
    pub fn new(keys: impl IntoIterator<Item = (KeyId, VerifyingKey)>) -> Self {
        Self { table: ArcSwap::from_pointee(Table::of(keys, 0)), editions: AtomicU64::new(1) }
    }

    /// Replaces all keys at once: no reader sees a mixture.
    pub fn replace(&self, keys: impl IntoIterator<Item = (KeyId, VerifyingKey)>) {
        let edition = self.editions.fetch_add(1, Ordering::Relaxed);
        self.table.store(Arc::new(Table::of(keys, edition)));
    }

    /// Changes whenever the keys are replaced.
    pub(crate) fn edition(&self) -> u64 {
        self.table.load().edition
    }

    /// The key with this `kid`.
    pub fn by_kid(&self, kid: &KeyId) -> Option<Arc<NamedKey>> {
        self.table.load().by_kid.get(kid).cloned()
    }

    /// The key of a header that is spelled exactly as we spell ours.
    pub(crate) fn by_header(&self, encoded: &str) -> Option<Arc<NamedKey>> {
        let table = self.table.load();
        let found = table.by_header.iter().find(|(header, _)| **header == *encoded);
        found.map(|(_, key)| Arc::clone(key))
    }

    /// All keys, in no order.
    pub fn all(&self) -> Vec<Arc<NamedKey>> {
        self.table.load().by_kid.values().cloned().collect()
    }
}

impl Table {
    fn of(keys: impl IntoIterator<Item = (KeyId, VerifyingKey)>, edition: u64) -> Self {
        let mut table = Self { edition, ..Self::default() };
        for (kid, key) in keys {
            table.by_kid.insert(kid.clone(), Arc::new(NamedKey { kid, key }));
        }
        // Of those that are left: of two keys of one name, the first must not live on under its header.
        for named in table.by_kid.values() {
            let header = header::encode(&named.kid, named.key.algorithm());
            table.by_header.push((header.into(), Arc::clone(named)));
        }
        table
    }
}
