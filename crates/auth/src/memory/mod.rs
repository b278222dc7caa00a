//! A store in memory, for tests and for trying things out. One lock makes every method one atomic step.
//!
//! * here: what is kept, and the steps that several methods share
//! * `users`, `sessions`, `feed`, `service_keys`: the traits

mod feed;
mod service_keys;
mod sessions;
mod users;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cloakroom_verify::{Event, Revocation, Rv, ServiceKeyId, SessionId, Timestamp, UserId};

use crate::feed::{AsOf, Retention};
use crate::service_key::ServiceKey;
use crate::session::{EndReason, Revoked, Session};
use crate::store::Found;
use crate::user::User;

/// Users, sessions and a feed that are gone when it is dropped.
#[derive(Debug)]
pub struct Memory(Mutex<State>);

#[derive(Debug)]
struct State {
    users: BTreeMap<UserId, User>,
    sessions: HashMap<SessionId, Session>,
    service_keys: BTreeMap<ServiceKeyId, ServiceKey>,
    events: BTreeMap<Rv, Event>,
    head: Rv,
    floor: Rv,
    retention: Retention,
    cleanup_until: Timestamp,
    nodes: HashMap<[u8; 16], Duration>,
}

impl Memory {
    /// An empty store whose feed begins in this epoch.
    pub fn new(epoch: u32) -> Self {
        Self(Mutex::new(State {
            users: BTreeMap::new(),
            sessions: HashMap::new(),
            service_keys: BTreeMap::new(),
            events: BTreeMap::new(),
            head: Rv::new(epoch, 0),
            floor: Rv::ZERO,
            retention: Retention { duration: Duration::ZERO, until: Timestamp::from_millis(0) },
            cleanup_until: Timestamp::from_millis(0),
            nodes: HashMap::new(),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn as_of(&self) -> AsOf {
        AsOf::read_with_row(self.head, self.floor)
    }

    fn found(&self, id: SessionId) -> Option<Found> {
        let session = self.sessions.get(&id)?.clone();
        let user = self.users.get(&session.user)?.clone();
        Some(Found { session, user, as_of: self.as_of() })
    }

    fn append(&mut self, revocation: Revocation, at_least: Option<Timestamp>, now: Timestamp) -> Event {
        let stored = self.events.values().find(|event| event.revocation == revocation).cloned();
        let mut keep_until =
            crate::feed::keep_until(&revocation, now, self.retention.duration).max(at_least.unwrap_or(now));
        if let Some(stored) = stored {
            if crate::feed::says_nothing_twice(&revocation) {
                return stored;
            }
            keep_until = keep_until.max(stored.keep_until);
            self.events.remove(&stored.rv);
        }
        self.head = self.head.next();
        let event = Event { rv: self.head, revocation, keep_until };
        self.events.insert(event.rv, event.clone());
        event
    }

    fn end(&mut self, id: SessionId, reason: EndReason, now: Timestamp) -> Event {
        let event = self.append(Revocation::SessionRevoked(id), None, now);
        if let Some(session) = self.sessions.get_mut(&id) {
            session.revoked = Some(Revoked { rv: event.rv, at: Some(now), reason });
        }
        event
    }

    fn live(&self, user: UserId, now: Timestamp) -> Vec<Session> {
        let Some(user) = self.users.get(&user) else { return Vec::new() };
        let of_user = self.sessions.values().filter(|session| session.user == user.id);
        of_user.filter(|session| session.may_live(user, self.as_of(), now)).cloned().collect()
    }
}
