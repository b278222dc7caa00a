//! A relay before a database that can fall silent, as a network does: what is said to it then is lost, and nobody is told.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// How a message begins by which a client of PostgreSQL takes its leave.
const GOODBYE: u8 = b'X';

/// Takes connections until it is dropped.
pub(super) struct Relay {
    listen: SocketAddr,
    state: Arc<State>,
    listening: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    connections: Mutex<Vec<Arc<Connection>>>,
    next: Mutex<Option<Fault>>,
    unheard: Notify,
}

#[derive(Default)]
struct Connection {
    silent: AtomicBool,
    unheard: AtomicBool,
}

/// What happens to the next connection that says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing of it arrives, and nothing comes back any more.
    Silence,
    /// It is closed.
    Cut,
}

impl Relay {
    /// Before the server of this URL.
    pub(super) async fn before(url: &str) -> Self {
        let server = place(url).to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let listen = listener.local_addr().expect("it listens");
        let state = Arc::<State>::default();
        let shared = Arc::clone(&state);
        let listening = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let connection = Arc::<Connection>::default();
                locked(&shared.connections).push(Arc::clone(&connection));
                tokio::spawn(pass(client, server.clone(), connection, Arc::clone(&shared)));
            }
        });
        Self { listen, state, listening }
    }

    /// The URL by this way.
    pub(super) fn url(&self, url: &str) -> String {
        url.replacen(place(url), &self.listen.to_string(), 1)
    }

    /// How many connections were made.
    pub(super) fn made(&self) -> usize {
        locked(&self.state.connections).len()
    }

    /// All connections that are there are silent from now on. Who comes later is served.
    pub(super) fn fall_silent(&self) {
        locked(&self.state.connections).iter().for_each(|one| one.silent.store(true, Ordering::Relaxed));
    }

    /// Orders a fault, for one connection.
    pub(super) fn order(&self, fault: Fault) {
        *locked(&self.state.next) = Some(fault);
    }

    /// How many silent connections somebody wanted something of.
    pub(super) fn unheard(&self) -> usize {
        locked(&self.state.connections).iter().filter(|one| one.unheard.load(Ordering::Relaxed)).count()
    }

    /// Waits until somebody wants something of a silent connection.
    pub(super) async fn somebody_is_unheard(&self) {
        self.state.unheard.notified().await;
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// Host and port.
fn place(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or(rest);
    authority.rsplit_once('@').map_or(authority, |(_, place)| place)
}

async fn pass(mut client: TcpStream, server: String, connection: Arc<Connection>, state: Arc<State>) {
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let (mut there, mut back) = ([0; 4096], [0; 4096]);
    let silent = || connection.silent.load(Ordering::Relaxed);
    loop {
        tokio::select! {
            read = from_client.read(&mut there) => {
                let said = &there[..read.unwrap_or(0)];
                let wants_something = match said.first() {
                    None => return,
                    Some(first) => *first != GOODBYE,
                };
                match locked(&state.next).take_if(|_| wants_something) {
                    Some(Fault::Silence) => connection.silent.store(true, Ordering::Relaxed),
                    Some(Fault::Cut) => return,
                    None => {}
                }
                if !silent() {
                    if to_server.write_all(said).await.is_err() {
                        return;
                    }
                } else if wants_something {
                    connection.unheard.store(true, Ordering::Relaxed);
                    state.unheard.notify_one();
                }
            }
            read = from_server.read(&mut back), if !silent() => {
                let said = &back[..read.unwrap_or(0)];
                // That the server has ended is not heard of a silent one either.
                if !silent() && (said.is_empty() || to_client.write_all(said).await.is_err()) {
                    return;
                }
            }
        }
    }
}

fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
