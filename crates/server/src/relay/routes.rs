//! What verifiers ask of a relay: the same as of a server, on the same paths.

use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use bytes::Bytes;
use cloakroom_auth::verifiers::Welcome;
use cloakroom_verify::Rv;
use cloakroom_verify::clock::{BootInstant, Clock};
use cloakroom_verify::feed::wire::sync::{News, SyncAnswer, SyncQuestion};
use cloakroom_verify::feed::wire::{self, MOST_EVENTS};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method};

use super::{Relay, callers};
use crate::client_address::Peer;
use crate::json::Query;
use crate::problem::{Code, Problem};
use crate::routes::feed::stream::{REPLAYED, last_event, open, seat};
use crate::routes::feed::sync::checked;
use crate::service_caller;
use crate::snapshots::Wanted;

const INTROSPECT: &str = "/v1/introspect";
const JWKS: &str = "/.well-known/jwks.json";
/// How long a server may take to write uses down, or to tell its keys.
const PATIENCE: Duration = Duration::from_secs(5);

/// Every path, for counting.
pub const PATHS: &[&str] = &[wire::SYNC, wire::STREAM, wire::SNAPSHOT, wire::TOUCH, INTROSPECT, JWKS];

/// Its routes.
pub fn router(relay: Relay) -> Router {
    Router::new()
        .route(wire::SYNC, get(sync))
        .route(wire::STREAM, get(stream))
        .route(wire::SNAPSHOT, get(snapshot))
        .route(wire::TOUCH, post(touch))
        .route(INTROSPECT, post(introspect))
        .route(JWKS, get(jwks))
        .fallback(async || Problem::new(Code::NotFound))
        .method_not_allowed_fallback(async || Problem::new(Code::MethodNotAllowed))
        .with_state(relay)
}

/// `GET /v1/feed/sync`: what happened since, and how old that is.
async fn sync(
    State(relay): State<Relay>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    Query(question): Query<SyncQuestion>,
) -> Result<Response, Problem> {
    let arrival = relay.clock.boot();
    let key = callers::following(&relay, peer, &headers).await?;
    let since = checked(&question)?;
    match relay.known.register(key, &question.verifier, since) {
        Welcome::New | Welcome::Known => {}
        Welcome::TooMany => {
            let again = relay.known.leaves.bound();
            return Err(Problem::new(Code::TooManyRequests).retry_after(again));
        }
    }
    let answer = answer(&relay, question.nonce, since, arrival);
    relay.metrics.synced(answer.is_some());
    let answer = answer.ok_or_else(|| Problem::new(Code::Unavailable))?;
    if relay.known.callers.keys.is_revoked(key) {
        return Err(Problem::new(Code::InvalidToken));
    }
    Ok(([(CONTENT_TYPE, "application/json")], answer.to_json()).into_response())
}

/// The lease is read first, then what is known, then the clock: in any other order something could pass for fresher than
/// it is.
fn answer(relay: &Relay, nonce: String, since: Option<Rv>, arrival: BootInstant) -> Option<SyncAnswer> {
    let lease = relay.feed.lease();
    let known_until = lease.known_until()?;
    let server_time = relay.feed.server_time()?;
    let told = relay.known.tell(since, MOST_EVENTS)?;
    let bound = lease.bound();
    if !lease.is_fresh(&relay.clock) {
        return None;
    }
    Some(SyncAnswer {
        nonce,
        head: told.head,
        floor: told.floor,
        news: told.events.map_or_else(|| News::Snapshot(wire::SNAPSHOT.to_owned()), News::Events),
        // A question that came after the last one of our own was asked is answered by something that old; to_json
        // rounds up.
        age: arrival.since(known_until),
        bound,
        server_time,
        retain: relay.known.retain(),
    })
}

/// `GET /v1/feed/stream`: events as they happen.
async fn stream(
    State(relay): State<Relay>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let key = callers::following(&relay, peer, &headers).await?;
    let since = last_event(&headers)?;
    let (known, streams) = (&relay.known, &relay.known.streams);
    let seat = seat(streams, key)?;
    let (pushes, missed) = known.tell_from(since, REPLAYED, || streams.subscribe());
    if known.callers.keys.is_revoked(key) {
        return Err(Problem::new(Code::InvalidToken));
    }
    Ok(open(seat, missed, pushes, relay.draining.subscribe()))
}

/// `GET /v1/feed/snapshot`: everything that is live, fetched from a server once for all who ask together.
async fn snapshot(
    State(relay): State<Relay>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let key = callers::following(&relay, peer, &headers).await?;
    let known = relay.known.tell(None, 0).ok_or_else(|| Problem::new(Code::Unavailable))?.head;
    let goes_on_from =
        |position| relay.known.tell(Some(position), MOST_EVENTS).is_some_and(|told| told.events.is_some());
    let reading = relay.clone();
    let read = async move { reading.upstream.snapshot(reading.known.retain()).await };
    let snapshot = relay.snapshots.take(&relay.clock, &Wanted { key, known, goes_on_from }, read).await?;
    Ok(snapshot.response())
}

/// `POST /v1/feed/touch`
async fn touch(
    State(relay): State<Relay>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let text = service_caller::shown(&headers)?;
    let pass_on = relay.upstream.pass_on(Method::POST, wire::TOUCH, &headers, body, PATIENCE);
    callers::charged(&relay, peer, text, pass_on).await
}

/// `POST /v1/introspect`: within half the bound, as an answer counts for no longer than the bound after its question.
async fn introspect(
    State(relay): State<Relay>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let text = service_caller::shown(&headers)?;
    let patience = relay.feed.lease().bound() / 2;
    let pass_on = relay.upstream.pass_on(Method::POST, INTROSPECT, &headers, body, patience);
    callers::charged(&relay, peer, text, pass_on).await
}

/// `GET /.well-known/jwks.json`
async fn jwks(State(relay): State<Relay>, headers: HeaderMap) -> Result<Response, Problem> {
    relay.upstream.pass_on(Method::GET, JWKS, &headers, Bytes::new(), PATIENCE).await
}
