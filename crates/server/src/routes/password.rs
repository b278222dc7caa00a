//! `POST /v1/password`, `POST /v1/reauthenticate`: what only the password opens, for a login that lives.

use axum::extract::State;
use axum::response::Response;
use cloakroom_auth::grant::Grant;
use cloakroom_auth::password::Password;
use cloakroom_auth::verbs::password::PasswordChange;
use cloakroom_auth::verbs::reauthenticate::Reauthentication;
use cloakroom_verify::clock::Clock;
use cloakroom_verify::{Principal, Timestamp, Transport};
use http::HeaderMap;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::client_address::ClientAddress;
use crate::grant;
use crate::json::Json;
use crate::problem::{Code, Problem};
use crate::view::GrantView;

/// What a password change sends.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordBody {
    #[schema(value_type = String)]
    current_password: SecretString,
    #[schema(value_type = String)]
    new_password: SecretString,
}

/// What proving the password again sends.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReauthenticateBody {
    #[schema(value_type = String)]
    password: SecretString,
}

/// Changes the password. Every other login of the user ends; this one gets its next credential.
#[utoipa::path(post, path = "/v1/password", tag = "account", request_body = PasswordBody, responses(
    (status = 200, body = GrantView),
    (status = 401, description = "`unauthenticated`, `invalid_token`"),
    (status = 403, description = "`wrong_password`: the current one"),
    (status = 422, description = "`validation_failed`: the new one"),
    (status = 429, description = "`too_many_requests`"),
    (status = 503, description = "`unavailable`"),
))]
pub async fn change(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    _: Principal,
    headers: HeaderMap,
    Json(body): Json<PasswordBody>,
) -> Result<Response, Problem> {
    let current = parse("current_password", &body.current_password)?;
    let (presented, now) = (presented(&app, &headers)?, app.clock.wall());
    match app.auth.change_password(presented, current, &body.new_password, address, now).await? {
        PasswordChange::Granted(granted) => Ok(render(&app, &granted, now)),
        PasswordChange::InvalidToken => Err(Problem::new(Code::InvalidToken)),
        PasswordChange::WrongPassword => Err(Problem::new(Code::WrongPassword)),
        PasswordChange::Refused(why) => Err(Problem::field("new_password", why.code(), why)),
        PasswordChange::Throttled { retry_after } => {
            Err(Problem::new(Code::TooManyRequests).retry_after(retry_after))
        }
    }
}

/// Proves the password again: what 403 `reauthentication_required` asks for.
#[utoipa::path(post, path = "/v1/reauthenticate", tag = "account", request_body = ReauthenticateBody, responses(
    (status = 200, body = GrantView),
    (status = 401, description = "`unauthenticated`, `invalid_token`"),
    (status = 403, description = "`wrong_password`"),
    (status = 429, description = "`too_many_requests`"),
    (status = 503, description = "`unavailable`"),
))]
pub async fn reauthenticate(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    _: Principal,
    headers: HeaderMap,
    Json(body): Json<ReauthenticateBody>,
) -> Result<Response, Problem> {
    let password = parse("password", &body.password)?;
    let (presented, now) = (presented(&app, &headers)?, app.clock.wall());
    match app.auth.reauthenticate(presented, password, address, now).await? {
        Reauthentication::Granted(granted) => Ok(render(&app, &granted, now)),
        Reauthentication::InvalidToken => Err(Problem::new(Code::InvalidToken)),
        Reauthentication::WrongPassword => Err(Problem::new(Code::WrongPassword)),
        Reauthentication::Throttled { retry_after } => {
            Err(Problem::new(Code::TooManyRequests).retry_after(retry_after))
        }
    }
}

fn parse(field: &'static str, typed: &SecretString) -> Result<Password, Problem> {
    Password::parse(typed).map_err(|why| Problem::field(field, why.code(), why))
}

/// The credential that the request was let in by; the rules judge it once more, by the store.
fn presented<'r>(app: &App, headers: &'r HeaderMap) -> Result<&'r str, Problem> {
    let presented = app.proofs(headers)?.texts().next();
    presented.ok_or_else(|| Problem::new(Code::Unauthenticated))
}

/// By the row's transport, whichever credential was shown.
fn render(app: &App, granted: &Grant, now: Timestamp) -> Response {
    let transport = granted.session().map_or(Transport::Body, |session| session.transport);
    grant::render(app, granted, transport, now)
}
