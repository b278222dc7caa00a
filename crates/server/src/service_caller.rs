//! The service that asks, if it may. Only `Authorization: Bearer cka_...` counts: never a cookie, so no page of a
//! browser can ask in its name.
//!
//! Whoever makes keys up has each of them looked up. What was never proved here is limited by its source, and waits in a
//! line of its own: those whose key is known do not wait behind it, nor for the connections that it would take.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_auth::Error;
use cloakroom_auth::service_key::{PREFIX, Scope, ServiceKey, Shown};
use cloakroom_verify::address::AddressGroup;
use cloakroom_verify::clock::Clock;
use cloakroom_verify::strangers::{EVERY, Strangers};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::app::App;
use crate::client_address::ClientAddress;
use crate::problem::{Code, Problem};

/// Keys that were never proved here and are looked up at once.
const AT_ONCE: usize = 4;
/// How many wait for it at most. Verifiers do not wait long: of a line that is longer than they wait, nobody is served.
const WAITING: usize = 64;
/// How long one waits for its turn.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where those wait whose key was never proved here.
#[derive(Debug)]
pub struct Line {
    strangers: Strangers,
    places: Semaphore,
    turns: Semaphore,
}

impl Default for Line {
    fn default() -> Self {
        let (places, turns) = (Semaphore::new(WAITING), Semaphore::new(AT_ONCE));
        Self { strangers: Strangers::default(), places, turns }
    }
}

impl Line {
    /// A turn; `None` where too many wait for one, or for too long.
    async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        let _place = self.places.try_acquire().ok()?;
        tokio::time::timeout(PATIENCE, self.turns.acquire()).await.ok()?.ok()
    }
}

/// By what the store says now. So may be answered what is read from it after this.
pub async fn by_store(
    app: &App,
    headers: &HeaderMap,
    client: ClientAddress,
    scope: Scope,
) -> Result<Arc<ServiceKey>, Problem> {
    let text = shown(headers)?;
    allowed(looked_up(app, text, client, || None).await?, scope)
}

/// By what the store said within the last minute and the feed has not taken back; without either, by the store.
pub async fn by_memory(
    app: &App,
    headers: &HeaderMap,
    client: ClientAddress,
    scope: Scope,
) -> Result<Arc<ServiceKey>, Problem> {
    let text = shown(headers)?;
    let known = || app.auth.proved_keys.find(text, app.clock.boot()).filter(|_| app.follower.is_fresh());
    match known() {
        Some(key) => allowed(key, scope),
        None => allowed(looked_up(app, text, client, known).await?, scope),
    }
}

fn allowed(key: Arc<ServiceKey>, scope: Scope) -> Result<Arc<ServiceKey>, Problem> {
    if key.allows(scope) { Ok(key) } else { Err(Problem::scope_missing(scope.as_str())) }
}

/// The key of this text as the store tells of it now, or as somebody else with the same one, who had his turn before,
/// has made it `known`.
async fn looked_up(
    app: &App,
    text: &str,
    client: ClientAddress,
    known: impl Fn() -> Option<Arc<ServiceKey>>,
) -> Result<Arc<ServiceKey>, Problem> {
    app.vouch_for_reads().await?;
    // What is no key at all costs no lookup.
    let is_strange = Shown::parse(text).is_some() && !app.auth.proved_keys.was_proved(text);
    if !is_strange {
        return proved(app, text).await?.ok_or_else(|| Problem::new(Code::InvalidToken));
    }
    let source = client.0.map(AddressGroup::of);
    let charged = app.line.strangers.charge(source, app.clock.boot());
    let charged = charged.ok_or_else(|| Problem::new(Code::TooManyRequests).retry_after(EVERY))?;
    let Some(_turn) = app.line.turn().await else {
        charged.refund();
        return Err(Problem::new(Code::Unavailable));
    };
    let found = match known() {
        Some(key) => Ok(Some(key)),
        None => proved(app, text).await,
    };
    if !matches!(found, Ok(None)) {
        charged.refund();
    }
    found?.ok_or_else(|| Problem::new(Code::InvalidToken))
}

/// Asks the store, and remembers what was proved.
async fn proved(app: &App, text: &str) -> Result<Option<Arc<ServiceKey>>, Error> {
    let asked_at = app.clock.boot();
    let key = app.auth.service_key(text).await?;
    Ok(key.map(|key| app.auth.proved_keys.remember(text, key.id, Arc::new(key), asked_at)))
}

/// Whether this could be meant as a service key at all.
pub fn is_shown(headers: &HeaderMap) -> bool {
    let line = headers.get(AUTHORIZATION).and_then(|line| line.to_str().ok()).and_then(bearer);
    line.is_some_and(|text| text.starts_with(PREFIX))
}

/// The text that is shown as a service key.
pub(crate) fn shown(headers: &HeaderMap) -> Result<&str, Problem> {
    if headers.contains_key("session-id") {
        return Err(Problem::malformed("a service key and a session-id"));
    }
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    let text = match (lines.next(), lines.next()) {
        (None, _) => return Err(Problem::new(Code::Unauthenticated)),
        (Some(_), Some(_)) => return Err(Problem::malformed("two Authorization headers")),
        (Some(line), None) => line.to_str().ok().and_then(bearer),
    };
    let text = text.ok_or_else(|| Problem::malformed("Authorization is not Bearer and one token"))?;
    if text.starts_with(PREFIX) { Ok(text) } else { Err(Problem::new(Code::InvalidToken)) }
}

fn bearer(line: &str) -> Option<&str> {
    let (scheme, token) = line.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && !token.contains(' ')).then_some(token)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;

    use super::*;

    #[tokio::test]
    async fn a_line_is_as_long_as_it_may_be_and_no_longer() {
        let line = Line::default();
        let mut turns = Vec::new();
        for _ in 0..AT_ONCE {
            turns.push(line.turn().await.unwrap());
        }
        let mut waiting: Vec<_> = (0..WAITING).map(|_| Box::pin(line.turn())).collect();
        for one in &mut waiting {
            assert!(poll_fn(|context| Poll::Ready(one.as_mut().poll(context).is_pending())).await);
        }
        assert!(line.turn().await.is_none(), "one more does not wait at all");
        turns.pop();
        assert!(waiting.swap_remove(0).await.is_some(), "the first in the line has his turn");
    }
}
