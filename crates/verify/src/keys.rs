//! The keys that access tokens are proved with. Found by `kid` without I/O; an unknown `kid` is just unknown.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::KeyId;
use crate::algorithm::VerifyingKey;
use crate::jwt::header;

/// A set of keys that can be replaced while it is in use.
#[derive(Debug)]
pub struct KeySet(ArcSwap<Table>);

#[derive(Debug, Default)]
struct Table {
    by_kid: HashMap<KeyId, Arc<NamedKey>>,
    /// Our own tokens all begin with the same header: found whole, it need not be parsed.
    by_header: HashMap<Box<str>, Arc<NamedKey>>,
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
        Self(ArcSwap::from_pointee(Table::of(keys)))
    }

    /// Replaces all keys at once: no reader sees a mixture.
    pub fn replace(&self, keys: impl IntoIterator<Item = (KeyId, VerifyingKey)>) {
        self.0.store(Arc::new(Table::of(keys)));
    }

    /// The key with this `kid`.
    pub fn by_kid(&self, kid: &KeyId) -> Option<Arc<NamedKey>> {
        self.0.load().by_kid.get(kid).cloned()
    }

    /// The key of a header that is spelled exactly as we spell ours.
    pub(crate) fn by_header(&self, encoded: &str) -> Option<Arc<NamedKey>> {
        self.0.load().by_header.get(encoded).cloned()
    }

    /// All keys, in no order.
    pub fn all(&self) -> Vec<Arc<NamedKey>> {
        self.0.load().by_kid.values().cloned().collect()
    }
}

impl Table {
    fn of(keys: impl IntoIterator<Item = (KeyId, VerifyingKey)>) -> Self {
        let mut table = Self::default();
        for (kid, key) in keys {
            let named = Arc::new(NamedKey { kid, key });
            table
                .by_header
                .insert(header::encode(&named.kid, named.key.algorithm()).into(), Arc::clone(&named));
            table.by_kid.insert(named.kid.clone(), named);
        }
        table
    }
}
