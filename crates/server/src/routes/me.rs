//! `GET /v1/me`

use axum::extract::State;
use axum::response::Response;
use cloakroom_verify::clock::Clock;
use cloakroom_verify::{Principal, SessionId, Strategy, UserId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::json;
use crate::view::{RolesView, SessionView, StrategySchema, UserView};

/// Who the caller is.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum MeView<'a> {
    /// Told from a session.
    Session {
        /// The account.
        user: UserView<'a>,
        /// Always `session`.
        #[schema(value_type = StrategySchema)]
        strategy: Strategy,
        /// The login.
        session: SessionView<'a>,
    },
    /// Told from the claims of an access token alone.
    Claims {
        /// The account, as far as the claims tell.
        user: ClaimedUser<'a>,
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
pub struct ClaimedUser<'a> {
    #[schema(value_type = String)]
    id: UserId,
    #[schema(value_type = Vec<String>)]
    roles: RolesView<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

/// A login, as an access token tells of it.
#[derive(Serialize, ToSchema)]
pub struct ClaimedSession {
    #[schema(value_type = String)]
    id: SessionId,
}

/// Tells who the caller is. With an access token: from its claims, without any database call.
#[utoipa::path(get, path = "/v1/me", tag = "account", responses(
    (status = 200, body = MeView),
    (status = 401, description = "`unauthenticated`, `invalid_token`"),
    (status = 503, description = "`unavailable`"),
))]
pub async fn me(State(app): State<App>, principal: Principal) -> Response {
    told(&app, &principal)
}

pub(super) fn told(app: &App, principal: &Principal) -> Response {
    let strategy = principal.strategy;
    json::written(&match SessionView::current(principal, app.clock.wall()) {
        Some(session) => MeView::Session { user: UserView::of(principal), strategy, session },
        None => MeView::Claims {
            user: ClaimedUser {
                id: principal.user,
                roles: RolesView(&principal.roles),
                email: principal.email.as_deref(),
                name: principal.name.as_deref(),
            },
            strategy,
            session: principal.session.map(|id| ClaimedSession { id }),
        },
    })
}
