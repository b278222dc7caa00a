//! Load against a server whose behaviour is known.
#![expect(clippy::unwrap_used, reason = "bodies of tests are functions")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cloakroom_showdown::load::{Load, Loaded, Request, Window, closed, open};
use cloakroom_showdown::target::Target;
use http::{HeaderMap, Uri};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::RwLock;
use tokio::time::{Instant, sleep, sleep_until};

/// Answers at once, but for a stall in the middle.
#[derive(Clone)]
struct Known {
    address: SocketAddr,
    answered: Arc<AtomicU64>,
}

impl Known {
    async fn start(status: &'static str, stalls: Option<(Instant, Duration)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let known = Self { address: listener.local_addr().unwrap(), answered: Arc::default() };
        let gate = Arc::new(RwLock::new(()));
        if let Some((at, during)) = stalls {
            let gate = Arc::clone(&gate);
            tokio::spawn(async move {
                sleep_until(at).await;
                let _closed = gate.write().await;
                // From now on: one that begins late is no shorter.
                sleep(during).await;
            });
        }
        let served = known.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(served.clone().serve(stream, status, Arc::clone(&gate)));
            }
        });
        known
    }

    async fn serve(self, mut stream: TcpStream, status: &'static str, gate: Arc<RwLock<()>>) {
        let mut buffer = Vec::new();
        loop {
            while !buffer.ends_with(b"\r\n\r\n") {
                if stream.read_buf(&mut buffer).await.unwrap_or(0) == 0 {
                    return;
                }
            }
            buffer.clear();
            drop(gate.read().await);
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\nok");
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
            self.answered.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn load(&self, connections: u32, window: Window) -> Load {
        let target = Target::parse(&format!("http://{}", self.address)).unwrap();
        let asks = Arc::new([Request::get(Uri::from_static("/me"), HeaderMap::new())]);
        Load { target, asks, connections, window }
    }
}

/// Many times what a machine that is busy adds to it.
const STALL: Duration = Duration::from_millis(500);
/// So long after the window has begun.
const STALLS: Duration = Duration::from_millis(100);
const MILLI: f64 = 1000.0;

fn window() -> Window {
    Window::after(Duration::from_millis(100), Duration::from_secs(1))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stall_shows_in_the_open_loop_and_is_missed_by_a_closed_one() {
    let open_window = window();
    let known = Known::start("200 OK", Some((open_window.from + STALLS, STALL))).await;
    let opened = open::run(&known.load(8, open_window), 500).await;
    // Half of all requests were due during the stall: the last percents waited for most of it.
    assert!(opened.latency.p99 > 250.0 * MILLI, "{opened:?}");
    assert!(opened.latency.p90 > 50.0 * MILLI, "{opened:?}");
    assert_eq!(opened.failed, 0, "{opened:?}");

    let closed_window = window();
    let known = Known::start("200 OK", Some((closed_window.from + STALLS, STALL))).await;
    let closed = closed::run(&known.load(1, closed_window)).await;
    // It asked nothing meanwhile: one request is slow, whatever everybody else would have waited.
    assert!(closed.latency.max > 250.0 * MILLI, "{closed:?}");
    assert!(closed.latency.p90 < 50.0 * MILLI, "{closed:?}");
    let missed = |loaded: &Loaded| loaded.latency.curve.iter().filter(|point| point.1 > 50.0 * MILLI).count();
    assert!(missed(&closed) < missed(&opened), "{closed:?} {opened:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_loop_asks_as_often_as_it_was_told_to() {
    let known = Known::start("200 OK", None).await;
    let window = window();
    let loaded = open::run(&known.load(4, window), 300).await;
    assert_eq!(loaded.failed, 0, "{loaded:?}");
    // 1.1 seconds at 300 a second, the warm-up among them; a little less where it begins late.
    let answered = known.answered.load(Ordering::Relaxed);
    assert!((315..=331).contains(&answered), "{answered}");
    // Those whose answers came within the window: a machine that is busy moves some of them over its ends.
    assert!((200.0..=325.0).contains(&loaded.per_second), "{loaded:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_never_answered_is_not_left_out() {
    let begin = Instant::now();
    let known = Known::start("200 OK", Some((begin, Duration::from_secs(3600)))).await;
    let window = Window::after(Duration::from_millis(100), Duration::from_millis(400));
    let opened = open::run(&known.load(4, window), 100).await;
    assert_eq!(opened.failed, 40, "{opened:?}");
    assert!(opened.per_second.abs() < f64::EPSILON && opened.latency.p50 > 1000.0 * MILLI, "{opened:?}");
    // Long enough for each of them to begin, on a machine that is busy too.
    let closed = closed::run(&known.load(4, Window::after(Duration::ZERO, Duration::from_millis(500)))).await;
    assert_eq!(closed.failed, 4, "each connection waits for one: {closed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_answer_than_2xx_is_a_failure() {
    let known = Known::start("401 Unauthorized", None).await;
    // With a warm-up: all are due within the window, though the load begins a little after it was made.
    let short = || Window::after(Duration::from_millis(100), Duration::from_millis(200));
    let closed = closed::run(&known.load(2, short())).await;
    let opened = open::run(&known.load(2, short()), 100).await;
    assert!(closed.failed > 0 && closed.per_second.abs() < f64::EPSILON, "{closed:?}");
    assert_eq!(opened.failed, 20, "{opened:?}");
}
