//! Access tokens seen before: their signature is proved once.
//!
//! Found by the exact bytes of the whole token, so nothing else can stand in for it. Only the signature and the
//! reading are skipped: `exp`, the kill table and the lease are judged at each use. What was proved with another
//! edition of the keys counts for nothing.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::jwt::Verified;

const TOKENS: usize = 10_000;
const BYTES: u64 = 8 * 1024 * 1024;

/// The tokens seen before.
pub(crate) struct Seen(Cache<Box<str>, Entry, ByLength>);

/// A token as it was read, and the edition of the keys that proved it.
type Entry = (Arc<Verified>, u64);

#[derive(Clone)]
struct ByLength;

impl Weighter<Box<str>, Entry> for ByLength {
    fn weight(&self, token: &Box<str>, _: &Entry) -> u64 {
        // The token, its claims as read, and the entry itself.
        2 * token.len() as u64 + 256
    }
}

impl Seen {
    pub(crate) fn new() -> Self {
        Self(Cache::with_weighter(TOKENS, BYTES, ByLength))
    }

    pub(crate) fn find(&self, token: &str, edition: u64) -> Option<Arc<Verified>> {
        self.0.get(token).filter(|(_, proved)| *proved == edition).map(|(verified, _)| verified)
    }

    /// Only for tokens that were verified.
    pub(crate) fn remember(&self, token: &str, verified: Verified, edition: u64) -> Arc<Verified> {
        let verified = Arc::new(verified);
        self.0.insert(token.into(), (Arc::clone(&verified), edition));
        verified
    }

    pub(crate) fn forget(&self, token: &str) {
        self.0.remove(token);
    }

    /// Forgets everything: the keys have changed, and nothing of it will be found again.
    pub(crate) fn clear(&self) {
        self.0.clear();
    }
}
