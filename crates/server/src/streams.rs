//! The open streams of the feed: who listens, and what they are told.
//!
//! What is told is written once and kept for those who are behind, up to a bound: whoever is further behind is cut off
//! and comes back with what he knew last.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use cloakroom_auth::verifiers::PER_KEY;
use cloakroom_verify::feed::wire::MOST_EVENTS;
use cloakroom_verify::feed::wire::event::WireEvent;
use cloakroom_verify::{Event, Revocation, ServiceKeyId};
use tokio::sync::broadcast;

/// Streams of this process at most.
const AT_MOST: usize = 20_000;
/// How many pushes a stream may be behind.
const BEHIND: usize = 256;
/// Events of one push at most.
const TOGETHER: usize = 500;

/// See the module.
#[derive(Debug)]
pub struct Streams {
    pushes: broadcast::Sender<Pushed>,
    open: Arc<Mutex<HashMap<ServiceKeyId, usize>>>,
    pushed: AtomicU64,
}

/// What the streams are told.
#[derive(Debug, Clone)]
pub enum Pushed {
    /// Events as they are sent.
    Events(Bytes),
    /// The streams of this key end.
    KeyRevoked(ServiceKeyId),
    /// More than is pushed: all end, and ask.
    TooMany,
}

/// Why there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// The key has as many as it may.
    Key,
    /// The process has.
    Process,
}

/// The place of one stream, free again when it is dropped.
#[derive(Debug)]
pub struct Seat {
    key: ServiceKeyId,
    open: Arc<Mutex<HashMap<ServiceKeyId, usize>>>,
}

impl Default for Streams {
    fn default() -> Self {
        Self { pushes: broadcast::Sender::new(BEHIND), open: Arc::default(), pushed: AtomicU64::new(0) }
    }
}

impl Streams {
    /// Tells all of these, which are new, in their order.
    pub fn push(&self, events: &[Event]) {
        if events.len() > MOST_EVENTS {
            self.cut();
            return;
        }
        if self.pushes.receiver_count() > 0 {
            events.chunks(TOGETHER).for_each(|some| self.send(Pushed::Events(text(some))));
            self.pushed.fetch_add(events.len() as u64, Ordering::Relaxed);
        }
        for event in events {
            if let Revocation::ServiceKeyRevoked(key) = event.revocation {
                self.send(Pushed::KeyRevoked(key));
            }
        }
    }

    /// Ends all: more happened than is pushed.
    pub fn cut(&self) {
        self.send(Pushed::TooMany);
    }

    /// What is pushed from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Pushed> {
        self.pushes.subscribe()
    }

    /// A place for one more stream of this key.
    pub fn seat(&self, key: ServiceKeyId) -> Result<Seat, Full> {
        let mut open = lock(&self.open);
        if open.values().sum::<usize>() >= AT_MOST {
            return Err(Full::Process);
        }
        let of_key = open.entry(key).or_default();
        if *of_key >= PER_KEY {
            return Err(Full::Key);
        }
        *of_key += 1;
        Ok(Seat { key, open: Arc::clone(&self.open) })
    }

    /// How many are open.
    pub fn count(&self) -> usize {
        lock(&self.open).values().sum()
    }

    /// How many events were pushed.
    pub fn pushed(&self) -> u64 {
        self.pushed.load(Ordering::Relaxed)
    }

    fn send(&self, pushed: Pushed) {
        // Nobody may be listening.
        let _ = self.pushes.send(pushed);
    }
}

/// Events as `text/event-stream` spells them; the id is where a stream goes on.
pub fn text(events: &[Event]) -> Bytes {
    let mut text = String::new();
    for event in events {
        let json = serde_json::to_string(&WireEvent::from(event)).expect("strings and numbers serialise");
        text.push_str(&format!("id: {}.{}\ndata: {json}\n\n", event.rv.epoch(), event.rv.seq()));
    }
    Bytes::from(text)
}

impl Seat {
    /// Whose it is.
    pub const fn key(&self) -> ServiceKeyId {
        self.key
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = lock(&self.open);
        if let Some(of_key) = open.get_mut(&self.key) {
            *of_key -= 1;
            if *of_key == 0 {
                open.remove(&self.key);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use cloakroom_verify::{Rv, SessionId, Timestamp};

    use super::*;

    #[test]
    fn a_key_and_the_process_have_so_many_at_most() {
        let (streams, key) = (Streams::default(), |n: u8| ServiceKeyId::from_bytes([n; 16]));
        let mut seats: Vec<_> = (0..PER_KEY).map(|_| streams.seat(key(1)).unwrap()).collect();
        assert_eq!(streams.seat(key(1)).unwrap_err(), Full::Key);
        seats.extend((PER_KEY..AT_MOST).map(|_| streams.seat(key(2)).unwrap()));
        assert_eq!(streams.seat(key(3)).unwrap_err(), Full::Process);
        seats.pop();
        assert!(streams.seat(key(3)).is_ok());
        drop(seats);
        assert_eq!(streams.count(), 0);
    }

    #[test]
    fn who_is_too_far_behind_is_told_so() {
        let streams = Streams::default();
        let mut behind = streams.subscribe();
        let event = Event {
            rv: Rv::new(5, 1),
            revocation: Revocation::SessionRevoked(SessionId::from_bytes([1; 16])),
            keep_until: Timestamp::from_seconds(1),
        };
        (0..=BEHIND).for_each(|_| streams.push(std::slice::from_ref(&event)));
        assert!(matches!(behind.try_recv(), Err(broadcast::error::TryRecvError::Lagged(1))));
    }
}
