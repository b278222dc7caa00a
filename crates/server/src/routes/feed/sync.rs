//! `GET /v1/feed/sync`: what happened since, and proof that this is all of it.

use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use cloakroom_auth::service_key::Scope;
use cloakroom_auth::verifiers::Welcome;
use cloakroom_verify::Rv;
use cloakroom_verify::clock::Clock;
use cloakroom_verify::feed::wire::sync::{News, SyncAnswer, SyncQuestion};
use cloakroom_verify::feed::wire::{MOST_EVENTS, SNAPSHOT};
use http::HeaderMap;
use http::header::CONTENT_TYPE;

use crate::app::App;
use crate::client_address::ClientAddress;
use crate::json::Query;
use crate::problem::{Code, Problem};
use crate::service_caller;

/// Bounds that make sense: from the time that an answer takes to a day.
const BOUNDS: std::ops::RangeInclusive<u64> = 1..=86_400_000;

/// Tells what happened after a position. What was committed before the question was sent, less `age`, is at or below
/// the head of the answer; so an answer is credited to the moment before its question was sent, and to no other.
#[utoipa::path(get, path = "/v1/feed/sync", tag = "feed", security(("bearer" = [])),
    params(
        ("verifier" = String, Query, description = "Who asks: one running verifier. 1 to 64 characters of A-Z a-z 0-9 - _ ."),
        ("bound" = u64, Query, description = "How long the verifier trusts an answer, in milliseconds"),
        ("epoch" = Option<u32>, Query, description = "The position that it asks from, with `since`; both absent: from nothing"),
        ("since" = Option<u32>, Query, description = "See `epoch`"),
        ("nonce" = String, Query, description = "Comes back in the answer. 1 to 64 characters of the same"),
    ),
    responses(
    (status = 200, content_type = "application/json", description =
        "`{nonce, epoch, head, floor, events | snapshot, age, bound, server_time, retain_s}`: at most 5,000 events, else \
         the path of a snapshot. `age` and `bound` in milliseconds"),
    (status = 400, description = "`invalid_request`: the query cannot be parsed"),
    (status = 401, description = "`unauthenticated`, `invalid_token`: the service key"),
    (status = 403, description = "`forbidden`: the service key lacks the scope `feed`"),
    (status = 422, description = "`validation_failed`"),
    (status = 429, description = "`too_many_requests`: the key has 10,000 verifiers, or unknown keys from this address"),
    (status = 503, description = "`unavailable`: the head cannot be read; what was known before is no answer"),
))]
pub async fn sync(
    State(app): State<App>,
    client: ClientAddress,
    headers: HeaderMap,
    Query(question): Query<SyncQuestion>,
) -> Result<Response, Problem> {
    let server_time = app.clock.wall();
    let key = service_caller::by_memory(&app, &headers, client, Scope::Feed).await?;
    let since = checked(&question)?;
    let verifiers = &app.follower.verifiers;
    let welcome = verifiers.register(key.id, &question.verifier, since, &app.clock);
    let anew = match welcome {
        Welcome::New => true,
        Welcome::Known => false,
        Welcome::TooMany => {
            return Err(Problem::new(Code::TooManyRequests).retry_after(verifiers.bound()));
        }
    };
    // Not before it is registered: a round that began earlier may know less than a receipt that did not find it.
    let arrival = app.follower.arrive();
    let answer = async {
        let age = app.follower.vouch(arrival, anew).await?;
        Ok((age, app.follower.tell(since, MOST_EVENTS)?))
    };
    let answer: Result<_, cloakroom_auth::Error> = answer.await;
    app.metrics.synced(answer.is_ok());
    let (age, told) = answer?;
    if app.auth.proved_keys.is_revoked(key.id) {
        return Err(Problem::new(Code::InvalidToken));
    }
    let answer = SyncAnswer {
        nonce: question.nonce,
        head: told.head,
        floor: told.floor,
        news: told.events.map_or_else(|| News::Snapshot(SNAPSHOT.to_owned()), News::Events),
        age,
        bound: verifiers.bound(),
        server_time,
        retain: app.retention,
    };
    Ok(([(CONTENT_TYPE, "application/json")], answer.to_json()).into_response())
}

/// The position that it asks from, if it is a question that can be answered.
pub(crate) fn checked(question: &SyncQuestion) -> Result<Option<Rv>, Problem> {
    let name = "expected 1 to 64 characters of A-Z a-z 0-9 - _ .";
    for (field, text) in [("verifier", &question.verifier), ("nonce", &question.nonce)] {
        if !SyncQuestion::is_name(text) {
            return Err(Problem::field(field, "invalid", name));
        }
    }
    if !BOUNDS.contains(&question.bound) {
        let most = humantime::format_duration(Duration::from_millis(*BOUNDS.end()));
        return Err(Problem::field("bound", "invalid", format!("expected milliseconds, 1 to {most}")));
    }
    question.position().map_err(|why| Problem::field("since", "invalid", why))
}
