//! A running listener: connections with deadlines, and an end that drains them.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use cloakroom_verify::authenticate::Authenticate;
use http::Request;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::client_address::Peer;
use crate::door::{self, Door};
use crate::header_timer::HeaderTimer;
use crate::request_id;
use crate::stalled::Taken;

/// How long the headers of a request may take, and how long a connection may rest between two.
const HEADER_DEADLINE: Duration = Duration::from_secs(30);
/// How long a client may take nothing of what it is sent.
const STALLED: Duration = Duration::from_secs(30);
/// hyper refuses beyond this by itself; below it our own limit answers with a problem.
const READ_BUFFER: usize = 64 * 1024;
/// How long one who has connected may take to begin a request before an end of the process may cut him off.
const FIRST_WORDS: Duration = Duration::from_millis(100);
/// How long requests in flight may take once the process has been asked to end.
const DRAIN: Duration = Duration::from_secs(10);
/// What to wait when no connection can be accepted, so that a lack of descriptors does not take a core.
const BREATH: Duration = Duration::from_millis(50);

/// Answers requests: the door of a server or of a relay, or the management routes.
pub trait Answer: Send + Sync + 'static {
    /// Answers one.
    fn answer(&self, peer: Peer, request: Request<Body>) -> impl Future<Output = Response> + Send;
}

impl<V: Authenticate> Answer for Door<V> {
    async fn answer(&self, peer: Peer, request: Request<Body>) -> Response {
        self.answer_to(Some(peer), request).await
    }
}

impl Answer for axum::Router {
    async fn answer(&self, _: Peer, request: Request<Body>) -> Response {
        let id = request_id::of(request.headers());
        let mut response = door::route(self, request).await;
        door::finish(&mut response, id);
        response
    }
}

/// Accepts connections until `ending` says so, then lets the open ones finish.
pub async fn serve(listener: TcpListener, door: impl Answer, mut ending: watch::Receiver<bool>) {
    let door = Arc::new(door);
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = ending.wait_for(|ending| *ending) => break,
        };
        match accepted {
            Ok((stream, peer)) => connection(stream, peer, Arc::clone(&door), &graceful),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
    accept_what_waits(listener, &door, &graceful);
    if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end in time and were cut off");
    }
}

/// Who has connected already would be cut off in the middle of his request: by a proxy it may not be sent twice.
fn accept_what_waits(listener: TcpListener, door: &Arc<impl Answer>, graceful: &GracefulShutdown) {
    let Ok(listener) = listener.into_std() else { return };
    while let Ok((stream, peer)) = listener.accept() {
        if stream.set_nonblocking(true).is_ok()
            && let Ok(stream) = TcpStream::from_std(stream)
        {
            connection(stream, peer, Arc::clone(door), graceful);
        }
    }
}

fn connection(stream: TcpStream, peer: SocketAddr, door: Arc<impl Answer>, graceful: &GracefulShutdown) {
    // An answer goes out in one piece: waiting for more to send would only delay it.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: Request<Incoming>| {
        let door = Arc::clone(&door);
        async move {
            // Most requests have no body.
            let request =
                request.map(|body| if body.is_end_stream() { Body::empty() } else { Body::new(body) });
            Ok::<_, Infallible>(door.answer(Peer(peer), request).await)
        }
    });
    let watcher = graceful.watcher();
    tokio::spawn(async move {
        // Asked to end, hyper closes a connection of which it has read nothing, though a request may lie in it.
        let _ = tokio::time::timeout(FIRST_WORDS, stream.readable()).await;
        let timer = HeaderTimer::new();
        let mut connection = http1::Builder::new()
            .timer(timer.clone())
            .header_read_timeout(HEADER_DEADLINE)
            .max_buf_size(READ_BUFFER)
            .half_close(true)
            .serve_connection(TokioIo::new(Taken::within(stream, STALLED)), service);
        let first = poll_fn(|context| Poll::Ready(Pin::new(&mut connection).poll(context)));
        let ended = match first.await {
            Poll::Ready(ended) => ended,
            Poll::Pending => timer.drive(HEADER_DEADLINE, watcher.watch(connection)).await,
        };
        if let Err(error) = ended {
            // Clients vanish, send garbage and are slow: nothing to wake anybody for.
            tracing::debug!(%error, %peer, "a connection ended early");
        }
    });
}
