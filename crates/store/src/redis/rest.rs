//! What is SQL's alone, and the password change, which is not.

use std::time::Duration;

use async_trait::async_trait;
use cloakroom_auth::email::EmailKey;
use cloakroom_auth::feed::{AsOf, Sync};
use cloakroom_auth::password::PhcString;
use cloakroom_auth::privilege::PasswordChange;
use cloakroom_auth::service_key::ServiceKey;
use cloakroom_auth::store::{Added, Changed, Feed, PasswordChanged, ServiceKeys, Stored, Users};
use cloakroom_auth::user::{NewUser, Status, User};
use cloakroom_verify::{Event, Revocation, Roles, Rv, ServiceKeyId, Timestamp, UserId};

use super::WithRedis;

#[async_trait]
impl Users for WithRedis {
    async fn add(&self, user: NewUser) -> Stored<Added> {
        self.0.sql.add(user).await
    }

    async fn by_email(&self, email: &EmailKey) -> Stored<Option<(User, AsOf)>> {
        self.0.sql.by_email(email).await
    }

    async fn by_id(&self, id: UserId) -> Stored<Option<(User, AsOf)>> {
        self.0.sql.by_id(id).await
    }

    async fn raise_hash(&self, id: UserId, old: &PhcString, new: PhcString) -> Stored<bool> {
        self.0.sql.raise_hash(id, old, new).await
    }

    async fn list_users(&self, query: &str, after: Option<UserId>, limit: u32) -> Stored<Vec<User>> {
        self.0.sql.list_users(query, after, limit).await
    }

    async fn set_status(&self, id: UserId, status: Status, now: Timestamp) -> Stored<Option<Changed>> {
        self.0.sql.set_status(id, status, now).await
    }

    async fn change_password(&self, change: &PasswordChange) -> Stored<PasswordChanged> {
        let Some(holder) = change.keep.clone() else { return self.0.sql.change_password(change).await };
        let (this, change) = (self.clone(), change.clone());
        self.alone(holder.session, async move { this.change_password_alone(&change, &holder).await }).await
    }

    async fn set_roles(&self, id: UserId, roles: Roles, now: Timestamp) -> Stored<Option<Changed>> {
        self.0.sql.set_roles(id, roles, now).await
    }

    async fn settle(&self) {
        self.0.sql.settle().await;
    }
}

#[async_trait]
impl Feed for WithRedis {
    async fn append(
        &self,
        revocation: Revocation,
        keep_at_least: Option<Timestamp>,
        now: Timestamp,
    ) -> Stored<Event> {
        self.0.sql.append(revocation, keep_at_least, now).await
    }

    async fn read_since(&self, since: Option<Rv>) -> Stored<Sync> {
        self.0.sql.read_since(since).await
    }

    async fn told(&self, revocations: &[Revocation]) -> Stored<Vec<Event>> {
        self.0.sql.told(revocations).await
    }

    async fn retain(&self, duration: Duration, now: Timestamp) -> Stored<()> {
        self.0.sql.retain(duration, now).await
    }

    async fn claim_cleanup(&self, now: Timestamp, until: Timestamp) -> Stored<bool> {
        self.0.sql.claim_cleanup(now, until).await
    }

    async fn purge_events(&self, now: Timestamp, limit: u32) -> Stored<u64> {
        self.0.sql.purge_events(now, limit).await
    }

    async fn purge_marks(&self, now: Timestamp, limit: u32) -> Stored<u64> {
        self.0.sql.purge_marks(now, limit).await
    }

    fn takes_writes(&self) -> bool {
        self.0.sql.takes_writes()
    }

    async fn announce(&self, node: &[u8; 16], bound: Duration, up: Duration) -> Stored<Option<Timestamp>> {
        self.0.sql.announce(node, bound, up).await
    }

    async fn leave(&self, node: &[u8; 16]) -> Stored<()> {
        self.0.sql.leave(node).await
    }

    async fn others(&self, node: &[u8; 16], up: Duration) -> Stored<Option<Duration>> {
        self.0.sql.others(node, up).await
    }

    async fn rung(&self) {
        self.0.sql.rung().await;
    }

    fn fence(&self) -> bool {
        self.0.sql.fence()
    }

    fn is_fenced(&self) -> bool {
        self.0.sql.is_fenced()
    }
}

#[async_trait]
impl ServiceKeys for WithRedis {
    async fn add_service_key(&self, key: ServiceKey) -> Stored<bool> {
        self.0.sql.add_service_key(key).await
    }

    async fn service_key(&self, id: ServiceKeyId) -> Stored<Option<ServiceKey>> {
        self.0.sql.service_key(id).await
    }

    async fn list_service_keys(&self) -> Stored<Vec<ServiceKey>> {
        self.0.sql.list_service_keys().await
    }

    async fn revoke_service_key(&self, name: &str, now: Timestamp) -> Stored<Option<Event>> {
        self.0.sql.revoke_service_key(name, now).await
    }
}
