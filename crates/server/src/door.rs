//! Every request comes in here and every answer goes out: limits, deadlines, origins, callers, panics, names and numbers.
//!
//! In: a name, the size of headers and body, the origin, then who is calling. Out: problems are written, credentials
//! are not cached, the request is counted. What happens between is the router's, but for `GET /v1/me` and `GET /v1/verify`, which
//! are answered here.

use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use cloakroom_verify::authenticate::Authenticate;
use cloakroom_verify::clock::Clock;
use cloakroom_verify::layer::{JudgedAt, identify};
use futures_util::FutureExt;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tower::ServiceExt;
use tower_service::Service;

use crate::app::{App, OwnVerifier};
use crate::client_address::{self, Peer};
use crate::problem::{self, Code, Problem};
use crate::request_id;
use crate::routes::{at_once, class};

/// Most bytes of a body.
pub const MAX_BODY: usize = 64 * 1024;
/// Most bytes of a header block.
pub const MAX_HEADERS: usize = 32 * 1024;
/// How many requests that change something are under way at most, their clients' connections or not.
const CHANGING: usize = 4096;
/// How long a body may take to arrive.
const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// The whole HTTP interface as one tower service: serve it, or mount it in a router of your own.
#[derive(Clone)]
pub struct Door<V = OwnVerifier> {
    app: App,
    verifier: V,
    router: Router,
    changing: Arc<Semaphore>,
}

impl<V: Authenticate> Door<V> {
    /// A door in front of this router. Who is calling is what `verifier` says; `GET /v1/me` and `GET /v1/verify` ask for
    /// nothing else and are answered here.
    pub fn new(app: App, verifier: V, router: Router) -> Self {
        Self { app, verifier, router, changing: Arc::new(Semaphore::new(CHANGING)) }
    }

    /// Answers one request, whatever happens on the way.
    pub async fn answer(&self, request: Request<Body>) -> Response {
        self.answer_to(None, request).await
    }

    /// The same for a request of this peer; `None`: mounted in another application, which may have put a [`Peer`] among the
    /// extensions. Without one, nobody is limited by source.
    pub(crate) async fn answer_to(&self, peer: Option<Peer>, request: Request<Body>) -> Response {
        let app = &self.app;
        let started = app.clock.boot();
        let id = request_id::of(request.headers());
        let (method, route) = (request.method().clone(), app.metrics.route(request.uri().path()));
        let origin = app.origins.allowed_origin(request.headers()).cloned();

        let mut response = match admit(app, request).await {
            Ok(Admitted::Request(request)) if request.method().is_safe() => {
                handled(&id, catch(self.routed(peer, request)).await)
            }
            Ok(Admitted::Request(request)) => match Arc::clone(&self.changing).try_acquire_owned() {
                Ok(turn) => handled(&id, self.to_its_end(peer, request, turn).await.ok().flatten()),
                Err(_) => Problem::new(Code::Unavailable).into_response(),
            },
            Ok(Admitted::Answered(response)) => response,
            Err(problem) => problem.into_response(),
        };

        finish(&mut response, id);
        app.origins.answer(origin.as_ref(), response.headers_mut());
        app.metrics.answered(&method, route, response.status(), app.clock.boot().since(started));
        response
    }

    /// Who is calling is known before a handler runs; nobody is refused for it here.
    async fn routed(&self, peer: Option<Peer>, mut request: Request<Body>) -> Response {
        let (app, class) = (&self.app, class::of(&self.app.tolerant, request.method(), request.uri().path()));
        let cookie = app.cookies.session_name();
        let peer = peer.or_else(|| request.extensions().get().copied());
        let source = peer.map(|peer| client_address::source(peer, request.headers(), &app.trusted_proxies));
        let caller = identify(&self.verifier, request.headers(), &cookie, class, source).await;
        if let Some(answer) = at_once::answer(app, peer, &request, &caller) {
            return answer;
        }
        request.extensions_mut().insert(caller);
        request.extensions_mut().insert(JudgedAt(self.verifier.now()));
        if let Some(peer) = peer {
            request.extensions_mut().insert(peer);
        }
        route(&self.router, request).await
    }

    /// What changes something is finished even if the client hangs up meanwhile, else a thief who cuts his connection
    /// would keep out of the audit what he did, and out of this server's table. So many at once at most: who hangs up
    /// must not leave behind more than who waits.
    fn to_its_end(
        &self,
        peer: Option<Peer>,
        request: Request<Body>,
        turn: OwnedSemaphorePermit,
    ) -> JoinHandle<Option<Response>> {
        let door = self.clone();
        tokio::spawn(async move {
            let response = catch(door.routed(peer, request)).await;
            drop(turn);
            response
        })
    }
}

/// What every answer carries.
pub(crate) fn finish(response: &mut Response, id: HeaderValue) {
    problem::render(response, id.to_str().unwrap_or_default());
    let unread = matches!(response.status(), StatusCode::REQUEST_TIMEOUT | StatusCode::PAYLOAD_TOO_LARGE);
    let headers = response.headers_mut();
    if unread {
        // The rest of that body would be taken for the next request.
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(request_id::HEADER, id);
}

/// The router's answer.
pub(crate) async fn route(router: &Router, request: Request<Body>) -> Response {
    match router.clone().oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// Lets a handler answer; `None` if it panicked.
pub(crate) fn catch(answer: impl Future<Output = Response>) -> impl Future<Output = Option<Response>> {
    AssertUnwindSafe(answer).catch_unwind().map(Result::ok)
}

/// Its answer; 500 if it panicked.
pub(crate) fn handled(id: &HeaderValue, response: Option<Response>) -> Response {
    response.unwrap_or_else(|| {
        tracing::error!(request_id = ?id, "a handler panicked");
        Problem::new(Code::Internal).into_response()
    })
}

enum Admitted {
    Request(Request<Body>),
    Answered(Response),
}

/// The size first, whoever asks for whatever; then the origin.
async fn admit(app: &App, request: Request<Body>) -> Result<Admitted, Problem> {
    let request = bounded(request).await?;
    if let Some(preflight) = app.origins.preflight(request.method(), request.headers()) {
        return Ok(Admitted::Answered(preflight));
    }
    if app.origins.is_cross_site(request.method(), request.headers()) {
        return Err(Problem::new(Code::CrossSiteRequest));
    }
    Ok(Admitted::Request(request))
}

/// Reads the whole body within its limit and deadline, so that no handler has to think of either.
pub(crate) async fn bounded(request: Request<Body>) -> Result<Request<Body>, Problem> {
    if header_bytes(request.headers()) > MAX_HEADERS {
        return Err(Problem::new(Code::HeadersTooLarge));
    }
    if http_body::Body::is_end_stream(request.body()) {
        return Ok(request);
    }
    // Most requests have no body, and need not carry what reads one.
    Box::pin(with_body(request)).await
}

async fn with_body(request: Request<Body>) -> Result<Request<Body>, Problem> {
    let too_large = || Problem::new(Code::ContentTooLarge);
    let announced =
        request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > MAX_BODY) {
        return Err(too_large());
    }
    let (parts, body) = request.into_parts();
    let read = tokio::time::timeout(BODY_DEADLINE, Limited::new(body, MAX_BODY).collect()).await;
    match read {
        Ok(Ok(body)) => Ok(Request::from_parts(parts, Body::from(body.to_bytes()))),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Problem::new(Code::InvalidRequest).detail("The body ended early.")),
        Err(_) => Err(Problem::new(Code::RequestTimeout)),
    }
}

/// As the lines were on the wire: name, colon, space, value, line break.
fn header_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}

impl<V: Authenticate> Service<Request<Body>> for Door<V> {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let door = self.clone();
        Box::pin(async move { Ok(door.answer(request).await) })
    }
}
