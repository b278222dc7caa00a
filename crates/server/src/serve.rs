//! A running listener: connections with deadlines, and an end that drains them.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::client_address::Peer;

/// How long the headers of a request may take, and how long a connection may rest between two.
const HEADER_DEADLINE: Duration = Duration::from_secs(30);
/// hyper refuses beyond this by itself; below it our own limit answers with a problem.
const READ_BUFFER: usize = 64 * 1024;
/// How long requests in flight may take once the process has been asked to end.
const DRAIN: Duration = Duration::from_secs(10);
/// What to wait when no connection can be accepted, so that a lack of descriptors does not take a core.
const BREATH: Duration = Duration::from_millis(50);

/// Answers requests: the door, or the management routes.
pub trait Answer: Clone + Send + Sync + 'static {
    /// Answers one.
    fn answer(self, request: Request<Body>) -> impl Future<Output = Response> + Send;
}

impl Answer for crate::door::Door {
    async fn answer(self, request: Request<Body>) -> Response {
        Self::answer(self, request).await
    }
}

impl Answer for axum::Router {
    async fn answer(self, request: Request<Body>) -> Response {
        match tower::ServiceExt::oneshot(self, request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

/// Accepts connections until `ending` says so, then lets the open ones finish.
pub async fn serve(listener: TcpListener, door: impl Answer, mut ending: watch::Receiver<bool>) {
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = ending.wait_for(|ending| *ending) => break,
        };
        match accepted {
            Ok((stream, peer)) => connection(stream, peer, door.clone(), &graceful),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end in time and were cut off");
    }
}

fn connection(stream: TcpStream, peer: SocketAddr, door: impl Answer, graceful: &GracefulShutdown) {
    // An answer goes out in one piece: waiting for more to send would only delay it.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: Request<Incoming>| {
        let door = door.clone();
        async move {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(Peer(peer));
            Ok::<_, Infallible>(door.answer(request).await)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_DEADLINE)
        .max_buf_size(READ_BUFFER)
        .serve_connection(TokioIo::new(stream), service);
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            // Clients vanish, send garbage and are slow: nothing to wake anybody for.
            tracing::debug!(%error, %peer, "a connection ended early");
        }
    });
}
