//! `GET /v1/me`

use axum::Json;
use axum::extract::State;
use cloakroom_verify::clock::Clock;
use cloakroom_verify::{Principal, Strategy};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::view::{SessionView, StrategySchema, UserView};

/// Who the caller is.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum MeView {
    /// Told from a session.
    Session {
        /// The account.
        user: UserView,
        /// Always `session`.
        #[schema(value_type = StrategySchema)]
        strategy: Strategy,
        /// The login.
        session: SessionView,
    },
    /// Told from the claims of an access token alone.
    Claims {
        /// The account, as far as the claims tell.
        user: ClaimedUser,
        /// `jwt` or `hybrid`.
        #[schema(value_type = StrategySchema)]
        strategy: Strategy,
        /// The login, for `hybrid`.
        #[serde(skip_serializing_if = "Option::is_none")]
        session: Option<ClaimedSession>,
    },
}

/// An account, as an access token tells of it.
#[derive(Serialize, ToSchema)]
pub struct ClaimedUser {
    id: String,
    roles: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

/// A login, as an access token tells of it.
#[derive(Serialize, ToSchema)]
pub struct ClaimedSession {
    id: String,
}

/// Tells who the caller is. With an access token: from its claims, without any database call.
#[utoipa::path(get, path = "/v1/me", tag = "account", responses(
    (status = 200, body = MeView),
    (status = 401, description = "`unauthenticated`, `invalid_token`"),
    (status = 503, description = "`unavailable`"),
))]
pub async fn me(State(app): State<App>, principal: Principal) -> Json<MeView> {
    let strategy = principal.strategy;
    Json(match SessionView::current(&principal, app.clock.wall()) {
        Some(session) => MeView::Session { user: UserView::of(&principal), strategy, session },
        None => MeView::Claims {
            user: ClaimedUser {
                id: principal.user.to_string(),
                roles: principal.roles.iter().map(String::from).collect(),
                email: principal.email.as_deref().map(String::from),
                name: principal.name.as_deref().map(String::from),
            },
            strategy,
            session: principal.session.map(|id| ClaimedSession { id: id.to_string() }),
        },
    })
}
