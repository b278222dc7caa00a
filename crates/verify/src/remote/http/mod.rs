//! The link over HTTP: one server, with the key of this service.
//!
//! Redirects are not followed: a server that is somewhere else is configured there. Every answer has a limit, and what
//! is over it is not read.

mod address;
mod body;
mod lines;
#[cfg(feature = "relay")]
mod pass_on;
mod sse;

use ::http::{HeaderValue, Method, Request, header};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::link::{Failed, Link};
use crate::feed::wire;
use crate::feed::wire::sync::{SyncAnswer, SyncQuestion};
use crate::feed::wire::touch::Use;
use crate::{OpaqueToken, Rv};

pub use address::InvalidServer;
use address::Origin;
use lines::SnapshotLines;
#[cfg(feature = "relay")]
pub use pass_on::Passed;
use sse::PushedEvents;

/// Most of an answer about events: five thousand of them are a fifth of it.
const SYNC_LIMIT: usize = 8 * 1024 * 1024;
const INTROSPECT_LIMIT: usize = 256 * 1024;
const JWKS_LIMIT: usize = 256 * 1024;
const TOUCH_LIMIT: usize = 64 * 1024;

/// See the module.
pub struct HttpLink {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    origin: Origin,
    authorization: HeaderValue,
}

impl HttpLink {
    /// A link to the server at this origin.
    pub fn new(origin: &str, service_key: &str) -> Result<Self, InvalidServer> {
        let origin = Origin::parse(origin)?;
        let mut authorization = HeaderValue::try_from(format!("Bearer {service_key}"))
            .map_err(|_| InvalidServer::new(origin.as_str(), "the service key is no text"))?;
        authorization.set_sensitive(true);
        let connector = connector(&origin)?;
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(std::time::Duration::from_secs(30))
            .build(connector);
        Ok(Self { client, origin, authorization })
    }

    async fn get(&self, path_and_query: &str, accept: &'static str) -> Result<Incoming, Failed> {
        let request = self.request(Method::GET, path_and_query).header(header::ACCEPT, accept);
        self.send(request, Bytes::new()).await
    }

    async fn post(
        &self,
        path: &str,
        media_type: &'static str,
        body: impl Into<Bytes>,
        limit: usize,
    ) -> Result<Vec<u8>, Failed> {
        let request = self.request(Method::POST, path).header(header::CONTENT_TYPE, media_type);
        body::read(self.send(request, body.into()).await?, limit).await
    }

    fn request(&self, method: Method, path_and_query: &str) -> ::http::request::Builder {
        let uri = format!("{}{path_and_query}", self.origin.as_str());
        Request::builder().method(method).uri(uri).header(header::AUTHORIZATION, &self.authorization)
    }

    async fn send(&self, request: ::http::request::Builder, body: Bytes) -> Result<Incoming, Failed> {
        let request = request.body(Full::new(body)).map_err(unreachable)?;
        let response = self.client.request(request).await.map_err(unreachable)?;
        // Anything but an answer, a redirect included, is none.
        match response.status().as_u16() {
            200..=299 => Ok(response.into_body()),
            status => Err(Failed::Refused(status)),
        }
    }
}

impl Link for HttpLink {
    type Pushed = PushedEvents;
    type Snapshot = SnapshotLines;

    async fn sync(&self, question: &SyncQuestion) -> Result<SyncAnswer, Failed> {
        let SyncQuestion { verifier, bound, epoch, since, nonce } = question;
        let mut path = format!("{}?verifier={verifier}&bound={bound}&nonce={nonce}", wire::SYNC);
        if let (Some(epoch), Some(since)) = (epoch, since) {
            path += &format!("&epoch={epoch}&since={since}");
        }
        let body = self.get(&path, "application/json").await?;
        Ok(SyncAnswer::from_json(&body::read(body, SYNC_LIMIT).await?)?)
    }

    async fn stream(&self, after: Option<Rv>) -> Result<PushedEvents, Failed> {
        let mut request = self.request(Method::GET, wire::STREAM).header(header::ACCEPT, "text/event-stream");
        if let Some(after) = after {
            request = request.header("last-event-id", format!("{}.{}", after.epoch(), after.seq()));
        }
        Ok(PushedEvents::new(self.send(request, Bytes::new()).await?))
    }

    async fn snapshot(&self) -> Result<SnapshotLines, Failed> {
        SnapshotLines::open(self.get(wire::SNAPSHOT, wire::snapshot::MEDIA_TYPE).await?).await
    }

    async fn introspect(&self, token: &OpaqueToken) -> Result<Vec<u8>, Failed> {
        // Letters, digits, `-` and `_`: a form spells them as they are.
        let form = format!("token={}", token.to_text());
        self.post("/v1/introspect", "application/x-www-form-urlencoded", form, INTROSPECT_LIMIT).await
    }

    async fn touch(&self, uses: &[Use]) -> Result<(), Failed> {
        let json = serde_json::to_vec(uses).expect("ids and times can be written");
        self.post(wire::TOUCH, "application/json", json, TOUCH_LIMIT).await.map(drop)
    }

    async fn jwks(&self) -> Result<Vec<u8>, Failed> {
        let body = self.get("/.well-known/jwks.json", "application/jwk-set+json").await?;
        body::read(body, JWKS_LIMIT).await
    }
}

fn connector(origin: &Origin) -> Result<HttpsConnector<HttpConnector>, InvalidServer> {
    let failed = |error: String| InvalidServer::new(origin.as_str(), &error);
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    if !origin.is_https() {
        // This machine's own: nothing to prove, so a system without certificates will do.
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(error.to_string()))?
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        return Ok(HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_or_http()
            .enable_http1()
            .build());
    }
    let builder = HttpsConnectorBuilder::new()
        .with_provider_and_native_roots((*provider).clone())
        .map_err(|error| failed(error.to_string()))?;
    Ok(builder.https_only().enable_http1().build())
}

/// What went wrong, without the URL, in which a nonce is.
fn unreachable(error: impl std::error::Error) -> Failed {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words += ": ";
        words += &cause.to_string();
        source = cause.source();
    }
    Failed::Unreachable(words)
}

impl std::fmt::Debug for HttpLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpLink").field("origin", &self.origin.as_str()).finish_non_exhaustive()
    }
}
