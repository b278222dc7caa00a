//! Whether a service key that is shown to a relay is good. The relay has no database: it shows the key to a server, in a
//! report of no uses, which takes the scope `feed` and changes nothing.
//!
//! What was good is remembered for a minute. The feed tells of a revoked key like of all else, so one that was taken back
//! is refused at *use*, also if it was proved before and remembered after.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest;
use bytes::Bytes;
use cloakroom_auth::service_key::{Scope, Shown};
use cloakroom_verify::ServiceKeyId;
use cloakroom_verify::address::AddressGroup;
use cloakroom_verify::clock::{BootInstant, Clock};
use cloakroom_verify::feed::wire::TOUCH;
use cloakroom_verify::strangers::{EVERY, Strangers};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use tokio::sync::Semaphore;

use super::Relay;
use crate::client_address::Peer;
use crate::problem::{Code, Problem};
use crate::service_caller;

/// How long a key is remembered.
const REMEMBERED: Duration = Duration::from_secs(60);
/// Texts that are remembered at most. Only right ones are.
const AT_MOST: usize = 1024;
/// How many of a kind are shown to a server at once.
const AT_ONCE: usize = 16;
/// How long that may take, the wait for those before included.
const PATIENCE: Duration = Duration::from_secs(2);

/// See the module.
#[derive(Debug)]
pub struct Callers {
    known: Mutex<Known>,
    /// Whoever makes keys up must not keep out those whose minute is over: they wait in lines of their own.
    again: Semaphore,
    first: Semaphore,
    /// What is passed on comes to a server from the relay: it must not spend for them what it needs itself.
    strangers: Strangers,
}

#[derive(Debug, Default)]
struct Known {
    /// By the SHA-256 of the whole text.
    proved: HashMap<[u8; 32], (ServiceKeyId, BootInstant)>,
    revoked: HashSet<ServiceKeyId>,
}

impl Default for Callers {
    fn default() -> Self {
        let [again, first] = [Semaphore::new(AT_ONCE), Semaphore::new(AT_ONCE)];
        Self { known: Mutex::default(), again, first, strangers: Strangers::at_half() }
    }
}

/// The key that is shown with these headers, if it may follow the feed. 503 where the relay cannot vouch for anything:
/// it asks once more before, for all who wait.
pub async fn following(relay: &Relay, peer: Peer, headers: &HeaderMap) -> Result<ServiceKeyId, Problem> {
    let text = service_caller::shown(headers)?;
    let shown = Shown::parse(text).ok_or_else(|| Problem::new(Code::InvalidToken))?;
    let callers = &relay.known.callers;
    if callers.is_revoked(shown.id) {
        return Err(Problem::new(Code::InvalidToken));
    }
    // What was remembered counts only as long as the feed would tell that it no longer does.
    if !relay.is_fresh() {
        relay.feed.sync_on_demand().await;
    }
    if !relay.is_fresh() {
        return Err(Problem::new(Code::Unavailable));
    }
    let found = || callers.find(text, relay.clock.boot());
    if found().is_some() {
        return Ok(shown.id);
    }
    let line = if callers.was_good(text) { &callers.again } else { &callers.first };
    let proved = async {
        let _turn = line.acquire().await.map_err(|_| Problem::new(Code::Unavailable))?;
        // Somebody with the same key may have had his turn before.
        if found().is_some() { Ok(()) } else { prove(relay, peer, text).await }
    };
    let proved = tokio::time::timeout(PATIENCE, proved).await;
    proved.map_err(|_| Problem::new(Code::Unavailable))??;
    if callers.is_revoked(shown.id) { Err(Problem::new(Code::InvalidToken)) } else { Ok(shown.id) }
}

/// What a server answers to whoever shows this key. One that was never good here is limited by where it comes from.
pub async fn charged<B>(
    relay: &Relay,
    peer: Peer,
    text: &str,
    ask: impl Future<Output = Result<Response<B>, Problem>>,
) -> Result<Response<B>, Problem> {
    let callers = &relay.known.callers;
    if callers.was_good(text) {
        return ask.await;
    }
    let source = Some(AddressGroup::of(peer.0.ip()));
    let charged = callers.strangers.charge(source, relay.clock.boot());
    let charged = charged.ok_or_else(|| Problem::new(Code::TooManyRequests).retry_after(EVERY))?;
    let answer = ask.await;
    if !answer.as_ref().is_ok_and(|answer| answer.status() == StatusCode::UNAUTHORIZED) {
        charged.refund();
    }
    answer
}

async fn prove(relay: &Relay, peer: Peer, text: &str) -> Result<(), Problem> {
    let asked_at = relay.clock.boot();
    let mut bearer =
        HeaderValue::try_from(format!("Bearer {text}")).map_err(|_| Problem::new(Code::InvalidToken))?;
    bearer.set_sensitive(true);
    let headers = [(AUTHORIZATION, bearer), (CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    let headers = HeaderMap::from_iter(headers);
    let nothing = Bytes::from_static(b"[]");
    let ask = relay.upstream.ask(Method::POST, TOUCH, &headers, nothing, PATIENCE);
    let answer = charged(relay, peer, text, ask).await?;
    match answer.status().as_u16() {
        200..=299 => {}
        401 => return Err(Problem::new(Code::InvalidToken)),
        403 => return Err(Problem::scope_missing(Scope::Feed.as_str())),
        _ => return Err(Problem::new(Code::Unavailable)),
    }
    if let Some(shown) = Shown::parse(text) {
        relay.known.callers.remember(text, shown.id, asked_at);
    }
    Ok(())
}

impl Callers {
    /// Whether the feed told that this key was revoked.
    pub fn is_revoked(&self, id: ServiceKeyId) -> bool {
        self.lock().revoked.contains(&id)
    }

    /// Refuses a key from now on.
    pub fn revoke(&self, id: ServiceKeyId) {
        let mut known = self.lock();
        known.revoked.insert(id);
        known.proved.retain(|_, (key, _)| *key != id);
    }

    fn find(&self, text: &str, now: BootInstant) -> Option<ServiceKeyId> {
        let known = self.lock();
        let (key, asked_at) = known.proved.get(&digest_of(text))?;
        let good = now.since(*asked_at) < REMEMBERED && !known.revoked.contains(key);
        good.then_some(*key)
    }

    fn was_good(&self, text: &str) -> bool {
        self.lock().proved.contains_key(&digest_of(text))
    }

    /// A server said that it is good; `asked_at` was read before it was asked.
    fn remember(&self, text: &str, id: ServiceKeyId, asked_at: BootInstant) {
        let mut known = self.lock();
        if known.proved.len() >= AT_MOST {
            known.proved.retain(|_, (_, proved_at)| asked_at.since(*proved_at) < REMEMBERED);
        }
        if known.proved.len() < AT_MOST {
            known.proved.insert(digest_of(text), (id, asked_at));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // Every change leaves the maps whole, so a panic elsewhere does not spoil them.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn digest_of(text: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_remembered_for_a_minute_and_a_revoked_one_not_at_all() {
        let (callers, id) = (Callers::default(), ServiceKeyId::from_bytes([1; 16]));
        let at = |seconds: u64| BootInstant(seconds * 1_000_000_000);
        assert_eq!(callers.find("cka_a", at(100)), None);
        callers.remember("cka_a", id, at(100));
        assert_eq!(callers.find("cka_a", at(159)), Some(id));
        assert_eq!(callers.find("cka_b", at(100)), None, "the whole text");
        assert_eq!(callers.find("cka_a", at(160)), None, "a server is asked again");
        assert!(callers.was_good("cka_a"));
        callers.revoke(id);
        assert_eq!(callers.find("cka_a", at(100)), None);
        // Proved before its revocation, remembered after it.
        callers.remember("cka_a", id, at(100));
        assert_eq!(callers.find("cka_a", at(100)), None);
    }
}
