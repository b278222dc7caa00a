//! A store in memory, for tests and for trying things out. One lock makes every method one atomic step.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use cloakroom_verify::{Event, Revocation, Roles, Rv, ServiceKeyId, SessionId, Timestamp, UserId};

use crate::email::EmailKey;
use crate::exchange::{self, ExchangeAsk, ExchangeDecision};
use crate::feed::{self, AsOf, Retention, Sync};
use crate::password::PhcString;
use crate::privilege::{self, PasswordChange, StepUp};
use crate::refresh::{self, Ask, Decision};
use crate::service_key::ServiceKey;
use crate::session::{EndReason, NewSession, Revoked, Session};
use crate::store::{
    Added, Changed, Ended, EndedAll, Exchanged, Feed, Found, LONGEST_CLAIM, PasswordChanged, Rotation,
    ServiceKeys, Sessions, Started, SteppedUp, StoreError, Stored, Users,
};
use crate::user::{LoginsEnded, NewUser, Status, User};

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
            feed::keep_until(&revocation, now, self.retention.duration).max(at_least.unwrap_or(now));
        if let Some(stored) = stored {
            if feed::says_nothing_twice(&revocation) {
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

    /// Live as far as a store can tell: uses that it does not know of may keep an idle one alive.
    fn live(&self, user: UserId, now: Timestamp) -> Vec<Session> {
        let Some(min_rv) = self.users.get(&user).map(|user| user.min_rv.max(self.floor)) else {
            return Vec::new();
        };
        let live = |session: &&Session| {
            session.user == user
                && session.revoked.is_none()
                && session.rv >= min_rv
                && now < session.expires_at
        };
        self.sessions.values().filter(live).cloned().collect()
    }
}

fn end_logins(user: &mut User, event: &Event, reason: EndReason, at: Timestamp) {
    user.min_rv = event.rv;
    user.logins_ended = Some(LoginsEnded { at, reason });
}

#[async_trait]
impl Users for Memory {
    async fn add(&self, new: NewUser) -> Stored<Added> {
        let mut state = self.lock();
        if state.users.values().any(|user| user.email_key == new.email.key) {
            return Ok(Added::EmailTaken);
        }
        if state.users.contains_key(&new.id) {
            return Err(StoreError::new("there is an account with this id"));
        }
        let user = User::from(new);
        state.users.insert(user.id, user.clone());
        Ok(Added::User(user))
    }

    async fn by_email(&self, email: &EmailKey) -> Stored<Option<(User, AsOf)>> {
        let state = self.lock();
        let user = state.users.values().find(|user| user.email_key == *email);
        Ok(user.map(|user| (user.clone(), state.as_of())))
    }

    async fn by_id(&self, id: UserId) -> Stored<Option<(User, AsOf)>> {
        let state = self.lock();
        Ok(state.users.get(&id).map(|user| (user.clone(), state.as_of())))
    }

    async fn raise_hash(&self, id: UserId, old: &PhcString, new: PhcString) -> Stored<bool> {
        let mut state = self.lock();
        let user = state.users.get_mut(&id).filter(|user| user.password_hash == *old);
        Ok(user.map(|user| user.password_hash = new).is_some())
    }

    async fn list_users(&self, query: &str, after: Option<UserId>, limit: u32) -> Stored<Vec<User>> {
        let state = self.lock();
        let wanted = |user: &&User| {
            after.is_none_or(|after| user.id > after) && user.email_key.as_str().contains(query)
        };
        Ok(state.users.values().filter(wanted).take(limit as usize).cloned().collect())
    }

    async fn set_status(&self, id: UserId, status: Status, now: Timestamp) -> Stored<Option<Changed>> {
        let mut state = self.lock();
        let Some(user) = state.users.get(&id) else { return Ok(None) };
        let changes = user.status != status;
        let event = (changes && status == Status::Disabled)
            .then(|| state.append(Revocation::UserBefore(id), None, now));
        let Some(user) = state.users.get_mut(&id) else { return Ok(None) };
        user.status = status;
        if let Some(event) = &event {
            end_logins(user, event, EndReason::UserDisabled, now);
        }
        Ok(Some(Changed { user: user.clone(), event }))
    }

    async fn change_password(&self, change: &PasswordChange) -> Stored<PasswordChanged> {
        let mut state = self.lock();
        let Some(user) = state.users.get(&change.user).cloned() else { return Ok(PasswordChanged::Unknown) };
        if user.password_hash != change.proved {
            return Ok(PasswordChanged::Overtaken);
        }
        if let Err(refusal) = privilege::judge_caller(&user, state.as_of(), change) {
            return Ok(PasswordChanged::Refused(refusal));
        }
        let mut kept = None;
        if let Some(holder) = &change.keep {
            let found = state.found(holder.session).filter(|found| found.user.id == user.id);
            let Some(found) = found else { return Ok(PasswordChanged::Unknown) };
            if let Err(refusal) = privilege::judge(&found.session, &user, found.as_of, holder, change.now) {
                return Ok(PasswordChanged::Refused(refusal));
            }
            kept = Some(found.session);
        }
        let event = state.append(Revocation::UserBefore(user.id), None, change.now);
        let as_of = state.as_of();
        if let Some(row) = &mut kept {
            row.renew(as_of, change.now);
            row.rv = event.rv;
            state.sessions.insert(row.id, row.clone());
        }
        let Some(user) = state.users.get_mut(&change.user) else { return Ok(PasswordChanged::Unknown) };
        user.password_hash = change.new.clone();
        end_logins(user, &event, EndReason::PasswordChanged, change.now);
        Ok(PasswordChanged::Done { user: user.clone(), as_of, kept, event })
    }

    async fn set_roles(&self, id: UserId, roles: Roles, now: Timestamp) -> Stored<Option<Changed>> {
        let mut state = self.lock();
        let Some(user) = state.users.get(&id) else { return Ok(None) };
        let event = (user.roles != roles).then(|| state.append(Revocation::ClaimsBefore(id), None, now));
        let Some(user) = state.users.get_mut(&id) else { return Ok(None) };
        user.roles = roles;
        Ok(Some(Changed { user: user.clone(), event }))
    }
}

#[async_trait]
impl Sessions for Memory {
    async fn start(&self, new: NewSession) -> Stored<Started> {
        let mut state = self.lock();
        let NewSession { row, max_per_user } = new;
        let welcome = state
            .users
            .get(&row.user)
            .is_some_and(|user| user.status == Status::Active && row.rv >= user.min_rv.max(state.floor));
        if !welcome {
            return Ok(Started::DeadAtBirth);
        }
        let now = row.created_at;
        let mut others = state.live(row.user, now);
        others.sort_by_key(|session| (session.last_used_at, session.id));
        let too_many = (others.len() + 1).saturating_sub(max_per_user as usize);
        let evicted = others
            .iter()
            .take(too_many)
            .map(|session| state.end(session.id, EndReason::TooMany, now))
            .collect();
        state.sessions.insert(row.id, row);
        Ok(Started::Row { evicted })
    }

    async fn find(&self, id: SessionId) -> Stored<Option<Found>> {
        Ok(self.lock().found(id))
    }

    async fn find_many(&self, ids: &[SessionId]) -> Stored<Vec<Found>> {
        let state = self.lock();
        Ok(ids.iter().filter_map(|id| state.found(*id)).collect())
    }

    async fn touch(&self, uses: &[(SessionId, Timestamp)]) -> Stored<()> {
        let mut state = self.lock();
        for (id, at) in uses {
            let live = |session: &&mut Session| session.revoked.is_none() && *at < session.idle_expires_at();
            if let Some(session) = state.sessions.get_mut(id).filter(live) {
                session.last_used_at = session.last_used_at.max(*at);
            }
        }
        Ok(())
    }

    async fn rotate(&self, ask: &Ask) -> Stored<Rotation> {
        let mut state = self.lock();
        let Some(mut found) = state.found(ask.session) else { return Ok(Rotation::Unknown) };
        Ok(match refresh::decide(&found.session, &found.user, found.as_of, ask) {
            Decision::Rotate { adopt } => {
                found.session.rotate(adopt, found.as_of, ask);
                state.sessions.insert(ask.session, found.session.clone());
                Rotation::Rotated(found)
            }
            Decision::Same { reason } => {
                found.session.answer_again(reason);
                state.sessions.insert(ask.session, found.session.clone());
                Rotation::Same(found, reason)
            }
            Decision::Refuse(refusal) => Rotation::Refused(refusal),
            Decision::Revoke => {
                Rotation::Revoked(state.end(ask.session, EndReason::RefreshTokenReused, ask.now))
            }
        })
    }

    async fn exchange(&self, ask: &ExchangeAsk) -> Stored<Exchanged> {
        let mut state = self.lock();
        let Some(mut found) = state.found(ask.session) else { return Ok(Exchanged::Unknown) };
        Ok(match exchange::decide(&found.session, &found.user, found.as_of, ask) {
            ExchangeDecision::Exchange => {
                found.session.exchange(found.as_of, ask);
                let event = state.append(Revocation::SessionChanged(ask.session), None, ask.now);
                state.sessions.insert(ask.session, found.session.clone());
                Exchanged::Done(found, event)
            }
            ExchangeDecision::Same => Exchanged::Same(found),
            ExchangeDecision::NothingToExchange => Exchanged::NothingToExchange,
            ExchangeDecision::Refuse(refusal) => Exchanged::Refused(refusal),
        })
    }

    async fn step_up(&self, step: &StepUp) -> Stored<SteppedUp> {
        let mut state = self.lock();
        let found = state.found(step.holder.session).filter(|found| found.user.id == step.user);
        let Some(mut found) = found else { return Ok(SteppedUp::Unknown) };
        if found.user.password_hash != step.proved {
            return Ok(SteppedUp::Overtaken);
        }
        if let Err(refusal) =
            privilege::judge(&found.session, &found.user, found.as_of, &step.holder, step.now)
        {
            return Ok(SteppedUp::Refused(refusal));
        }
        found.session.renew(found.as_of, step.now);
        let event = state.append(Revocation::SessionChanged(found.session.id), None, step.now);
        state.sessions.insert(found.session.id, found.session.clone());
        Ok(SteppedUp::Done(found, event))
    }

    async fn list_ended(&self, user: UserId, now: Timestamp, limit: u32) -> Stored<Vec<Found>> {
        let state = self.lock();
        let live = state.live(user, now);
        let of_user = state.sessions.values().filter(|session| session.user == user);
        let mut ended: Vec<_> =
            of_user.filter(|session| live.iter().all(|one| one.id != session.id)).collect();
        ended.sort_by_key(|session| std::cmp::Reverse((session.last_used_at, session.id)));
        Ok(ended.iter().take(limit as usize).filter_map(|session| state.found(session.id)).collect())
    }

    async fn list_sessions(&self, user: UserId, now: Timestamp) -> Stored<Vec<Session>> {
        let mut sessions = self.lock().live(user, now);
        sessions.sort_by_key(|session| std::cmp::Reverse((session.created_at, session.id)));
        Ok(sessions)
    }

    async fn known_address(&self, email: &EmailKey, address: &str) -> Stored<bool> {
        let state = self.lock();
        let Some(user) = state.users.values().find(|user| user.email_key == *email) else { return Ok(false) };
        let from_there =
            |session: &Session| session.user == user.id && session.ip.as_deref() == Some(address);
        Ok(state.sessions.values().any(from_there))
    }

    async fn end(
        &self,
        id: SessionId,
        owner: Option<UserId>,
        reason: EndReason,
        now: Timestamp,
    ) -> Stored<Ended> {
        let mut state = self.lock();
        let found = state.found(id).filter(|found| owner.is_none_or(|owner| owner == found.user.id));
        let Some(found) = found else { return Ok(Ended::Unknown) };
        let outdated = found.session.rv < found.user.min_rv.max(state.floor);
        if found.session.revoked.is_some() || outdated {
            return Ok(Ended::Already);
        }
        Ok(Ended::Now(state.end(id, reason, now)))
    }

    async fn end_all(
        &self,
        user: UserId,
        keep: Option<SessionId>,
        reason: EndReason,
        now: Timestamp,
    ) -> Stored<Option<EndedAll>> {
        let mut state = self.lock();
        if !state.users.contains_key(&user) {
            return Ok(None);
        }
        let live = state.live(user, now);
        if keep.is_some_and(|keep| !live.iter().any(|session| session.id == keep)) {
            return Ok(None);
        }
        let event = state.append(Revocation::UserBefore(user), None, now);
        if let Some(user) = state.users.get_mut(&user) {
            end_logins(user, &event, reason, now);
        }
        if let Some(kept) = keep.and_then(|keep| state.sessions.get_mut(&keep)) {
            kept.rv = event.rv;
        }
        let sessions = (live.len() - usize::from(keep.is_some())) as u64;
        Ok(Some(EndedAll { sessions, event }))
    }

    async fn purge_sessions(&self, now: Timestamp, limit: u32) -> Stored<u64> {
        let mut state = self.lock();
        let gone = state.sessions.values().filter(|session| session.expires_at < now);
        let gone: Vec<_> = gone.map(|session| session.id).take(limit as usize).collect();
        gone.iter().for_each(|id| drop(state.sessions.remove(id)));
        Ok(gone.len() as u64)
    }
}

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

#[async_trait]
impl ServiceKeys for Memory {
    async fn add_service_key(&self, key: ServiceKey) -> Stored<bool> {
        let keys = &mut self.lock().service_keys;
        let taken = keys.values().any(|other| other.name == key.name && other.revoked_at.is_none());
        if !taken {
            keys.insert(key.id, key);
        }
        Ok(!taken)
    }

    async fn service_key(&self, id: ServiceKeyId) -> Stored<Option<ServiceKey>> {
        Ok(self.lock().service_keys.get(&id).cloned())
    }

    async fn list_service_keys(&self) -> Stored<Vec<ServiceKey>> {
        Ok(self.lock().service_keys.values().cloned().collect())
    }

    async fn revoke_service_key(&self, name: &str, now: Timestamp) -> Stored<Option<Event>> {
        let mut state = self.lock();
        let key = state.service_keys.values_mut().find(|key| key.name == name && key.revoked_at.is_none());
        let Some(key) = key else { return Ok(None) };
        key.revoked_at = Some(now);
        let id = key.id;
        Ok(Some(state.append(Revocation::ServiceKeyRevoked(id), None, now)))
    }
}
