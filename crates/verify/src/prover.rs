//! Proves access tokens, each once: what was seen before skips the signature and the reading, and nothing else.

use std::sync::Arc;

use crate::Timestamp;
use crate::jwt::{self, Invalid, Rules, Verified};
use crate::keys::KeySet;
use crate::seen::Seen;

pub(crate) struct Prover {
    keys: Arc<KeySet>,
    rules: Rules,
    seen: Seen,
}

impl Prover {
    pub(crate) fn new(keys: Arc<KeySet>, rules: Rules) -> Self {
        Self { keys, rules, seen: Seen::new() }
    }

    /// A token whose signature and claims are right at `now`, revocations aside. One that is seen for the first time
    /// is remembered as `first` leaves it.
    pub(crate) fn prove(
        &self,
        text: &str,
        now: Timestamp,
        first: impl FnOnce(Verified) -> Verified,
    ) -> Result<Arc<Verified>, Invalid> {
        // Read before the key is looked up: what an old key proved is never remembered as proved by the new ones.
        let edition = self.keys.edition();
        let Some(verified) = self.seen.find(text, edition) else {
            let verified = first(jwt::verify(text, &self.keys, &self.rules, now)?);
            return Ok(self.seen.remember(text, verified, edition));
        };
        if let Err(invalid) = verified.judge(&self.rules, now) {
            self.seen.forget(text);
            return Err(invalid);
        }
        Ok(verified)
    }

    /// Replaces the keys. What the old ones had signed is proved anew.
    pub(crate) fn replace_keys(
        &self,
        keys: impl IntoIterator<Item = (crate::KeyId, crate::algorithm::VerifyingKey)>,
    ) {
        self.keys.replace(keys);
        self.seen.clear();
    }
}
