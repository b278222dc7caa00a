//! The tower layer: who is calling is known before the handler runs.
//!
//! It never refuses by itself, so a route that needs nobody works for everybody; the extractors refuse. [`identify`] is the
//! same without a layer: the servers' own door asks it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Request;
use tower_layer::Layer;
use tower_service::Service;

use crate::address::AddressGroup;
use crate::authenticate::{Authenticate, Denied, RouteClass};
use crate::proof::{CookieName, Malformed, Proofs, Via};
use crate::{Principal, Timestamp};

/// What the layer found out, among the request's extensions.
#[derive(Debug, Clone)]
pub enum Caller {
    /// No credential was shown.
    Anonymous,
    /// This one, by a credential found here.
    Known(Principal, Via),
    /// A credential was shown and is no good, or nobody could tell.
    Denied(Denied),
    /// The headers are not what a client of ours would send.
    Malformed(Malformed),
}

/// When the caller was judged, by the verifier's clock: among the request's extensions beside the [`Caller`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JudgedAt(pub Timestamp);

/// Puts a [`Caller`] into each request. A layer of yours may put an [`AddressGroup`] among the extensions: where the
/// request comes from. A source that shows too many unknown session tokens gets 503 then, and others do not suffer for it.
/// Without it nobody is limited.
#[derive(Debug, Clone)]
pub struct AuthenticateLayer<V> {
    verifier: V,
    cookie: CookieName,
    class: RouteClass,
}

impl<V> AuthenticateLayer<V> {
    /// Asks this verifier, with the session cookie of an https deployment.
    pub fn new(verifier: V) -> Self {
        Self { verifier, cookie: CookieName::default(), class: RouteClass::Bounded }
    }

    /// Looks for the session token in another cookie.
    pub fn with_cookie(self, cookie: CookieName) -> Self {
        Self { cookie, ..self }
    }

    /// Lets the routes under it go on for so long after the last moment that everything was known, see
    /// [`RouteClass::Tolerant`]. A [`RouteClass`] among a request's extensions goes before this.
    pub fn tolerant(self, limit: Duration) -> Self {
        Self { class: RouteClass::Tolerant(limit), ..self }
    }
}

impl<V: Clone, S> Layer<S> for AuthenticateLayer<V> {
    type Service = AuthenticateService<V, S>;

    fn layer(&self, inner: S) -> Self::Service {
        AuthenticateService { verifier: self.verifier.clone(), cookie: self.cookie, class: self.class, inner }
    }
}

/// See [`AuthenticateLayer`].
#[derive(Debug, Clone)]
pub struct AuthenticateService<V, S> {
    verifier: V,
    cookie: CookieName,
    class: RouteClass,
    inner: S,
}

impl<V, S, B> Service<Request<B>> for AuthenticateService<V, S>
where
    V: Authenticate,
    S: Service<Request<B>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let (verifier, cookie) = (self.verifier.clone(), self.cookie);
        let class = request.extensions().get().copied().unwrap_or(self.class);
        // The service that was polled ready must be the one that is called.
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let source = parts.extensions.get().copied();
            let caller = identify(&verifier, &parts.headers, &cookie, class, source).await;
            request = Request::from_parts(parts, body);
            request.extensions_mut().insert(caller);
            request.extensions_mut().insert(JudgedAt(verifier.now()));
            inner.call(request).await
        })
    }
}

/// Who shows these headers, from this address?
pub async fn identify(
    verifier: &impl Authenticate,
    headers: &http::HeaderMap,
    cookie: &CookieName,
    class: RouteClass,
    source: Option<AddressGroup>,
) -> Caller {
    let ask = |proof| verifier.authenticate_from(source, class, proof);
    let proofs = match Proofs::read(headers, cookie) {
        Ok(proofs) => proofs,
        Err(malformed) => return Caller::Malformed(malformed),
    };
    match (proofs.header, proofs.cookie) {
        (None, None) => Caller::Anonymous,
        (None, Some(cookie)) => judged(ask(cookie).await, Via::Cookie),
        (Some((via, header)), None) => judged(ask(header).await, via),
        (Some((via, header)), Some(cookie)) => {
            let principal = match ask(header).await {
                Ok(principal) => principal,
                Err(denied) => return Caller::Denied(denied),
            };
            match ask(cookie).await {
                Ok(other) if !same_login(&principal, &other) => Caller::Malformed(Malformed::TwoLogins),
                // An invalid cookie beside a valid header is ignored; one that nobody can judge is as good as that.
                Ok(_) | Err(_) => Caller::Known(principal, via),
            }
        }
    }
}

fn judged(result: Result<Principal, Denied>, via: Via) -> Caller {
    match result {
        Ok(principal) => Caller::Known(principal, via),
        Err(denied) => Caller::Denied(denied),
    }
}

/// A cookie always is of a session; a header without one is another login even of the same user.
fn same_login(header: &Principal, cookie: &Principal) -> bool {
    header.session == cookie.session
}
