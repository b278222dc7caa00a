//! The service keys.

use async_trait::async_trait;
use cloakroom_verify::{Event, Revocation, ServiceKeyId, Timestamp};

use super::Memory;
use crate::service_key::ServiceKey;
use crate::store::{ServiceKeys, Stored};

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
