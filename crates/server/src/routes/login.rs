//! `POST /v1/login`

use axum::extract::State;
use axum::response::Response;
use cloakroom_auth::email::Email;
use cloakroom_auth::password::Password;
use cloakroom_auth::strategy::Wish;
use cloakroom_auth::user::check_device;
use cloakroom_auth::verbs::login::Login;
use cloakroom_verify::clock::Clock;
use cloakroom_verify::{Strategy, Transport};
use http::HeaderMap;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::client_address::ClientAddress;
use crate::device;
use crate::grant;
use crate::json::Json;
use crate::problem::{Code, Problem};
use crate::view::{GrantView, StrategySchema, TransportSchema};

/// What a login sends.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginBody {
    email: String,
    #[schema(value_type = String)]
    password: SecretString,
    #[schema(value_type = Option<StrategySchema>)]
    strategy: Option<Strategy>,
    #[schema(value_type = Option<TransportSchema>)]
    transport: Option<Transport>,
    /// A label of at most 64 characters; else one is derived from the User-Agent.
    device: Option<String>,
    remember: Option<bool>,
}

/// Logs in with email and password.
#[utoipa::path(post, path = "/v1/login", tag = "login", request_body = LoginBody, responses(
    (status = 200, body = GrantView),
    (status = 401, description = "`invalid_credentials`: unknown, disabled or wrong"),
    (status = 422, description = "`validation_failed`, `strategy_not_allowed`"),
    (status = 429, description = "`too_many_requests`"),
    (status = 503, description = "`unavailable`"),
))]
pub async fn login(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    Json(body): Json<LoginBody>,
) -> Result<Response, Problem> {
    let email = Email::parse(&body.email).map_err(|why| Problem::field("email", "invalid", why))?;
    let password =
        Password::parse(&body.password).map_err(|why| Problem::field("password", "too_long", why))?;
    let strategy = body.strategy.unwrap_or(app.auth.settings.default_strategy);
    let transport = transport(strategy, body.transport)?;
    let user_agent = device::user_agent(&headers);
    let device = match body.device {
        Some(label) => {
            check_device(&label).map(|()| label).map_err(|why| Problem::field("device", "invalid", why))?
        }
        None => device::label(user_agent.as_deref()),
    };
    let remember = body.remember.unwrap_or(false);
    let wish = Wish { strategy, transport, remember, device, address, user_agent };
    let now = app.clock.wall();
    match app.auth.login(&email.key, password, wish, now).await? {
        Login::Granted(granted) => Ok(grant::render(&app, &granted, transport, now)),
        Login::InvalidCredentials => Err(Problem::new(Code::InvalidCredentials)),
        Login::Throttled { retry_after } => Err(Problem::new(Code::TooManyRequests).retry_after(retry_after)),
        Login::StrategyNotAllowed(_) => Err(Problem::new(Code::StrategyNotAllowed)),
    }
}

/// The transport of a login: a cookie for `session`, the body otherwise, unless the client says so.
pub(crate) fn transport(strategy: Strategy, wanted: Option<Transport>) -> Result<Transport, Problem> {
    match (strategy, wanted) {
        (Strategy::Jwt, Some(Transport::Cookie)) => {
            Err(Problem::field("transport", "invalid", "an access token never travels in a cookie"))
        }
        (_, Some(wanted)) => Ok(wanted),
        (Strategy::Session, None) => Ok(Transport::Cookie),
        (Strategy::Jwt | Strategy::Hybrid, None) => Ok(Transport::Body),
    }
}
