use std::sync::Arc;

use axum::extract::FromRequestParts;
use cloakroom_auth::service_key::{Scope, ServiceKey};
use cloakroom_verify::Principal;
use http::request::Parts;

use crate::app::App;
use crate::client_address::ClientAddress;
use crate::problem::{Code, Problem};
use crate::service_caller;

/// Somebody who may do everything.
#[derive(Debug)]
pub enum Admin {
    /// A user with the role.
    User(Principal),
    /// A program with the scope.
    Service(Arc<ServiceKey>),
}

impl Admin {
    /// As the audit names it.
    pub fn name(&self) -> String {
        match self {
            Self::User(principal) => format!("user {}", principal.user),
            Self::Service(key) => format!("service key {}", key.id),
        }
    }
}

impl FromRequestParts<App> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        if service_caller::is_shown(&parts.headers) {
            let Ok(client) = ClientAddress::from_request_parts(parts, app).await;
            let key = service_caller::by_store(app, &parts.headers, client, Scope::Admin).await;
            return key.map(Self::Service);
        }
        let principal = Principal::from_request_parts(parts, app).await.map_err(Problem::from)?;
        if principal.roles.contains("admin") {
            Ok(Self::User(principal))
        } else {
            Err(Problem::new(Code::Forbidden))
        }
    }
}
