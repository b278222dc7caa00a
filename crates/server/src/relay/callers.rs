//! Whether a service key that is shown to a relay is good. The relay has no database: it shows the key to a server, in a
//! report of no uses, which takes the scope `feed` and changes nothing.
//!
//! What was good is remembered for a minute. The feed tells of a revoked key like of all else, so one that was taken back
//! is refused at *use*, also if it was proved before and remembered after.

use std::time::Duration;

use bytes::Bytes;
use cloakroom_auth::proved_keys::ProvedKeys;
use cloakroom_auth::service_key::{Scope, Shown};
use cloakroom_verify::ServiceKeyId;
use cloakroom_verify::address::AddressGroup;
use cloakroom_verify::clock::Clock;
use cloakroom_verify::feed::wire::TOUCH;
use cloakroom_verify::strangers::{EVERY, Strangers};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use tokio::sync::Semaphore;

use super::Relay;
use crate::client_address::Peer;
use crate::problem::{Code, Problem};
use crate::service_caller;

/// How many of a kind are shown to a server at once.
const AT_ONCE: usize = 16;
/// How long that may take, the wait for those before included.
const PATIENCE: Duration = Duration::from_secs(2);

/// See the module.
#[derive(Debug)]
pub struct Callers {
    /// Those that a server said are good; it says nothing else of them.
    pub keys: ProvedKeys<()>,
    /// Whoever makes keys up must not keep out those whose minute is over: they wait in lines of their own.
    again: Semaphore,
    first: Semaphore,
    /// What is passed on comes to a server from the relay: it must not spend for them what it needs itself.
    strangers: Strangers,
}

impl Default for Callers {
    fn default() -> Self {
        let [again, first] = [Semaphore::new(AT_ONCE), Semaphore::new(AT_ONCE)];
        Self { keys: ProvedKeys::default(), again, first, strangers: Strangers::at_half() }
    }
}

/// The key that is shown with these headers, if it may follow the feed. 503 where the relay cannot vouch for anything:
/// it asks once more before, for all who wait.
pub async fn following(relay: &Relay, peer: Peer, headers: &HeaderMap) -> Result<ServiceKeyId, Problem> {
    let text = service_caller::shown(headers)?;
    let shown = Shown::parse(text).ok_or_else(|| Problem::new(Code::InvalidToken))?;
    let callers = &relay.known.callers;
    if callers.keys.is_revoked(shown.id) {
        return Err(Problem::new(Code::InvalidToken));
    }
    // What was remembered counts only as long as the feed would tell that it no longer does.
    if !relay.is_fresh() {
        relay.feed.sync_on_demand().await;
    }
    if !relay.is_fresh() {
        return Err(Problem::new(Code::Unavailable));
    }
    let found = || callers.keys.find(text, relay.clock.boot());
    if found().is_some() {
        return Ok(shown.id);
    }
    let line = if callers.keys.was_proved(text) { &callers.again } else { &callers.first };
    let proved = async {
        let _turn = line.acquire().await.map_err(|_| Problem::new(Code::Unavailable))?;
        // Somebody with the same key may have had his turn before.
        if found().is_some() { Ok(()) } else { prove(relay, peer, text).await }
    };
    let proved = tokio::time::timeout(PATIENCE, proved).await;
    proved.map_err(|_| Problem::new(Code::Unavailable))??;
    if callers.keys.is_revoked(shown.id) { Err(Problem::new(Code::InvalidToken)) } else { Ok(shown.id) }
}

/// What a server answers to whoever shows this key. One that was never good here is limited by where it comes from.
pub async fn charged<B>(
    relay: &Relay,
    peer: Peer,
    text: &str,
    ask: impl Future<Output = Result<Response<B>, Problem>>,
) -> Result<Response<B>, Problem> {
    let callers = &relay.known.callers;
    if callers.keys.was_proved(text) {
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
        relay.known.callers.keys.remember(text, shown.id, (), asked_at);
    }
    Ok(())
}
