//! What was really committed, and when: the primary, and the copies of it that others fall back to.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cloakroom_verify::revocations::{Revocations, Verdict};
use cloakroom_verify::{Event, KeyId, Revocation, Rv, SessionId, TokenId, UserId};

use crate::common::start;

/// The database as it was at one moment.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) epoch: u32,
    pub(crate) seq: u32,
    pub(crate) events: Vec<Event>,
    /// How often the roles of a user have changed.
    pub(crate) roles: HashMap<UserId, u32>,
}

impl State {
    pub(crate) const fn head(&self) -> Rv {
        Rv::new(self.epoch, self.seq)
    }

    pub(crate) fn floor(&self) -> Rv {
        let floors = self.events.iter().filter(|event| event.revocation == Revocation::EverythingBefore);
        floors.map(|event| event.rv).max().unwrap_or(Rv::ZERO)
    }

    /// What an answer to a question from there brings.
    pub(crate) fn after(&self, asked: Option<Rv>) -> Vec<Event> {
        let same_epoch = asked.filter(|asked| asked.epoch() == self.epoch);
        self.events.iter().filter(|event| same_epoch.is_none_or(|asked| event.rv > asked)).cloned().collect()
    }
}

/// An event, and what became of it.
#[derive(Debug, Clone)]
pub(crate) struct Committed {
    /// Nanoseconds of the boot clock.
    pub(crate) at: u64,
    pub(crate) event: Event,
    /// By a failover.
    pub(crate) lost: bool,
}

/// See the module.
pub(crate) struct Database {
    versions: Vec<(u64, Arc<State>)>,
    pub(crate) history: Vec<Committed>,
}

impl Database {
    pub(crate) fn new() -> Self {
        let state = State { epoch: 5, seq: 0, events: Vec::new(), roles: HashMap::new() };
        Self { versions: vec![(0, Arc::new(state))], history: Vec::new() }
    }

    pub(crate) fn now(&self) -> Arc<State> {
        Arc::clone(&self.versions.last().unwrap().1)
    }

    /// The database as it was then.
    pub(crate) fn at(&self, at: u64) -> Arc<State> {
        let version = self.versions.iter().rev().find(|(since, _)| *since <= at);
        Arc::clone(&version.unwrap_or(&self.versions[0]).1)
    }

    /// All states between two moments.
    pub(crate) fn between(&self, from: u64, to: u64) -> impl Iterator<Item = Arc<State>> {
        let later = self.versions.iter().filter(move |(since, _)| *since > from && *since <= to);
        std::iter::once(self.at(from)).chain(later.map(|(_, state)| Arc::clone(state)))
    }

    pub(crate) fn commit(&mut self, at: u64, revocation: Revocation) -> Rv {
        let mut state = State::clone(&self.now());
        state.seq += 1;
        let event =
            Event { rv: state.head(), revocation, keep_until: start().after(Duration::from_secs(86_400)) };
        if let Revocation::ClaimsBefore(user) = event.revocation {
            *state.roles.entry(user).or_default() += 1;
        }
        state.events.push(event.clone());
        let head = state.head();
        self.versions.push((at, Arc::new(state)));
        self.history.push(Committed { at, event, lost: false });
        head
    }

    /// A failover to a copy that misses the last commits: as many as those that only end single logins.
    pub(crate) fn fail_over(&mut self, at: u64, most: usize) {
        let mut state = State::clone(&self.now());
        for _ in 0..most {
            let ends_one = |event: &Event| {
                matches!(event.revocation, Revocation::SessionRevoked(_) | Revocation::TokenRevoked(_))
            };
            if !state.events.last().is_some_and(|event| ends_one(event) && event.rv.epoch() == state.epoch) {
                break;
            }
            let lost = state.events.pop().unwrap();
            self.history.iter_mut().filter(|past| past.event == lost).for_each(|past| past.lost = true);
        }
        state.epoch += 1;
        state.seq = 0;
        self.versions.push((at, Arc::new(state)));
    }
}

const NOBODY: UserId = UserId::from_bytes([0xEE; 16]);
const NO_SESSION: SessionId = SessionId::from_bytes([0xEE; 16]);
const NO_TOKEN: TokenId = TokenId::from_bytes([0xEE; 16]);
const NEWEST: Rv = Rv::new(0x7FFF_FFFF, u32::MAX);

/// Whether a table knows an event, asked as a check would.
pub(crate) fn knows(table: &Revocations, event: &Event) -> bool {
    let older = Rv::new(event.rv.epoch(), event.rv.seq() - 1);
    let no_key: KeyId = "none".parse().unwrap();
    match &event.revocation {
        Revocation::SessionRevoked(session) => {
            table.session(session, &NOBODY, NEWEST, NEWEST) == Verdict::Killed
        }
        Revocation::TokenRevoked(token) => {
            table.access_token(token, None, &NOBODY, &no_key, NEWEST) == Verdict::Killed
        }
        Revocation::UserBefore(user) | Revocation::ClaimsBefore(user) => {
            table.access_token(&NO_TOKEN, None, user, &no_key, older) == Verdict::Killed
        }
        Revocation::SessionChanged(session) => {
            table.session(session, &NOBODY, NEWEST, older) != Verdict::Live
        }
        Revocation::EverythingBefore => table.session(&NO_SESSION, &NOBODY, older, NEWEST) == Verdict::Killed,
        Revocation::KeyRevoked(key) => table.is_key_revoked(key),
        Revocation::ServiceKeyRevoked(_) => true,
    }
}

/// A credential as the run knows it.
#[derive(Debug, Clone)]
pub(crate) struct Credential {
    pub(crate) user: UserId,
    pub(crate) session: Option<SessionId>,
    pub(crate) token: Option<TokenId>,
    pub(crate) rv: Rv,
    pub(crate) text: String,
}

impl Credential {
    /// Whether an event kills it.
    pub(crate) fn is_killed_by(&self, event: &Event) -> bool {
        let is_older = self.rv < event.rv;
        match &event.revocation {
            Revocation::SessionRevoked(session) => self.session == Some(*session),
            Revocation::TokenRevoked(token) => self.token == Some(*token),
            Revocation::UserBefore(user) => self.user == *user && is_older,
            Revocation::EverythingBefore => is_older,
            // Passports are filled again, access tokens are refused.
            Revocation::ClaimsBefore(user) => self.token.is_some() && self.user == *user && is_older,
            Revocation::SessionChanged(_) | Revocation::KeyRevoked(_) | Revocation::ServiceKeyRevoked(_) => {
                false
            }
        }
    }
}
