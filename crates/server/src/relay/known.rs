//! What a relay knows of the feed, and the verifiers that trust it: its leaves.
//!
//! A server takes the position that a relay asks from for one that all its leaves know: a receipt may say then that a
//! revocation bites everywhere. So it asks from the least of its own and theirs. What that rests on:
//!
//! * A leaf is registered before the answer that it gets is read. One that the relay did not see when it asked gets an
//!   answer that reaches at least as far as the relay said that it knew.
//! * So does one that is new: until then it trusts nothing that came from here. It counts as one that knows what it will
//!   be told at least, and does not make the relay ask from the beginning.
//! * A leaf is forgotten when its last answer has run out, by the longer of the bounds. A relay that dies is forgotten
//!   by its servers no earlier: its leaves trust nothing that is younger than its last question.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cloakroom_auth::feed::Sync;
use cloakroom_auth::follow::Told;
use cloakroom_auth::recent::Recent;
use cloakroom_auth::verifiers::{Verifiers, Welcome};
use cloakroom_verify::clock::Clock;
use cloakroom_verify::feed::wire::sync::{News, SyncAnswer};
use cloakroom_verify::remote::Ear;
use cloakroom_verify::{Event, Revocation, Rv, ServiceKeyId, Timestamp};

use super::callers::Callers;
use crate::streams::Streams;

/// See the module.
#[derive(Debug)]
pub struct Known<C> {
    recent: Mutex<Recent>,
    /// Those that trust what is known here.
    pub leaves: Verifiers,
    /// Those that listen.
    pub streams: Streams,
    /// The keys that were proved lately.
    pub callers: Callers,
    /// Seconds.
    retain: AtomicU64,
    /// Milliseconds, as the last answer said. Until when events matter is judged by it: by a clock of this machine that
    /// is wrong one could be forgotten that a leaf has yet to be told.
    server_time: AtomicI64,
    clock: C,
}

impl<C: Clock> Known<C> {
    /// Nothing yet. What is told is trusted for `bound` at most.
    pub fn new(bound: Duration, clock: C) -> Self {
        Self {
            recent: Mutex::default(),
            leaves: Verifiers::new(bound),
            streams: Streams::default(),
            callers: Callers::default(),
            retain: AtomicU64::new(0),
            server_time: AtomicI64::new(0),
            clock,
        }
    }

    /// A question of a leaf has come, which knows everything up to `since`: before anything is read for it.
    pub fn register(&self, key: ServiceKeyId, name: &str, since: Option<Rv>) -> Welcome {
        let reached = self.lock().position();
        let welcome = self.leaves.register(key, name, since, &self.clock);
        if welcome == Welcome::New {
            self.leaves.register(key, name, since.max(reached), &self.clock);
        }
        welcome
    }

    /// What one lacks who knows everything up to `since`. `None`: nothing was ever known.
    pub fn tell(&self, since: Option<Rv>, most: usize) -> Option<Told> {
        let recent = self.lock();
        let head = recent.position()?;
        Some(Told { head, floor: recent.floor(), events: recent.after(since, most) })
    }

    /// The same for one who goes on listening: `begin` is called while nothing new is told.
    pub fn tell_from<T>(
        &self,
        since: Option<Rv>,
        most: usize,
        begin: impl FnOnce() -> T,
    ) -> (T, Option<Vec<Event>>) {
        let recent = self.lock();
        let events = since.and_then(|since| recent.after(Some(since), most));
        (begin(), events)
    }

    /// How long the servers keep events.
    pub fn retain(&self) -> Duration {
        Duration::from_secs(self.retain.load(Ordering::Relaxed))
    }

    fn read(&self, known: Option<Rv>, sync: &Sync) {
        let now = Timestamp::from_millis(self.server_time.load(Ordering::Relaxed));
        let mut recent = self.lock();
        let (_, news) = recent.read(known, sync, now);
        if !news.is_empty() {
            // Within the lock: in their order, and to nobody twice who begins to listen.
            self.streams.push(&news);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Recent> {
        // Every change leaves what is in it whole, so a panic elsewhere does not spoil it.
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Clock> Ear for Known<C> {
    fn ask_from(&self, known: Option<Rv>) -> Option<Rv> {
        self.leaves.least(&self.clock).map_or(known, |least| least.min(known))
    }

    fn heard(&self, event: &Event) {
        if let Revocation::ServiceKeyRevoked(key) = event.revocation {
            self.callers.keys.revoke(key);
        }
    }

    fn answered(&self, known: Option<Rv>, answer: &SyncAnswer) {
        self.retain.store(answer.retain.as_secs(), Ordering::Relaxed);
        self.server_time.store(answer.server_time.as_millis(), Ordering::Relaxed);
        match &answer.news {
            News::Events(events) => {
                self.read(known, &Sync { head: answer.head, floor: answer.floor, events: events.clone() });
            }
            // It was filled.
            News::Snapshot(_) => {}
        }
    }

    fn pushed(&self, known: Option<Rv>, event: &Event) {
        let floor = match event.revocation {
            Revocation::EverythingBefore => event.rv,
            Revocation::SessionRevoked(_)
            | Revocation::TokenRevoked(_)
            | Revocation::UserBefore(_)
            | Revocation::ClaimsBefore(_)
            | Revocation::SessionChanged(_)
            | Revocation::KeyRevoked(_)
            | Revocation::ServiceKeyRevoked(_) => Rv::ZERO,
        };
        self.read(known, &Sync { head: event.rv, floor, events: vec![event.clone()] });
    }

    fn filled(&self, head: Rv, floor: Rv) {
        let mut recent = self.lock();
        if recent.position() < Some(head) {
            // What lies between was not told to anybody: who listens asks.
            self.streams.cut();
        }
        recent.filled(head, floor);
    }
}

#[cfg(test)]
mod tests {
    use cloakroom_verify::SessionId;
    use cloakroom_verify::clock::ManualClock;

    use super::*;

    const BOUND: Duration = Duration::from_secs(2);
    const KEY: ServiceKeyId = ServiceKeyId::from_bytes([1; 16]);
    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn rv(seq: u32) -> Option<Rv> {
        Some(Rv::new(5, seq))
    }

    fn event(seq: u32) -> Event {
        let revocation = Revocation::SessionRevoked(SessionId::from_bytes([seq as u8; 16]));
        Event { rv: Rv::new(5, seq), revocation, keep_until: NOW.after(BOUND) }
    }

    fn answer(numbers: std::ops::RangeInclusive<u32>) -> SyncAnswer {
        SyncAnswer {
            nonce: String::from("n"),
            head: Rv::new(5, *numbers.end()),
            floor: Rv::ZERO,
            news: News::Events(numbers.map(event).collect()),
            age: Duration::ZERO,
            bound: BOUND,
            server_time: NOW,
            retain: BOUND,
        }
    }

    /// One that knows everything up to here.
    fn known(seq: u32) -> (Known<ManualClock>, ManualClock) {
        let clock = ManualClock::at(NOW);
        let known = Known::new(BOUND, clock.clone());
        known.answered(None, &answer(1..=seq));
        (known, clock)
    }

    #[test]
    fn it_asks_from_what_the_slowest_leaf_knows() {
        let (known, clock) = known(4);
        assert_eq!(known.ask_from(rv(4)), rv(4), "nobody is behind it");
        known.register(KEY, "leaf", rv(3));
        known.register(KEY, "other", rv(4));
        known.pushed(rv(4), &event(5));
        assert_eq!(known.ask_from(rv(5)), rv(4), "new ones will be told of 4 at least");
        known.register(KEY, "leaf", rv(5));
        assert_eq!(known.ask_from(rv(5)), rv(4), "the other has not said so");
        known.register(KEY, "other", rv(5));
        assert_eq!(known.ask_from(rv(5)), rv(5));
        known.register(KEY, "leaf", rv(2));
        assert_eq!(known.ask_from(rv(5)), rv(2), "it has forgotten");
        clock.advance(BOUND + Duration::from_millis(1));
        assert_eq!(known.ask_from(rv(5)), rv(5), "it trusts nothing any more");
    }

    #[test]
    fn a_leaf_that_knows_more_than_the_relay_makes_it_claim_no_more() {
        let (known, _) = known(4);
        known.register(KEY, "leaf", rv(9));
        assert_eq!(known.ask_from(rv(4)), rv(4));
    }

    #[test]
    fn what_is_told_to_a_new_leaf_reaches_what_it_was_taken_to_know() {
        let (known, _) = known(4);
        assert_eq!(known.register(KEY, "late", None), Welcome::New);
        assert!(known.ask_from(rv(4)) <= known.tell(None, 10).map(|told| told.head));
        assert_eq!(known.ask_from(rv(4)), rv(4), "it does not ask from the beginning for it");
    }

    #[test]
    fn those_who_listen_hear_each_event_once_and_in_order() {
        let (known, _) = known(2);
        let (mut pushes, missed) = known.tell_from(rv(1), 10, || known.streams.subscribe());
        assert_eq!(missed.map(|missed| missed.len()), Some(1));
        known.pushed(rv(2), &event(3));
        known.answered(rv(2), &answer(2..=4));
        let heard: Vec<_> = std::iter::from_fn(|| match pushes.try_recv() {
            Ok(crate::streams::Pushed::Events(text)) => Some(String::from_utf8(text.to_vec()).unwrap()),
            Ok(_) | Err(_) => None,
        })
        .collect();
        let ids: Vec<_> =
            heard.iter().flat_map(|text| text.lines()).filter(|line| line.starts_with("id")).collect();
        assert_eq!(ids, ["id: 5.3", "id: 5.4"]);
    }

    #[test]
    fn after_a_snapshot_those_who_listen_come_again_and_those_who_ask_take_one() {
        let (known, _) = known(2);
        let mut pushes = known.streams.subscribe();
        known.filled(Rv::new(5, 9), Rv::ZERO);
        assert!(matches!(pushes.try_recv(), Ok(crate::streams::Pushed::TooMany)));
        assert_eq!(known.tell(rv(2), 10).unwrap().events, None);
        assert_eq!(known.tell(rv(9), 10).unwrap().events, Some(vec![]));
    }
}
