//! One connection to a server, kept alive, that asks one thing at a time.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::result::Bytes as OnTheWire;
use crate::target::Target;

/// How long an answer is waited for, where nothing else says so.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is asked.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The method.
    pub method: Method,
    /// The path, with its query.
    pub path: Uri,
    /// Everything but `host` and `content-length`.
    pub headers: HeaderMap,
    /// Empty for none.
    pub body: Bytes,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// No answer came.
#[derive(Debug, thiserror::Error)]
#[error("no answer: {0}")]
pub(crate) struct Lost(String);

impl Ask {
    /// A `GET` with these headers.
    pub fn get(path: Uri, headers: HeaderMap) -> Self {
        Self { method: Method::GET, path, headers, body: Bytes::new() }
    }

    fn request(&self, host: &HeaderValue) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.path.clone();
        *request.headers_mut() = self.headers.clone();
        request.headers_mut().insert(header::HOST, host.clone());
        request
    }
}

/// The connection. It is made when it is first needed, and again after it was lost.
pub(crate) struct Client {
    target: Target,
    host: HeaderValue,
    wire: Arc<Wire>,
    sender: Option<SendRequest<Full<Bytes>>>,
}

/// Bytes that went over it.
#[derive(Debug, Default)]
struct Wire {
    sent: AtomicU64,
    received: AtomicU64,
}

impl Client {
    pub(crate) fn new(target: Target) -> Self {
        let host = HeaderValue::from_str(&target.address().to_string()).expect("an address is ASCII");
        Self { target, host, wire: Arc::default(), sender: None }
    }

    /// Connects now, so that the first request need not.
    pub(crate) async fn connect(&mut self) -> Result<(), Lost> {
        let lost = |error: io::Error| Lost(error.to_string());
        let stream = TcpStream::connect(self.target.address()).await.map_err(lost)?;
        stream.set_nodelay(true).map_err(lost)?;
        let counted = Counted { stream, wire: Arc::clone(&self.wire) };
        let (sender, connection) =
            handshake(TokioIo::new(counted)).await.map_err(|error| Lost(error.to_string()))?;
        tokio::spawn(connection);
        self.sender = Some(sender);
        Ok(())
    }

    /// Asks, and reads the whole answer.
    pub(crate) async fn ask(&mut self, ask: &Ask) -> Result<Answer, Lost> {
        self.ask_within(ask, PATIENCE).await
    }

    /// The same for one who does not wait that long. An answer that is late is lost with its connection.
    pub(crate) async fn ask_within(&mut self, ask: &Ask, patience: Duration) -> Result<Answer, Lost> {
        let whole = async {
            let (parts, body) = self.send(ask).await?.into_parts();
            let body = body.collect().await.map_err(|error| Lost(error.to_string()))?.to_bytes();
            Ok(Answer { status: parts.status, headers: parts.headers, body })
        };
        let answered = match tokio::time::timeout(patience, whole).await {
            Ok(answered) => answered,
            Err(_) => Err(Lost(format!("not within {patience:?}"))),
        };
        if answered.is_err() {
            self.sender = None;
        }
        answered
    }

    /// Asks without a look at the body, and without a clock: for those who ask very often.
    pub(crate) async fn status(&mut self, ask: &Ask) -> Result<StatusCode, Lost> {
        let read = async {
            let answer = self.send(ask).await?;
            let status = answer.status();
            let mut body = answer.into_body();
            while let Some(frame) = body.frame().await {
                frame.map_err(|error| Lost(error.to_string()))?;
            }
            Ok(status)
        };
        let status = read.await;
        if status.is_err() {
            self.sender = None;
        }
        status
    }

    /// The bytes of one request and its answer, heads and bodies.
    pub(crate) async fn weigh(&mut self, ask: &Ask) -> Result<OnTheWire, Lost> {
        let read = |wire: &Wire| (wire.sent.load(Ordering::Relaxed), wire.received.load(Ordering::Relaxed));
        self.ask(ask).await?;
        let before = read(&self.wire);
        self.ask(ask).await?;
        let after = read(&self.wire);
        Ok(OnTheWire { sent: after.0 - before.0, received: after.1 - before.1 })
    }

    async fn send(&mut self, ask: &Ask) -> Result<http::Response<Incoming>, Lost> {
        if self.sender.as_ref().is_none_or(SendRequest::is_closed) {
            self.connect().await?;
        }
        let Some(sender) = &mut self.sender else { return Err(Lost(String::from("not connected"))) };
        let failed = |error: hyper::Error| Lost(error.to_string());
        sender.ready().await.map_err(failed)?;
        sender.send_request(ask.request(&self.host)).await.map_err(failed)
    }
}

/// A stream that counts.
struct Counted {
    stream: TcpStream,
    wire: Arc<Wire>,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.wire.received.fetch_add((buffer.filled().len() - before) as u64, Ordering::Relaxed);
        polled
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wire.count_sent(&polled);
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.wire.count_sent(&polled);
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl Wire {
    fn count_sent(&self, polled: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(sent)) = polled {
            self.sent.fetch_add(*sent as u64, Ordering::Relaxed);
        }
    }
}
