//! A TCP proxy between verifiers and a server, which can be broken.

use std::io::Result;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What becomes of what goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weather {
    /// It goes through.
    Fair,
    /// Every connection ends, and a new one ends at once.
    Cut,
    /// Connections are taken, and nothing goes through, either way.
    Held,
    /// Each piece takes so much longer, either way.
    Slow(Duration),
    /// Every connection ends, and of each new one the server gets everything twice, on two connections; one of its answers
    /// is thrown away.
    Doubled,
}

/// See the module.
pub(crate) struct Proxy {
    pub(crate) listen: SocketAddr,
    weather: watch::Sender<Weather>,
}

impl Proxy {
    /// In front of this server, for as long as the runtime lives.
    pub(crate) async fn before(server: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let listen = listener.local_addr()?;
        let (weather, seen) = watch::channel(Weather::Fair);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let seen = seen.clone();
                tokio::spawn(async move { pass(client, server, seen).await });
            }
        });
        Ok(Self { listen, weather })
    }

    pub(crate) fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }
}

async fn pass(client: TcpStream, server: SocketAddr, mut seen: watch::Receiver<Weather>) {
    let weather = *seen.borrow();
    if weather == Weather::Cut {
        return;
    }
    let Ok(upstream) = TcpStream::connect(server).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = upstream.into_split();
    let mut sinks = vec![to_server];
    if weather == Weather::Doubled
        && let Ok(twin) = TcpStream::connect(server).await
    {
        let (mut answers, sink) = twin.into_split();
        sinks.push(sink);
        tokio::spawn(async move { tokio::io::copy(&mut answers, &mut tokio::io::sink()).await });
    }
    let (there, back) =
        (carry(from_client, sinks, seen.clone()), carry(from_server, vec![to_client], seen.clone()));
    tokio::select! {
        // Whoever ends it ends both ways: nothing here half-closes.
        () = there => {}
        () = back => {}
        _ = seen.wait_for(|now| *now == Weather::Cut || (*now == Weather::Doubled && weather != *now)) => {}
    }
}

async fn carry(mut from: OwnedReadHalf, mut to: Vec<OwnedWriteHalf>, mut seen: watch::Receiver<Weather>) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut buffer).await.unwrap_or(0);
        if read == 0 {
            return;
        }
        let slow = match *seen.borrow() {
            Weather::Slow(delay) => delay,
            Weather::Fair | Weather::Cut | Weather::Held | Weather::Doubled => Duration::ZERO,
        };
        tokio::time::sleep(slow).await;
        if seen.wait_for(|weather| *weather != Weather::Held).await.is_err() {
            return;
        }
        for (number, sink) in to.iter_mut().enumerate() {
            // What becomes of the twin is nobody's business.
            if sink.write_all(&buffer[..read]).await.is_err() && number == 0 {
                return;
            }
        }
    }
}
