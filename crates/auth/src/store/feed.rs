//! The feed and its head.

use std::time::Duration;

use async_trait::async_trait;
use cloakroom_verify::{Event, Revocation, Rv, Timestamp};

use super::Stored;
use crate::feed::Sync;

/// How far a claim of [`Feed::claim_cleanup`] can reach.
pub const LONGEST_CLAIM: Duration = Duration::from_secs(3600);

/// The feed and its head.
#[async_trait]
pub trait Feed: Send + std::marker::Sync + 'static {
    /// Appends a revocation that changes no row but the feed's own: `TokenRevoked`, `KeyRevoked`,
    /// `EverythingBefore` (which raises the floor in the same step), `ServiceKeyRevoked`, and `SessionRevoked` of a
    /// session whose row is lost. Where repeating says nothing the stored event is returned. `keep_at_least` lengthens
    /// how long it is kept (a token's own `exp`).
    async fn append(
        &self,
        revocation: Revocation,
        keep_at_least: Option<Timestamp>,
        now: Timestamp,
    ) -> Stored<Event>;

    /// Head, floor and the live events after `since`, in ONE statement, on a connection without an open transaction.
    async fn read_since(&self, since: Option<Rv>) -> Stored<Sync>;

    /// Which of these the feed tells of, now.
    async fn told(&self, revocations: &[Revocation]) -> Stored<Vec<Event>>;

    /// Announces how long events of this server must be kept. It is raised at once, and lowered only after the
    /// longer one has run out, by every clock.
    async fn retain(&self, duration: Duration, now: Timestamp) -> Stored<()>;

    /// Whether the caller cleans up until then: of all who ask while nobody has it, exactly one. A claim that reaches
    /// further than an hour was made by a clock that is wrong, and counts for nothing.
    async fn claim_cleanup(&self, now: Timestamp, until: Timestamp) -> Stored<bool>;

    /// Deletes at most `limit` events that can kill nothing any more, by the earlier clock, as
    /// [`purge_sessions`](super::Sessions::purge_sessions).
    async fn purge_events(&self, now: Timestamp, limit: u32) -> Stored<u64>;

    /// The same of what the database keeps of sessions whose rows are elsewhere, whether any are now or not.
    async fn purge_marks(&self, _now: Timestamp, _limit: u32) -> Stored<u64> {
        Ok(0)
    }

    /// Whether it takes what is written, as far as it knows without asking: `false` once a write failed because it takes
    /// none, until one is taken again, which the store finds out by itself or by the next `announce`.
    fn takes_writes(&self) -> bool {
        true
    }

    /// Announces a process that vouches to verifiers, whose answers are trusted for `bound` at most, and which has been there
    /// for the time `up`. Again and again: one that was not heard of for [`REMEMBERED`](crate::node::REMEMBERED) is
    /// forgotten. Tells what time it is by the store's own clock, where that is not this machine's.
    async fn announce(&self, node: &[u8; 16], bound: Duration, up: Duration) -> Stored<Option<Timestamp>>;

    /// The process vouches for nothing any more from now on. Where one serves after the other there is nobody to tell.
    async fn leave(&self, _node: &[u8; 16]) -> Stored<()> {
        Ok(())
    }

    /// The longest bound of the other processes that can have vouched for something that is still trusted; `None`: there
    /// is no such process. Where one serves after the other, those before this one had ended when it began, `up` ago.
    async fn others(&self, node: &[u8; 16], up: Duration) -> Stored<Option<Duration>>;

    /// Resolves when another process may have told the feed of something. It may do so for nothing, late or never.
    async fn rung(&self) {
        std::future::pending::<()>().await;
    }

    /// From now on no head is read that could be one of a primary which another has followed: each read commits
    /// something, too. `false`: this store does not offer it.
    fn fence(&self) -> bool {
        false
    }

    /// Whether it is so.
    fn is_fenced(&self) -> bool {
        false
    }
}
