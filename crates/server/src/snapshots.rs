//! Everything that is live in the feed, read in one statement for all who ask within a second, and given out in pieces.

use std::convert::Infallible;
use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use cloakroom_auth::feed::Sync;
use cloakroom_auth::store::{StoreError, Stored};
use cloakroom_verify::clock::{BootInstant, Clock};
use cloakroom_verify::feed::wire::snapshot::{self, SnapshotHead};
use cloakroom_verify::{Event, Rv, Timestamp};
use futures_util::stream;
use http::header::CONTENT_TYPE;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

/// How long one is given out to those who come later.
const SHARED_FOR: Duration = Duration::from_secs(1);
/// How many are in memory at most, since somebody reads slowly.
const AT_ONCE: usize = 3;
/// How long somebody waits for the one that is being read.
const PATIENCE: Duration = Duration::from_secs(6);
/// Events of a piece.
const TOGETHER: usize = 1_000;

/// See the module.
#[derive(Debug)]
pub struct Snapshots {
    latest: Mutex<Weak<Snapshot>>,
    seats: Arc<Semaphore>,
}

/// What was read.
#[derive(Debug)]
pub struct Read {
    /// All of it.
    pub sync: Sync,
    /// When.
    pub server_time: Timestamp,
    /// How long events are kept.
    pub retain: Duration,
}

/// One, in memory as long as somebody reads it.
#[derive(Debug)]
pub struct Snapshot {
    began: BootInstant,
    head: String,
    events: Vec<Event>,
    _seat: OwnedSemaphorePermit,
}

impl Default for Snapshots {
    fn default() -> Self {
        Self { latest: Mutex::new(Weak::new()), seats: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Snapshots {
    /// The latest, or a new one, which must reach what is `known`.
    pub async fn take(
        &self,
        clock: &impl Clock,
        known: Rv,
        read: impl Future<Output = Stored<Read>>,
    ) -> Stored<Arc<Snapshot>> {
        let late = || StoreError::new("the feed is being read for too many at once");
        tokio::time::timeout(PATIENCE, self.taken(clock, known, read)).await.map_err(|_| late())?
    }

    async fn taken(
        &self,
        clock: &impl Clock,
        known: Rv,
        read: impl Future<Output = Stored<Read>>,
    ) -> Stored<Arc<Snapshot>> {
        let mut latest = self.latest.lock().await;
        let began = clock.boot();
        if let Some(latest) = latest.upgrade().filter(|latest| began.since(latest.began) <= SHARED_FOR) {
            return Ok(latest);
        }
        let seat = Arc::clone(&self.seats).try_acquire_owned();
        let seat = seat.map_err(|_| StoreError::new("too many snapshots are being read"))?;
        let Read { sync, server_time, retain } = read.await?;
        if sync.head < known {
            return Err(StoreError::new("the head lies behind"));
        }
        let entries = sync.events.len() as u64;
        let head = SnapshotHead::new(sync.head, sync.floor, entries, server_time, retain.as_secs());
        let snapshot = Snapshot { began, head: head.to_line(), events: sync.events, _seat: seat };
        let snapshot = Arc::new(snapshot);
        *latest = Arc::downgrade(&snapshot);
        Ok(snapshot)
    }
}

impl Snapshot {
    /// Its lines, as they are given out.
    pub fn response(self: Arc<Self>) -> Response {
        let pieces = stream::unfold((self, 0), |(snapshot, number)| async move {
            let piece = snapshot.piece(number)?;
            Some((Ok::<_, Infallible>(piece), (snapshot, number + 1)))
        });
        ([(CONTENT_TYPE, snapshot::MEDIA_TYPE)], Body::from_stream(pieces)).into_response()
    }

    /// The piece with this number; `None` after the last.
    fn piece(&self, number: usize) -> Option<Bytes> {
        let Some(before) = number.checked_sub(1) else { return Some(Bytes::from(self.head.clone())) };
        let events = self.events.chunks(TOGETHER).nth(before)?;
        Some(Bytes::from(events.iter().map(snapshot::to_line).collect::<String>()))
    }
}
