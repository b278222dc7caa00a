//! Access tokens seen before: their signature is proved once.
//!
//! Found by the exact bytes of the whole token, so nothing else can stand in for it. Only the signature and the
//! reading are skipped: `exp`, the kill table and the lease are judged at each use.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::jwt::Verified;

const TOKENS: usize = 10_000;
const BYTES: u64 = 8 * 1024 * 1024;

/// The tokens seen before.
pub(crate) struct Seen(Cache<Box<str>, Arc<Verified>, ByLength>);

#[derive(Clone)]
struct ByLength;

impl Weighter<Box<str>, Arc<Verified>> for ByLength {
    fn weight(&self, token: &Box<str>, _: &Arc<Verified>) -> u64 {
        // The token, its claims as read, and the entry itself.
        2 * token.len() as u64 + 256
    }
}

impl Seen {
    pub(crate) fn new() -> Self {
        Self(Cache::with_weighter(TOKENS, BYTES, ByLength))
    }

    pub(crate) fn find(&self, token: &str) -> Option<Arc<Verified>> {
        self.0.get(token)
    }

    /// Only for tokens that were verified.
    pub(crate) fn remember(&self, token: &str, verified: Verified) -> Arc<Verified> {
        let verified = Arc::new(verified);
        self.0.insert(token.into(), Arc::clone(&verified));
        verified
    }

    pub(crate) fn forget(&self, token: &str) {
        self.0.remove(token);
    }

    /// Forgets everything: the keys have changed.
    pub(crate) fn clear(&self) {
        self.0.clear();
    }
}
