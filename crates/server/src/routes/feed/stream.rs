//! `GET /v1/feed/stream`: events as they happen. It makes verifiers quick, and vouches for nothing.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use cloakroom_auth::service_key::Scope;
use cloakroom_verify::{Event, Rv, ServiceKeyId};
use futures_util::stream;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName};
use tokio::sync::{broadcast, watch};
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::app::App;
use crate::client_address::ClientAddress;
use crate::problem::{Code, Problem};
use crate::service_caller;
use crate::streams::{Full, Pushed, Seat, Streams, text};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// How often something is sent, so that a connection that is gone is noticed on both sides.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Missed events that a stream begins with at most: a client that never reads holds them. Who missed more asks.
pub(crate) const REPLAYED: usize = 256;
/// A comment: every client skips it.
const COMMENT: &str = ":\n\n";

/// Sends each event as it happens. With `Last-Event-ID` it begins after that one, as far as it is remembered; what is
/// missing, a sync tells. It ends when its reader is too far behind, when its key is revoked, and with the process.
#[utoipa::path(get, path = "/v1/feed/stream", tag = "feed", security(("bearer" = [])),
    params(("Last-Event-ID" = Option<String>, Header, description = "`epoch.seq` of the last event that is known")),
    responses(
    (status = 200, content_type = "text/event-stream", description =
        "`id: epoch.seq`, `data:` an event: `{epoch, seq, kind, key?, min_rv?, keep_until}`; comments in between"),
    (status = 400, description = "`invalid_request`: `Last-Event-ID` is no position"),
    (status = 401, description = "`unauthenticated`, `invalid_token`: the service key"),
    (status = 403, description = "`forbidden`: the service key lacks the scope `feed`"),
    (status = 429, description = "`too_many_requests`: the key has 10,000 streams, or unknown keys from this address"),
    (status = 503, description = "`unavailable`"),
))]
pub async fn stream(
    State(app): State<App>,
    client: ClientAddress,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let key = service_caller::by_memory(&app, &headers, client, Scope::Feed).await?.id;
    let since = last_event(&headers)?;
    let seat = seat(&app.streams, key)?;
    let (pushes, missed) = app.follower.tell_from(since, REPLAYED, || app.streams.subscribe());
    if app.auth.proved_keys.is_revoked(key) {
        return Err(Problem::new(Code::InvalidToken));
    }
    Ok(open(seat, missed, pushes, app.draining.subscribe()))
}

/// A seat for this key, or why there is none.
pub(crate) fn seat(streams: &Streams, key: ServiceKeyId) -> Result<Seat, Problem> {
    streams.seat(key).map_err(|full| match full {
        Full::Key => Problem::new(Code::TooManyRequests).retry_after(KEEP_ALIVE),
        Full::Process => Problem::new(Code::Unavailable),
    })
}

/// The answer that goes on: what was missed, then what is pushed, until `ending` says so.
pub(crate) fn open(
    seat: Seat,
    missed: Option<Vec<Event>>,
    pushes: broadcast::Receiver<Pushed>,
    ending: watch::Receiver<bool>,
) -> Response {
    let mut keep_alive = interval(KEEP_ALIVE);
    keep_alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let missed = missed.filter(|missed| !missed.is_empty()).map(|missed| text(&missed));
    let open = Open { missed, pushes, keep_alive, ending, seat };
    let pieces = stream::unfold(open, |mut open| async move {
        let piece = open.next().await?;
        Some((Ok::<_, Infallible>(piece), open))
    });
    // Proxies that gather an answer before they pass it on would make it useless.
    let headers = [(CONTENT_TYPE, "text/event-stream"), (HeaderName::from_static("x-accel-buffering"), "no")];
    (headers, Body::from_stream(pieces)).into_response()
}

struct Open {
    missed: Option<Bytes>,
    pushes: broadcast::Receiver<Pushed>,
    keep_alive: Interval,
    ending: watch::Receiver<bool>,
    seat: Seat,
}

impl Open {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(missed) = self.missed.take() {
            return Some(missed);
        }
        loop {
            tokio::select! {
                biased;
                _ = self.ending.wait_for(|ending| *ending) => return None,
                pushed = self.pushes.recv() => match pushed {
                    Ok(Pushed::Events(events)) => return Some(events),
                    Ok(Pushed::KeyRevoked(key)) if key != self.seat.key() => {}
                    // Too far behind: it comes back and says what it knows.
                    Ok(Pushed::KeyRevoked(_) | Pushed::TooMany) | Err(_) => return None,
                },
                _ = self.keep_alive.tick() => return Some(Bytes::from_static(COMMENT.as_bytes())),
            }
        }
    }
}

/// The position that somebody goes on from.
pub(crate) fn last_event(headers: &HeaderMap) -> Result<Option<Rv>, Problem> {
    let Some(line) = headers.get(LAST_EVENT_ID) else { return Ok(None) };
    let position = line.to_str().ok().and_then(|line| line.split_once('.'));
    let position = position.and_then(|(epoch, seq)| Some((epoch.parse().ok()?, seq.parse().ok()?)));
    match position {
        Some((epoch, seq)) if epoch <= 0x7FFF_FFFF => Ok(Some(Rv::new(epoch, seq))),
        Some(_) | None => {
            Err(Problem::new(Code::InvalidRequest).detail("Last-Event-ID is not the id of an event."))
        }
    }
}
