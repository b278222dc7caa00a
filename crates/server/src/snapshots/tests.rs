use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use cloakroom_verify::clock::ManualClock;
use cloakroom_verify::{Revocation, SessionId};
use futures_util::FutureExt;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
/// More than all buffers between two sockets hold.
const MANY: u32 = 100_000;
const HOUR: Duration = Duration::from_secs(3600);

fn read(events: u32) -> Read {
    let event = |seq| Event {
        rv: Rv::new(5, seq),
        revocation: Revocation::SessionRevoked(SessionId::from_bytes([7; 16])),
        keep_until: NOW,
    };
    let sync = Sync { head: Rv::new(5, events), floor: Rv::ZERO, events: (1..=events).map(event).collect() };
    Read { sync, server_time: NOW, retain: HOUR }
}

fn key(n: u8) -> ServiceKeyId {
    ServiceKeyId::from_bytes([n; 16])
}

fn wanted(n: u8, goes_on: bool) -> Wanted<impl Fn(Rv) -> bool> {
    Wanted { key: key(n), known: Rv::ZERO, goes_on_from: move |_| goes_on }
}

/// A server of snapshots; a path names the key that asks.
#[derive(Clone)]
struct Shop {
    snapshots: Arc<Snapshots>,
    clock: ManualClock,
    _open: Arc<watch::Sender<bool>>,
}

impl Shop {
    async fn open(pace: Pace) -> (Self, SocketAddr) {
        let (open, ending) = watch::channel(false);
        let (snapshots, clock) = (Arc::new(Snapshots::paced(pace)), ManualClock::at(NOW));
        let shop = Self { snapshots, clock, _open: Arc::new(open) };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/{key}", get(Self::ask)).with_state(shop.clone());
        tokio::spawn(crate::serve::serve(listener, router, ending));
        (shop, address)
    }

    async fn ask(State(shop): State<Self>, Path(n): Path<u8>) -> Response {
        match shop.taken(n, false).await {
            Ok(snapshot) => snapshot.response(),
            Err(refused) => Problem::from(refused).into_response(),
        }
    }

    async fn taken(&self, n: u8, goes_on: bool) -> Result<Arc<Snapshot>, Refused> {
        self.snapshots.take(&self.clock, &wanted(n, goes_on), async { Ok(read(MANY)) }).await
    }

    /// Later than one is shared.
    fn later(&self) {
        self.clock.advance(SHARED_FOR * 2);
    }
}

/// One that asks, reads how it begins, and then reads no more.
async fn slow(to: SocketAddr, n: u8) -> (u16, TcpStream) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(to).await.unwrap();
    stream.write_all(format!("GET /{n} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
    let mut begin = [0; 12];
    stream.read_exact(&mut begin).await.unwrap();
    (std::str::from_utf8(&begin[9..]).unwrap().parse().unwrap(), stream)
}

/// Asks until it is given one.
async fn until_given(shop: &Shop, to: SocketAddr, n: u8) {
    let given = async {
        while slow(to, n).await.0 != 200 {
            shop.later();
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(60), given).await.expect("a seat is free again");
}

#[tokio::test]
async fn who_hangs_up_while_it_is_read_leaves_one_read_behind_that_others_wait_for() {
    let (snapshots, clock) = (Arc::new(Snapshots::default()), ManualClock::at(NOW));
    let (begun, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
    let ask = |n: u8| {
        let (snapshots, clock, begun, gate) =
            (Arc::clone(&snapshots), clock.clone(), Arc::clone(&begun), Arc::clone(&gate));
        tokio::spawn(async move {
            let read = async move {
                begun.fetch_add(1, Ordering::SeqCst);
                gate.acquire().await.expect("it is never closed").forget();
                Ok(read(1))
            };
            snapshots.take(&clock, &wanted(n, true), read).await.map(|snapshot| snapshot.position)
        })
    };
    for n in 1..=3 {
        let gone = ask(n);
        while begun.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());
    }
    let stays = ask(4);
    gate.add_permits(1);
    assert_eq!(stays.await.unwrap().unwrap(), Rv::new(5, 1));
    assert_eq!(begun.load(Ordering::SeqCst), 1, "each would hold a connection that must come to rest first");
}

#[tokio::test]
async fn three_slow_readers_keep_the_fourth_out_only_until_they_hang_up() {
    let (shop, address) = Shop::open(Pace { first: HOUR, piece: HOUR }).await;
    let mut readers = Vec::new();
    for n in 1..=3 {
        let (status, reader) = slow(address, n).await;
        assert_eq!(status, 200);
        readers.push(reader);
        shop.later();
    }
    assert!(matches!(shop.taken(4, false).await, Err(Refused::Full)));
    assert_eq!(slow(address, 4).await.0, 503);
    drop(readers);
    until_given(&shop, address, 4).await;
}

#[tokio::test]
async fn who_is_too_slow_loses_his_seat_and_cannot_take_a_part_for_all_of_it() {
    let (shop, address) = Shop::open(Pace { first: Duration::from_millis(300), piece: Duration::ZERO }).await;
    let mut readers = Vec::new();
    for n in 1..=3 {
        let (status, reader) = slow(address, n).await;
        assert_eq!(status, 200);
        readers.push(reader);
        shop.later();
    }
    until_given(&shop, address, 4).await;
    let mut rest = Vec::new();
    let ended = timeout(Duration::from_secs(60), readers[0].read_to_end(&mut rest)).await.expect("it ends");
    let is_whole = ended.is_ok() && rest.ends_with(b"\r\n0\r\n\r\n");
    assert!(!is_whole && rest.len() > 1000, "{} bytes", rest.len());
}

#[tokio::test]
async fn a_reader_who_takes_it_gets_all_of_it() {
    let (_, address) = Shop::open(Pace { first: HOUR, piece: HOUR }).await;
    let (status, mut reader) = slow(address, 1).await;
    assert_eq!(status, 200);
    let mut rest = Vec::new();
    let whole = async {
        while !rest.ends_with(b"\r\n0\r\n\r\n") {
            assert_ne!(reader.read_buf(&mut rest).await.unwrap(), 0, "it was cut");
        }
    };
    timeout(Duration::from_secs(60), whole).await.expect("it ends");
    assert_eq!(rest.iter().filter(|byte| **byte == b'[').count() as u32, MANY);
}

#[tokio::test]
async fn a_key_has_one_seat_and_an_older_snapshot_while_a_sync_goes_on_from_it() {
    let (shop, _) = Shop::open(Pace::default()).await;
    let first = shop.taken(1, false).await.unwrap();
    assert!(Arc::ptr_eq(&first, &shop.taken(1, false).await.unwrap()), "it is young");
    shop.later();
    assert!(Arc::ptr_eq(&first, &shop.taken(1, true).await.unwrap()), "nothing is missed by it");
    assert!(matches!(shop.taken(1, false).await, Err(Refused::KeyIsBusy)));
    let other = shop.taken(2, false).await.unwrap();
    assert!(!Arc::ptr_eq(&first, &other));
    assert_eq!(shop.snapshots.seats.available_permits(), 1);
    drop(first);
    let is_free = async {
        while !shop.taken(1, false).await.is_ok_and(|taken| Arc::ptr_eq(&other, &taken)) {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(20), is_free).await.expect("then it may have a young one of another key");
}

#[test]
fn who_is_kept_out_is_told_why_and_when_to_come_again() {
    for (refused, why) in [(Refused::Full, "As many snapshots"), (Refused::KeyIsBusy, "with this key")] {
        let mut response = Problem::from(refused).into_response();
        crate::problem::render(&mut response, "request");
        assert_eq!(
            (response.status().as_u16(), &response.headers()["retry-after"]),
            (503, &"6".parse().unwrap())
        );
        let body = response.into_body().collect().now_or_never().unwrap().unwrap().to_bytes();
        assert!(String::from_utf8_lossy(&body).contains(why), "{body:?}");
    }
}
