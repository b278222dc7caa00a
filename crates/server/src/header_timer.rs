//! The deadline for the head of a request, at no cost to those who keep it.
//!
//! hyper asks for a new timer for each request. Ours writes down when it would go off; one timer a connection looks at
//! that about every half minute, instead of two walks through the runtime's timers for each request.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};

const NEVER: u64 = u64::MAX;

/// hyper's timer of one connection.
#[derive(Clone)]
pub(crate) struct HeaderTimer(Arc<Deadline>);

struct Deadline {
    began: Instant,
    /// Nanoseconds since the connection began, or [`NEVER`].
    due: AtomicU64,
    passed: AtomicBool,
}

impl HeaderTimer {
    /// A timer for a connection that begins now.
    pub(crate) fn new() -> Self {
        let began = tokio::time::Instant::now().into_std();
        Self(Arc::new(Deadline { began, due: AtomicU64::new(NEVER), passed: AtomicBool::new(false) }))
    }

    /// Drives the connection that has this timer. hyper learns from it when a deadline has passed; until then
    /// nothing happens but a look at it each `period`, which must be at most as long as any deadline.
    pub(crate) async fn drive<F: Future>(self, period: Duration, connection: F) -> F::Output {
        let mut connection = pin!(connection);
        let mut look = pin!(tokio::time::sleep(period));
        poll_fn(|context| {
            while look.as_mut().poll(context).is_ready() {
                let looked_at = look.deadline();
                let due = self.due().map(tokio::time::Instant::from_std);
                if due.is_some_and(|due| due <= looked_at) {
                    self.0.passed.store(true, Ordering::Relaxed);
                }
                let next = due.filter(|due| *due > looked_at).unwrap_or(looked_at + period);
                look.as_mut().reset(next);
            }
            connection.as_mut().poll(context)
        })
        .await
    }

    fn arm(&self, deadline: Instant) {
        let due = deadline.saturating_duration_since(self.0.began).as_nanos();
        self.0.due.store(u64::try_from(due).unwrap_or(NEVER), Ordering::Relaxed);
        // One that passed while its head was being read is over: it says nothing of the next.
        self.0.passed.store(false, Ordering::Relaxed);
    }

    fn due(&self) -> Option<Instant> {
        let due = self.0.due.load(Ordering::Relaxed);
        (due != NEVER).then(|| self.0.began + Duration::from_nanos(due))
    }
}

impl Timer for HeaderTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        self.arm(deadline);
        Box::pin(UntilDue(Arc::clone(&self.0)))
    }

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }

    fn reset(&self, _: &mut Pin<Box<dyn Sleep>>, deadline: Instant) {
        self.arm(deadline);
    }
}

/// Over once the deadline has passed. Its task is woken by [`HeaderTimer::drive`].
struct UntilDue(Arc<Deadline>);

impl Future for UntilDue {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.0.passed.load(Ordering::Relaxed) { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for UntilDue {
    fn drop(&mut self) {
        self.0.due.store(NEVER, Ordering::Relaxed);
    }
}

impl Sleep for UntilDue {}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::{Request, Response};
    use http_body_util::Empty;
    use hyper::body::{Bytes, Incoming};
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(30);

    fn served() -> (DuplexStream, tokio::task::JoinHandle<hyper::Result<()>>) {
        let (client, server) = tokio::io::duplex(4096);
        let timer = HeaderTimer::new();
        let answer = service_fn(async |_: Request<Incoming>| {
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        });
        let connection = http1::Builder::new()
            .timer(timer.clone())
            .header_read_timeout(DEADLINE)
            .serve_connection(TokioIo::new(server), answer);
        (client, tokio::spawn(timer.drive(DEADLINE, connection)))
    }

    /// Time stands still until nothing else can happen.
    #[tokio::test(start_paused = true)]
    async fn half_a_head_is_cut_off_exactly_at_its_deadline() {
        let (mut client, connection) = served();
        let began = tokio::time::Instant::now();
        client.write_all(b"GET / HTTP/1.1\r\nhost:").await.unwrap();
        assert!(connection.await.unwrap().unwrap_err().is_timeout());
        assert_eq!(began.elapsed().as_secs(), DEADLINE.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_passes_as_the_head_arrives_is_none_of_the_next_request() {
        let (mut client, connection) = served();
        for _ in 0..2 {
            client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
            // Both are there before the connection is looked at again: the bytes, and the end of the time for them.
            tokio::time::advance(DEADLINE).await;
            let mut answer = [0; 4096];
            let read = client.read(&mut answer).await.unwrap();
            assert!(answer[..read].starts_with(b"HTTP/1.1 200"));
        }
        assert!(connection.await.unwrap().unwrap_err().is_timeout(), "who rests is let go");
    }

    #[tokio::test(start_paused = true)]
    async fn each_request_has_its_own_deadline() {
        let (mut client, connection) = served();
        let began = tokio::time::Instant::now();
        let pause = Duration::from_secs(20);
        for _ in 0..5 {
            client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
            let mut answer = [0; 4096];
            let read = client.read(&mut answer).await.unwrap();
            assert!(answer[..read].starts_with(b"HTTP/1.1 200"));
            tokio::time::advance(pause).await;
        }
        assert!(connection.await.unwrap().unwrap_err().is_timeout(), "who rests is let go");
        let after_the_last = began.elapsed() - pause * 4;
        assert_eq!(after_the_last.as_secs(), DEADLINE.as_secs());
    }
}
