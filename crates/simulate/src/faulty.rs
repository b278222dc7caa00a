//! The real store behind a gate: each step waits for the schedule, fails where the schedule says so, and tells what
//! the database really did.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cloakroom_auth::email::EmailKey;
use cloakroom_auth::exchange::ExchangeAsk;
use cloakroom_auth::feed::{AsOf, Sync};
use cloakroom_auth::password::PhcString;
use cloakroom_auth::privilege::{PasswordChange, StepUp};
use cloakroom_auth::refresh::Ask;
use cloakroom_auth::service_key::ServiceKey;
use cloakroom_auth::session::{EndReason, NewSession, Session};
use cloakroom_auth::store::{
    Added, Changed, Ended, EndedAll, Exchanged, Feed, Found, PasswordChanged, Rotation, ServiceKeys,
    Sessions, Started, SteppedUp, Store, StoreError, Stored, Users,
};
use cloakroom_auth::user::{NewUser, Status, User};
use cloakroom_verify::{Event, Revocation, Roles, Rv, ServiceKeyId, SessionId, Timestamp, UserId};

use crate::fact::{self, Fact};
use crate::gate::{Gate, Side, Step, Verdict};
use crate::tamper::Tamper;

/// See the module.
pub(crate) struct Faulty {
    inner: Arc<dyn Store>,
    gate: Gate,
    /// The head when the schedule began. Its servers follow the feed from here, not through the events of the
    /// schedules before it: those name other sessions and users.
    began: Rv,
    tamper: Tamper,
}

impl Faulty {
    pub(crate) fn new(inner: Arc<dyn Store>, gate: Gate, began: Rv, tamper: Tamper) -> Self {
        Self { inner, gate, began, tamper }
    }

    async fn step<T>(
        &self,
        step: Step,
        call: impl Future<Output = Stored<T>>,
        tell: impl FnOnce(&T) -> Fact,
    ) -> Stored<T> {
        let verdict = self.gate.pass(Side::Before(step)).await;
        let injected = || StoreError::new("a fault of the schedule");
        if verdict == Verdict::FailBefore {
            return Err(injected());
        }
        let done = call.await;
        self.gate.tell(done.as_ref().map_or(Fact::FailedByItself, tell));
        match verdict {
            Verdict::FailAfter => Err(injected()),
            Verdict::Hold => match self.gate.pass(Side::After(step)).await {
                Verdict::FailAfter | Verdict::FailBefore => Err(injected()),
                Verdict::Go | Verdict::Hold => done,
            },
            Verdict::Go | Verdict::FailBefore => done,
        }
    }

    async fn read<T>(&self, call: impl Future<Output = Stored<T>>) -> Stored<T> {
        self.step(Step::Read, call, |_| Fact::Nothing).await
    }

    async fn write<T>(
        &self,
        call: impl Future<Output = Stored<T>>,
        tell: impl FnOnce(&T) -> Fact,
    ) -> Stored<T> {
        self.step(Step::Write, call, tell).await
    }
}

#[async_trait]
impl Users for Faulty {
    async fn add(&self, user: NewUser) -> Stored<Added> {
        self.write(self.inner.add(user), |_| Fact::Nothing).await
    }

    async fn by_email(&self, email: &EmailKey) -> Stored<Option<(User, AsOf)>> {
        self.read(self.inner.by_email(email)).await
    }

    async fn by_id(&self, id: UserId) -> Stored<Option<(User, AsOf)>> {
        self.read(self.inner.by_id(id)).await
    }

    async fn raise_hash(&self, id: UserId, old: &PhcString, new: PhcString) -> Stored<bool> {
        self.write(self.inner.raise_hash(id, old, new), |_| Fact::Nothing).await
    }

    async fn list_users(&self, query: &str, after: Option<UserId>, limit: u32) -> Stored<Vec<User>> {
        self.read(self.inner.list_users(query, after, limit)).await
    }

    async fn set_status(&self, id: UserId, status: Status, now: Timestamp) -> Stored<Option<Changed>> {
        self.write(self.inner.set_status(id, status, now), |changed| {
            fact::of_change(Fact::Disabled, changed.as_ref())
        })
        .await
    }

    async fn change_password(&self, change: &PasswordChange) -> Stored<PasswordChanged> {
        self.write(self.inner.change_password(change), |_| Fact::Nothing).await
    }

    async fn set_roles(&self, id: UserId, roles: Roles, now: Timestamp) -> Stored<Option<Changed>> {
        self.write(self.inner.set_roles(id, roles, now), |changed| {
            fact::of_change(Fact::RolesChanged, changed.as_ref())
        })
        .await
    }
}

#[async_trait]
impl Sessions for Faulty {
    async fn start(&self, new: NewSession) -> Stored<Started> {
        self.write(self.inner.start(new), |_| Fact::Nothing).await
    }

    async fn find(&self, id: SessionId) -> Stored<Option<Found>> {
        self.read(self.inner.find(id)).await
    }

    async fn find_many(&self, ids: &[SessionId]) -> Stored<Vec<Found>> {
        self.read(self.inner.find_many(ids)).await
    }

    async fn touch(&self, uses: &[(SessionId, Timestamp)]) -> Stored<()> {
        self.write(self.inner.touch(uses), |()| Fact::Nothing).await
    }

    async fn rotate(&self, ask: &Ask) -> Stored<Rotation> {
        let (session, ask) = (ask.session, self.tamper.ask(ask));
        let rotated = self.write(self.inner.rotate(&ask), |rotation| fact::of_rotation(session, rotation));
        self.tamper.rotation(rotated.await)
    }

    async fn exchange(&self, ask: &ExchangeAsk) -> Stored<Exchanged> {
        let session = ask.session;
        self.write(self.inner.exchange(ask), |exchanged| fact::of_exchange(session, exchanged)).await
    }

    async fn step_up(&self, step: &StepUp) -> Stored<SteppedUp> {
        self.write(self.inner.step_up(step), |_| Fact::Nothing).await
    }

    async fn list_ended(&self, user: UserId, now: Timestamp, limit: u32) -> Stored<Vec<Found>> {
        self.read(self.inner.list_ended(user, now, limit)).await
    }

    async fn list_sessions(&self, user: UserId, now: Timestamp) -> Stored<Vec<Session>> {
        self.read(self.inner.list_sessions(user, now)).await
    }

    async fn known_address(&self, email: &EmailKey, address: &str) -> Stored<bool> {
        self.read(self.inner.known_address(email, address)).await
    }

    async fn end(
        &self,
        id: SessionId,
        owner: Option<UserId>,
        reason: EndReason,
        now: Timestamp,
    ) -> Stored<Ended> {
        self.write(self.inner.end(id, owner, reason, now), |ended| fact::of_end(id, ended)).await
    }

    async fn end_all(
        &self,
        user: UserId,
        keep: Option<SessionId>,
        reason: EndReason,
        now: Timestamp,
    ) -> Stored<Option<EndedAll>> {
        self.write(self.inner.end_all(user, keep, reason, now), |ended| {
            fact::of_end_all(keep, ended.as_ref())
        })
        .await
    }

    async fn purge_sessions(&self, now: Timestamp, limit: u32) -> Stored<u64> {
        self.write(self.inner.purge_sessions(now, limit), |_| Fact::Nothing).await
    }
}

#[async_trait]
impl Feed for Faulty {
    async fn append(
        &self,
        revocation: Revocation,
        keep_at_least: Option<Timestamp>,
        now: Timestamp,
    ) -> Stored<Event> {
        self.write(self.inner.append(revocation, keep_at_least, now), |_| Fact::Nothing).await
    }

    async fn read_since(&self, since: Option<Rv>) -> Stored<Sync> {
        let since = since.unwrap_or(self.began);
        let read = self.step(Step::Read, self.inner.read_since(Some(since)), |_| Fact::FeedRead);
        read.await.map(|sync| self.tamper.sync(sync))
    }

    async fn told(&self, revocations: &[Revocation]) -> Stored<Vec<Event>> {
        self.read(self.inner.told(revocations)).await
    }

    async fn retain(&self, duration: Duration, now: Timestamp) -> Stored<()> {
        self.write(self.inner.retain(duration, now), |()| Fact::Nothing).await
    }

    async fn claim_cleanup(&self, now: Timestamp, until: Timestamp) -> Stored<bool> {
        self.write(self.inner.claim_cleanup(now, until), |_| Fact::Nothing).await
    }

    async fn purge_events(&self, now: Timestamp, limit: u32) -> Stored<u64> {
        self.write(self.inner.purge_events(now, limit), |_| Fact::Nothing).await
    }

    // No part of a schedule: neither changes what a credential is worth.
    async fn announce(&self, node: &[u8; 16], bound: Duration, up: Duration) -> Stored<Option<Timestamp>> {
        self.inner.announce(node, bound, up).await
    }

    async fn others(&self, node: &[u8; 16], up: Duration) -> Stored<Option<Duration>> {
        self.inner.others(node, up).await
    }
}

#[async_trait]
impl ServiceKeys for Faulty {
    async fn add_service_key(&self, key: ServiceKey) -> Stored<bool> {
        self.write(self.inner.add_service_key(key), |_| Fact::Nothing).await
    }

    async fn service_key(&self, id: ServiceKeyId) -> Stored<Option<ServiceKey>> {
        self.read(self.inner.service_key(id)).await
    }

    async fn list_service_keys(&self) -> Stored<Vec<ServiceKey>> {
        self.read(self.inner.list_service_keys()).await
    }

    async fn revoke_service_key(&self, name: &str, now: Timestamp) -> Stored<Option<Event>> {
        self.write(self.inner.revoke_service_key(name, now), |_| Fact::Nothing).await
    }
}
