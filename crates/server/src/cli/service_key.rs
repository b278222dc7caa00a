//! `cloakroom service-key create|list|revoke`

use clap::Subcommand;
use cloakroom_auth::service_key::{Scope, ServiceKey, is_name};
use secrecy::ExposeSecret;
use serde::Serialize;

use super::context::Context;
use super::output::{Columns, Output, line};
use super::{Done, Failure};
use crate::config::Inputs;
use crate::view::rfc3339;

/// See the module.
#[derive(Debug, Subcommand)]
pub enum ServiceKeyCommand {
    /// Make a key and print it, once, alone on stdout
    Create {
        /// What you call it: 1 to 64 characters
        name: String,
        /// What it allows: introspect, revoke, feed, admin
        #[arg(long, required = true, value_delimiter = ',')]
        scope: Vec<Scope>,
    },
    /// List the keys, never what they are
    List,
    /// Refuse a key from now on
    Revoke {
        /// What you call it
        name: String,
    },
}

#[derive(Serialize)]
struct KeyRow {
    id: String,
    name: String,
    scopes: Vec<&'static str>,
    created_at: String,
    revoked_at: Option<String>,
}

impl Columns for KeyRow {
    const NAMES: &'static [&'static str] = &["id", "name", "scopes", "created", "revoked"];

    fn cells(&self) -> Vec<String> {
        let (scopes, revoked) = (self.scopes.join(", "), self.revoked_at.clone().unwrap_or_default());
        vec![self.id.clone(), self.name.clone(), scopes, self.created_at.clone(), revoked]
    }
}

impl From<&ServiceKey> for KeyRow {
    fn from(key: &ServiceKey) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name.clone(),
            scopes: key.scopes.iter().map(|scope| scope.as_str()).collect(),
            created_at: rfc3339(key.created_at),
            revoked_at: key.revoked_at.map(rfc3339),
        }
    }
}

/// Runs one of them, beside a running server if there is one.
pub async fn service_key(inputs: &Inputs, command: ServiceKeyCommand, output: Output) -> Done {
    let Context { auth, now, .. } = Context::open(inputs).await?;
    match command {
        ServiceKeyCommand::Create { name, mut scope } => {
            if !is_name(&name) {
                return Err(Failure::refused("a name has 1 to 64 characters, without spaces around it"));
            }
            scope.sort_unstable();
            scope.dedup();
            let (key, text) = ServiceKey::make(name, scope, now);
            if !auth.store.add_service_key(key).await.map_err(Failure::unreachable)? {
                return Err(Failure::refused("there is a key of this name: revoke it first"));
            }
            line(text.expose_secret())
        }
        ServiceKeyCommand::List => {
            let keys = auth.store.list_service_keys().await.map_err(Failure::unreachable)?;
            output.list(&keys.iter().map(KeyRow::from).collect::<Vec<_>>())
        }
        ServiceKeyCommand::Revoke { name } => {
            let revoked = auth.store.revoke_service_key(&name, now).await.map_err(Failure::unreachable)?;
            revoked.map(drop).ok_or_else(|| Failure::not_found("there is no such key, or it was revoked"))
        }
    }
}
