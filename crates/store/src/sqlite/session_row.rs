//! The row of a session as it is written.

use cloakroom_auth::session::Session;
use rusqlite::{Connection, Result, named_params};

use crate::words;

pub(super) fn insert(connection: &Connection, row: &Session) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO sessions (id, user_id, strategy, transport, remember, secret, generation, floor, spent, \
             keyed, strikes, jkt, rv, written_epoch, device, ip, user_agent, auth_time, created_at, last_used_at, \
             idle_timeout, expires_at) VALUES (:id, :user, :strategy, :transport, :remember, :secret, :generation, \
             :floor, :spent, :keyed, :strikes, :jkt, :rv, :written_epoch, :device, :ip, :user_agent, :auth_time, \
             :created_at, :last_used_at, :idle_timeout, :expires_at)",
        )?
        .execute(named_params! {
            ":id": row.id.as_bytes(),
            ":user": row.user.as_bytes(),
            ":strategy": words::strategy_word(row.strategy),
            ":transport": row.transport.as_str(),
            ":remember": row.remember,
            ":secret": row.secret.0,
            ":generation": row.generation,
            ":floor": row.floor,
            ":spent": row.spent.to_blob(),
            ":keyed": row.keyed,
            ":strikes": row.strikes,
            ":jkt": row.jkt.as_deref(),
            ":rv": row.rv.as_i64(),
            ":written_epoch": row.written_epoch,
            ":device": row.device,
            ":ip": row.ip,
            ":user_agent": row.user_agent,
            ":auth_time": row.auth_time.as_millis(),
            ":created_at": row.created_at.as_millis(),
            ":last_used_at": row.last_used_at.as_millis(),
            ":idle_timeout": words::millis(row.idle_timeout),
            ":expires_at": row.expires_at.as_millis(),
        })
        .map(drop)
}

/// Writes what the rules may change of a row.
pub(super) fn update(connection: &Connection, row: &Session) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE sessions SET strategy = :strategy, transport = :transport, generation = :generation, \
             floor = :floor, spent = :spent, keyed = :keyed, strikes = :strikes, rv = :rv, \
             written_epoch = :written_epoch, auth_time = :auth_time, last_used_at = :last_used_at, idle_timeout = :idle_timeout, \
             expires_at = :expires_at WHERE id = :id",
        )?
        .execute(named_params! {
            ":id": row.id.as_bytes(),
            ":strategy": words::strategy_word(row.strategy),
            ":transport": row.transport.as_str(),
            ":generation": row.generation,
            ":floor": row.floor,
            ":spent": row.spent.to_blob(),
            ":keyed": row.keyed,
            ":strikes": row.strikes,
            ":rv": row.rv.as_i64(),
            ":written_epoch": row.written_epoch,
            ":auth_time": row.auth_time.as_millis(),
            ":last_used_at": row.last_used_at.as_millis(),
            ":idle_timeout": words::millis(row.idle_timeout),
            ":expires_at": row.expires_at.as_millis(),
        })
        .map(drop)
}
