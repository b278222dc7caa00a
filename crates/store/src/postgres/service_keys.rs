//! The service keys.

use async_trait::async_trait;
use cloakroom_auth::service_key::ServiceKey;
use cloakroom_auth::store::{ServiceKeys, Stored};
use cloakroom_verify::{Event, Revocation, ServiceKeyId, Timestamp};
use tokio_postgres::Row;

use super::Postgres;
use super::fault::{Fault, Result};
use super::plan::Plan;
use super::step::{single, transaction};

/// The columns of [`read`], in its order.
macro_rules! columns {
    () => {
        "id, name, scopes, hash, created_at, revoked_at"
    };
}
macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT ", columns!(), " FROM service_keys ", $rest)
    };
}
pub(super) use columns;

#[async_trait]
impl ServiceKeys for Postgres {
    async fn add_service_key(&self, key: ServiceKey) -> Stored<bool> {
        const ADD: &str = "INSERT INTO service_keys (id, name, scopes, hash, created_at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (name) WHERE revoked_at IS NULL DO NOTHING";
        let scopes: Vec<_> = key.scopes.iter().map(|scope| scope.as_str()).collect();
        let scopes = scopes.join(" ");
        let (id, hash): (&[u8], &[u8]) = (key.id.as_bytes(), &key.hash);
        let created_at = key.created_at.as_millis();
        let added = single!(self.pool, connection => {
            connection.execute(ADD, &[&id, &key.name, &scopes, &hash, &created_at]).await
        })?;
        Ok(added == 1)
    }

    async fn service_key(&self, id: ServiceKeyId) -> Stored<Option<ServiceKey>> {
        let id: &[u8] = id.as_bytes();
        single!(self.pool, connection => {
            connection.row(select!("WHERE id = $1"), &[&id]).await?.as_ref().map(read).transpose()
        })
    }

    async fn list_service_keys(&self) -> Stored<Vec<ServiceKey>> {
        single!(self.pool, connection => {
            connection.rows(select!("ORDER BY id"), &[]).await?.iter().map(read).collect()
        })
    }

    async fn revoke_service_key(&self, name: &str, now: Timestamp) -> Stored<Option<Event>> {
        const REVOKE: &str =
            "UPDATE service_keys SET revoked_at = $2 WHERE name = $1 AND revoked_at IS NULL RETURNING id";
        let now_millis = now.as_millis();
        transaction!(self.pool, transaction => {
            let Some(row) = transaction.row(REVOKE, &[&name, &now_millis]).await? else { return Ok(None) };
            let mut plan = Plan::default();
            plan.tell(Revocation::ServiceKeyRevoked(id(&row)?), None, now);
            plan.commit(transaction).await?.event(0).map(Some)
        })
    }
}

fn id(row: &Row) -> Result<ServiceKeyId> {
    let id = row.try_get::<_, &[u8]>(0)?.try_into();
    id.map(ServiceKeyId::from_bytes).map_err(|_| Fault::Unreadable("service_keys.id"))
}

pub(super) fn read(row: &Row) -> Result<ServiceKey> {
    let scopes = row.try_get::<_, &str>(2)?.split(' ').map(str::parse).collect::<std::result::Result<_, _>>();
    let hash = row.try_get::<_, &[u8]>(3)?.try_into();
    Ok(ServiceKey {
        id: id(row)?,
        name: row.try_get(1)?,
        scopes: scopes.map_err(|_| Fault::Unreadable("service_keys.scopes"))?,
        hash: hash.map_err(|_| Fault::Unreadable("service_keys.hash"))?,
        created_at: Timestamp::from_millis(row.try_get(4)?),
        revoked_at: row.try_get::<_, Option<i64>>(5)?.map(Timestamp::from_millis),
    })
}
