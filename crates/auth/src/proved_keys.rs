//! Service keys that were proved lately, so that a service which asks four times a second costs no database read, and at
//! a relay no question to a server.
//!
//! A revoked key is refused at *use*: its event is remembered beside the keys, so a key that was read before its
//! revocation and remembered after it is refused all the same.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest;
use cloakroom_verify::ServiceKeyId;
use cloakroom_verify::clock::BootInstant;

use crate::service_key::ServiceKey;

/// How long a key is remembered: then whoever knows it is asked again.
const REMEMBERED: Duration = Duration::from_secs(60);
/// Texts that are remembered at most. Only right ones are, so that is how many keys there are.
const AT_MOST: usize = 1024;

/// See the module. `K` is what is known of a key.
#[derive(Debug)]
pub struct ProvedKeys<K = Arc<ServiceKey>>(Mutex<Known<K>>);

#[derive(Debug)]
struct Known<K> {
    /// By the SHA-256 of the whole text.
    proved: HashMap<[u8; 32], (ServiceKeyId, K, BootInstant)>,
    revoked: HashSet<ServiceKeyId>,
}

impl<K> Default for ProvedKeys<K> {
    fn default() -> Self {
        Self(Mutex::new(Known { proved: HashMap::new(), revoked: HashSet::new() }))
    }
}

impl<K: Clone> ProvedKeys<K> {
    /// The key of this text, if it was proved lately and is not known to be revoked.
    pub fn find(&self, text: &str, now: BootInstant) -> Option<K> {
        let known = self.lock();
        let (id, key, proved_at) = known.proved.get(&digest_of(text))?;
        let good = now.since(*proved_at) < REMEMBERED && !known.revoked.contains(id);
        good.then(|| key.clone())
    }

    /// Whether this text proved a key before that is not known to be revoked, however long ago: it is no stranger's.
    pub fn was_proved(&self, text: &str) -> bool {
        self.lock().proved.contains_key(&digest_of(text))
    }

    /// Remembers a key that this text proved; `asked_at` was read before anybody was asked for it.
    pub fn remember(&self, text: &str, id: ServiceKeyId, key: K, asked_at: BootInstant) -> K {
        let mut known = self.lock();
        if known.proved.len() >= AT_MOST {
            known.proved.retain(|_, (.., proved_at)| asked_at.since(*proved_at) < REMEMBERED);
        }
        if known.proved.len() < AT_MOST {
            known.proved.insert(digest_of(text), (id, key.clone(), asked_at));
        }
        key
    }

    /// Whether the feed told that this key was revoked.
    pub fn is_revoked(&self, id: ServiceKeyId) -> bool {
        self.lock().revoked.contains(&id)
    }

    /// Refuses a key from now on.
    pub fn revoke(&self, id: ServiceKeyId) {
        let mut known = self.lock();
        known.revoked.insert(id);
        known.proved.retain(|_, (key, ..)| *key != id);
    }

    fn lock(&self) -> MutexGuard<'_, Known<K>> {
        // Every change leaves the maps whole, so a panic elsewhere does not spoil them.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn digest_of(text: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    bytes
}

#[cfg(test)]
mod tests {
    use cloakroom_verify::Timestamp;
    use secrecy::ExposeSecret;

    use super::*;
    use crate::service_key::Scope;

    fn made() -> (ServiceKey, String) {
        let (key, text) =
            ServiceKey::make(String::from("shop"), vec![Scope::Feed], Timestamp::from_seconds(1));
        (key, text.expose_secret().to_owned())
    }

    #[test]
    fn a_key_is_remembered_for_a_minute() {
        let ((key, text), keys) = (made(), ProvedKeys::default());
        let at = |seconds: u64| BootInstant(seconds * 1_000_000_000);
        assert!(keys.find(&text, at(100)).is_none());
        keys.remember(&text, key.id, Arc::new(key), at(100));
        assert!(keys.find(&text, at(159)).is_some());
        assert!(keys.find(&text, at(160)).is_none(), "whoever knows is asked again");
        assert!(keys.was_proved(&text) && !keys.was_proved("cka_x"));
        assert!(keys.find(&text[..text.len() - 1], at(100)).is_none());
    }

    #[test]
    fn a_revoked_key_is_refused_at_once_even_if_it_was_read_before() {
        let ((key, text), keys) = (made(), ProvedKeys::default());
        keys.remember(&text, key.id, Arc::new(key.clone()), BootInstant(1));
        keys.revoke(key.id);
        assert!(keys.find(&text, BootInstant(1)).is_none() && !keys.was_proved(&text));
        // A read that began before the revocation ends after it.
        keys.remember(&text, key.id, Arc::new(key), BootInstant(1));
        assert!(keys.find(&text, BootInstant(1)).is_none());
    }
}
