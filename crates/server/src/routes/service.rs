//! `POST /v1/introspect` (RFC 7662), `POST /v1/revoke` (RFC 7009): for services with a key of their own.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use cloakroom_auth::service_key::Scope;
use cloakroom_auth::verbs::introspect::{Introspection, TokenKind};
use cloakroom_verify::clock::Clock;
use cloakroom_verify::feed::wire::passport::PassportView;
use http::HeaderMap;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::client_address::ClientAddress;
use crate::json::Form;
use crate::problem::Problem;
use crate::service_caller;

/// A token, as both RFCs have it sent. Other fields are ignored.
#[derive(Deserialize, ToSchema)]
pub struct TokenForm {
    /// An access token, a session token or a refresh token.
    #[schema(value_type = String)]
    token: SecretString,
}

/// What is known of a token. For one that is not good: `{"active": false}` and nothing else.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum IntrospectionView {
    /// It is good.
    Active(Box<ActiveView>),
    /// It is not, for whatever reason.
    Inactive {
        /// Always false.
        active: bool,
    },
}

/// A good token.
#[derive(Serialize, ToSchema)]
pub struct ActiveView {
    active: bool,
    iss: String,
    sub: String,
    aud: Vec<String>,
    client_id: String,
    username: String,
    /// `Bearer`, or `refresh_token` for one that only `/v1/refresh` takes.
    token_type: &'static str,
    exp: i64,
    auth_time: i64,
    roles: Vec<String>,
    strategy: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    /// Of a session token, for a key that also has the scope `feed`: what it takes to remember the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    passport: Option<PassportView>,
}

/// Tells whether a token is good, by the store and not by what this server remembers.
#[utoipa::path(post, path = "/v1/introspect", tag = "service",
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    security(("bearer" = [])), responses(
    (status = 200, body = IntrospectionView),
    (status = 401, description = "`unauthenticated`, `invalid_token`: the service key"),
    (status = 403, description = "`forbidden`: the service key lacks the scope `introspect`"),
    (status = 429, description = "`too_many_requests`: unknown service keys from this address"),
    (status = 503, description = "`unavailable`"),
))]
pub async fn introspect(
    State(app): State<App>,
    client: ClientAddress,
    headers: HeaderMap,
    Form(form): Form<TokenForm>,
) -> Result<Json<IntrospectionView>, Problem> {
    let service = service_caller::by_store(&app, &headers, client, Scope::Introspect).await?;
    let found = app.auth.introspect(form.token.expose_secret(), app.clock.wall()).await?;
    Ok(Json(match found {
        Some(found) => {
            // Only who follows the feed may remember a session.
            let passport = service.allows(Scope::Feed).then(|| passport(&app, &found)).flatten();
            IntrospectionView::Active(Box::new(ActiveView { passport, ..ActiveView::of(&app, &found) }))
        }
        None => IntrospectionView::Inactive { active: false },
    }))
}

/// Ends the login of a token. 200 also for one that is unknown or was ended before.
#[utoipa::path(post, path = "/v1/revoke", tag = "service",
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    security(("bearer" = [])), responses(
    (status = 200, description = "It is refused from now on"),
    (status = 401, description = "`unauthenticated`, `invalid_token`: the service key"),
    (status = 403, description = "`forbidden`: the service key lacks the scope `revoke`"),
    (status = 429, description = "`too_many_requests`: unknown service keys from this address"),
    (status = 503, description = "`unavailable`: it may live on"),
))]
pub async fn revoke(
    State(app): State<App>,
    client: ClientAddress,
    headers: HeaderMap,
    Form(form): Form<TokenForm>,
) -> Result<(), Problem> {
    let service = service_caller::by_store(&app, &headers, client, Scope::Revoke).await?;
    Ok(app.auth.revoke_for(&service, form.token.expose_secret(), app.clock.wall()).await?)
}

impl ActiveView {
    fn of(app: &App, found: &Introspection) -> Self {
        let token = &app.auth.settings.token;
        Self {
            active: true,
            iss: token.issuer.clone(),
            sub: found.user.id.to_string(),
            aud: token.audience.clone(),
            client_id: token.client_id.clone(),
            username: found.user.email.as_str().to_owned(),
            token_type: match found.kind {
                TokenKind::Access | TokenKind::Session => "Bearer",
                TokenKind::Refresh => "refresh_token",
            },
            exp: found.expires_at.as_seconds(),
            auth_time: found.auth_time.as_seconds(),
            roles: found.user.roles.iter().map(String::from).collect(),
            strategy: found.strategy.to_string(),
            sid: found.session.map(|id| id.to_string()),
            jti: found.token.map(|id| id.to_string()),
            passport: None,
        }
    }
}

fn passport(app: &App, found: &Introspection) -> Option<PassportView> {
    let (session, as_of) = found.row.as_ref()?;
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    Some(PassportView {
        rv: session.rv,
        as_of: as_of.head(),
        generation: session.generation,
        email: found.user.email.clone(),
        name: found.user.name.clone(),
        last_used_at: session.last_used_at,
        idle_timeout: millis(session.idle_timeout),
        expires_at: session.expires_at,
        // Events are kept at least this long: it must not outlive what could kill it.
        remember: millis(app.auth.settings.token.lifetime),
    })
}
