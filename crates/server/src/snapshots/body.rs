//! A snapshot as it is given out: piece by piece, to one reader, for as long as he may take.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use cloakroom_verify::feed::wire::snapshot;
use futures_util::stream;
use http::header::CONTENT_TYPE;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::SendError;
use tokio::time::sleep;

use super::Snapshot;

/// Events of a piece.
const TOGETHER: usize = 1_000;
/// Pieces that are ready for a reader who is busy with the one before.
const AHEAD: usize = 1;

/// How slow a reader may be: so long in any case, and so much longer for each piece.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// For the connection to come up to speed.
    pub first: Duration,
    /// For a thousand events: less than a tenth of a megabyte.
    pub piece: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { first: Duration::from_secs(30), piece: Duration::from_millis(100) }
    }
}

impl Snapshot {
    /// Its lines, as they are given out.
    pub fn response(self: Arc<Self>) -> Response {
        let (give, taken) = mpsc::channel(AHEAD);
        tokio::spawn(self.give_out(give));
        let pieces = stream::unfold(Some(taken), |taken| async move {
            let mut taken = taken?;
            match taken.recv().await {
                Some(Piece::Lines(lines)) => Some((Ok(lines), Some(taken))),
                Some(Piece::End) => None,
                // Cut off: else what came so far would look like all of it.
                None => Some((Err(TooSlow), None)),
            }
        });
        ([(CONTENT_TYPE, snapshot::MEDIA_TYPE)], Body::from_stream(pieces)).into_response()
    }

    /// Hands out one piece after the other, until the end or until the reader has taken too long for all of it. What is
    /// asked of him is looked at here, since nobody asks for the next piece while his connection stands still.
    async fn give_out(self: Arc<Self>, give: mpsc::Sender<Piece>) {
        let allowed = self.pace.first + self.pace.piece * u32::try_from(self.pieces()).unwrap_or(u32::MAX);
        let handed_out = async {
            for number in 0..=self.pieces() {
                give.send(Piece::Lines(self.piece(number))).await?;
            }
            give.send(Piece::End).await
        };
        let done: Option<Result<(), SendError<Piece>>> = tokio::select! {
            done = handed_out => Some(done),
            () = sleep(allowed) => None,
        };
        if done.is_none() {
            tracing::warn!(
                events = self.events.len(),
                "a snapshot was taken too slowly: its reader is cut off"
            );
        }
    }

    /// Those with events.
    fn pieces(&self) -> usize {
        self.events.len().div_ceil(TOGETHER)
    }

    /// The head, then a thousand events each.
    fn piece(&self, number: usize) -> Bytes {
        let Some(before) = number.checked_sub(1) else { return Bytes::from(self.head.clone()) };
        let events = self.events.chunks(TOGETHER).nth(before).unwrap_or_default();
        Bytes::from(events.iter().map(snapshot::to_line).collect::<String>())
    }
}

#[derive(Debug)]
enum Piece {
    Lines(Bytes),
    End,
}

#[derive(Debug, thiserror::Error)]
#[error("the snapshot was taken too slowly")]
struct TooSlow;
