//! The feed and its head.

use std::time::Duration;

use async_trait::async_trait;
use cloakroom_verify::{Event, Revocation, Rv, Timestamp};

use super::Memory;
use crate::feed::Sync;
use crate::store::{Feed, LONGEST_CLAIM, Stored};

#[async_trait]
impl Feed for Memory {
    async fn append(
        &self,
        revocation: Revocation,
        keep_at_least: Option<Timestamp>,
        now: Timestamp,
    ) -> Stored<Event> {
        let mut state = self.lock();
        let event = state.append(revocation, keep_at_least, now);
        match event.revocation {
            Revocation::EverythingBefore => state.floor = event.rv,
            Revocation::SessionRevoked(_)
            | Revocation::TokenRevoked(_)
            | Revocation::UserBefore(_)
            | Revocation::ClaimsBefore(_)
            | Revocation::SessionChanged(_)
            | Revocation::KeyRevoked(_)
            | Revocation::ServiceKeyRevoked(_) => {}
        }
        Ok(event)
    }

    async fn read_since(&self, since: Option<Rv>) -> Stored<Sync> {
        let state = self.lock();
        // Of another epoch: nothing that it says about numbers can be relied on.
        let since = since.filter(|since| since.epoch() == state.head.epoch()).unwrap_or(Rv::ZERO);
        let events = state.events.values().filter(|event| event.rv > since).cloned().collect();
        Ok(Sync { head: state.head, floor: state.floor, events })
    }

    async fn told(&self, revocations: &[Revocation]) -> Stored<Vec<Event>> {
        let told = |event: &&Event| revocations.contains(&event.revocation);
        Ok(self.lock().events.values().filter(told).cloned().collect())
    }

    async fn retain(&self, duration: Duration, now: Timestamp) -> Stored<()> {
        let mut state = self.lock();
        state.retention = state.retention.announce(duration, now, now);
        Ok(())
    }

    async fn claim_cleanup(&self, now: Timestamp, until: Timestamp) -> Stored<bool> {
        let mut state = self.lock();
        let free = state.cleanup_until <= now || state.cleanup_until > now.after(LONGEST_CLAIM);
        if free {
            state.cleanup_until = until;
        }
        Ok(free)
    }

    async fn purge_events(&self, now: Timestamp, limit: u32) -> Stored<u64> {
        let mut state = self.lock();
        let gone = state.events.values().filter(|event| event.keep_until < now);
        let gone: Vec<_> = gone.map(|event| event.rv).take(limit as usize).collect();
        gone.iter().for_each(|rv| drop(state.events.remove(rv)));
        Ok(gone.len() as u64)
    }

    async fn announce(&self, node: &[u8; 16], bound: Duration, _: Duration) -> Stored<Option<Timestamp>> {
        self.lock().nodes.insert(*node, bound);
        Ok(None)
    }

    async fn others(&self, node: &[u8; 16], up: Duration) -> Stored<Option<Duration>> {
        let state = self.lock();
        let others = state.nodes.iter().filter(|(id, bound)| *id != node && **bound >= up);
        Ok(others.map(|(_, bound)| *bound).max())
    }
}
