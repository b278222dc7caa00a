//! The service keys.

use async_trait::async_trait;
use cloakroom_verify::{Event, ServiceKeyId, Timestamp};

use super::Stored;
use crate::service_key::ServiceKey;

/// The service keys.
#[async_trait]
pub trait ServiceKeys: Send + Sync + 'static {
    /// Adds a key, unless one that is not revoked has its name: of two at once exactly one succeeds.
    async fn add_service_key(&self, key: ServiceKey) -> Stored<bool>;

    /// The key with this id, revoked or not.
    async fn service_key(&self, id: ServiceKeyId) -> Stored<Option<ServiceKey>>;

    /// All keys in the order of their ids, revoked ones too.
    async fn list_service_keys(&self) -> Stored<Vec<ServiceKey>>;

    /// Revokes the key of this name and appends `service_key_revoked`. `None`: no key that is not revoked has it.
    async fn revoke_service_key(&self, name: &str, now: Timestamp) -> Stored<Option<Event>>;
}
