//! The service keys.

use async_trait::async_trait;
use cloakroom_auth::service_key::ServiceKey;
use cloakroom_auth::store::{ServiceKeys, Stored};
use cloakroom_verify::{Event, Revocation, ServiceKeyId, Timestamp};
use rusqlite::types::Type;
use rusqlite::{Error, OptionalExtension, Result, Row, params};

use super::{Sqlite, feed};

pub(super) const COLUMNS: &str = "id, name, scopes, hash, created_at, revoked_at";

#[async_trait]
impl ServiceKeys for Sqlite {
    async fn add_service_key(&self, key: ServiceKey) -> Stored<bool> {
        self.write(move |transaction| {
            let scopes: Vec<_> = key.scopes.iter().map(|scope| scope.as_str()).collect();
            let mut insert = transaction.prepare_cached(
                "INSERT INTO service_keys (id, name, scopes, hash, created_at) VALUES (?1, ?2, ?3, ?4, ?5) \
                 ON CONFLICT (name) WHERE revoked_at IS NULL DO NOTHING",
            )?;
            let created_at = key.created_at.as_millis();
            let added = insert.execute(params![
                key.id.as_bytes(),
                key.name,
                scopes.join(" "),
                key.hash,
                created_at
            ])?;
            Ok(added == 1)
        })
        .await
    }

    async fn service_key(&self, id: ServiceKeyId) -> Stored<Option<ServiceKey>> {
        self.read(move |connection| {
            connection
                .prepare_cached(&format!("SELECT {COLUMNS} FROM service_keys WHERE id = ?1"))?
                .query_row([id.as_bytes()], read)
                .optional()
        })
        .await
    }

    async fn list_service_keys(&self) -> Stored<Vec<ServiceKey>> {
        self.read(|connection| {
            connection
                .prepare_cached(&format!("SELECT {COLUMNS} FROM service_keys ORDER BY id"))?
                .query_map([], read)?
                .collect()
        })
        .await
    }

    async fn revoke_service_key(&self, name: &str, now: Timestamp) -> Stored<Option<Event>> {
        let name = name.to_owned();
        self.write(move |transaction| {
            let id = transaction
                .prepare_cached("SELECT id FROM service_keys WHERE name = ?1 AND revoked_at IS NULL")?
                .query_row([&name], |row| row.get(0).map(ServiceKeyId::from_bytes))
                .optional()?;
            let Some(id) = id else { return Ok(None) };
            let event = feed::append(transaction, Revocation::ServiceKeyRevoked(id), None, now)?;
            transaction
                .prepare_cached("UPDATE service_keys SET revoked_at = ?2 WHERE id = ?1")?
                .execute(params![id.as_bytes(), now.as_millis()])?;
            Ok(Some(event))
        })
        .await
    }
}

pub(super) fn read(row: &Row<'_>) -> Result<ServiceKey> {
    let scopes: String = row.get(2)?;
    let unknown = |error| Error::FromSqlConversionFailure(2, Type::Text, Box::new(error));
    Ok(ServiceKey {
        id: ServiceKeyId::from_bytes(row.get(0)?),
        name: row.get(1)?,
        scopes: scopes.split(' ').map(str::parse).collect::<std::result::Result<_, _>>().map_err(unknown)?,
        hash: row.get(3)?,
        created_at: Timestamp::from_millis(row.get(4)?),
        revoked_at: row.get::<_, Option<i64>>(5)?.map(Timestamp::from_millis),
    })
}
