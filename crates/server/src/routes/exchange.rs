//! `POST /v1/exchange`

use axum::extract::State;
use axum::response::Response;
use cloakroom_auth::verbs::exchange::Exchange;
use cloakroom_verify::clock::Clock;
use cloakroom_verify::extract::Rejection;
use cloakroom_verify::{OpaqueKind, Principal, Strategy, Transport};
use http::HeaderMap;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::grant;
use crate::json::Json;
use crate::problem::{Code, Problem};
use crate::routes::login::transport;
use crate::routes::refresh::attempt;
use crate::view::{GrantView, StrategySchema, TransportSchema};

/// What an exchange sends.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExchangeBody {
    /// `session` or `hybrid`.
    #[schema(value_type = StrategySchema)]
    strategy: Strategy,
    #[schema(value_type = Option<TransportSchema>)]
    transport: Option<Transport>,
    #[schema(value_type = Option<String>)]
    refresh_token: Option<SecretString>,
    #[schema(value_type = Option<String>)]
    attempt: Option<SecretString>,
}

/// Carries the same login by the other kind of token, without a password. The old token is dead at once.
#[utoipa::path(post, path = "/v1/exchange", tag = "login", request_body = ExchangeBody,
    security((), ("bearer" = []), ("session_id" = []), ("session_cookie" = []), ("refresh_cookie" = [])), responses(
    (status = 200, body = GrantView),
    (status = 401, description = "`unauthenticated`; `invalid_token`, of a refresh token `invalid_grant`"),
    (status = 403, description = "`forbidden`: an access token alone"),
    (status = 422, description = "`strategy_not_allowed`"),
))]
pub async fn exchange(
    State(app): State<App>,
    headers: HeaderMap,
    caller: Result<Principal, Rejection>,
    Json(body): Json<ExchangeBody>,
) -> Result<Response, Problem> {
    let attempt = attempt(body.attempt.as_ref(), &headers)?;
    let proofs = app.proofs(&headers)?;
    let refresh_cookie = app.cookies.refresh_token(&headers)?;
    let refresh_body = body.refresh_token.as_ref().map(ExposeSecret::expose_secret);
    let (presented, dead) = presented(body.strategy, proofs.texts(), refresh_cookie, refresh_body, caller)?;
    if body.strategy == Strategy::Jwt {
        return Err(Problem::new(Code::StrategyNotAllowed));
    }
    let transport = transport(body.strategy, body.transport)?;
    app.vouch_for_reads().await?;
    let now = app.clock.wall();
    match app.auth.exchange(presented, body.strategy, transport, attempt.as_ref(), now).await? {
        Exchange::Granted(granted) => Ok(grant::exchanged(&app, &granted, transport, now)),
        Exchange::StrategyNotAllowed => Err(Problem::new(Code::StrategyNotAllowed)),
        Exchange::InvalidToken => Err(Problem::new(dead)),
    }
}

/// The one opaque token to exchange, and what it is if it is dead: of the kind that the login has now. One of the wanted
/// kind beside it is a leftover of another login in this browser; an access token says nothing, and alone it is not enough.
fn presented<'r>(
    to: Strategy,
    proofs: impl Iterator<Item = &'r str>,
    refresh_cookie: Option<&'r str>,
    refresh_body: Option<&'r str>,
    caller: Result<Principal, Rejection>,
) -> Result<(&'r str, Code), Problem> {
    let sessions = proofs.filter(|text| text.starts_with(OpaqueKind::Session.prefix()));
    let sessions = sessions.map(|token| (token, Code::InvalidToken));
    let refreshes = refresh_cookie.into_iter().chain(refresh_body).map(|token| (token, Code::InvalidGrant));
    let (current, leftover): (Vec<_>, Vec<_>) = match to {
        Strategy::Session => (refreshes.collect(), sessions.collect()),
        Strategy::Hybrid | Strategy::Jwt => (sessions.collect(), refreshes.collect()),
    };
    match (current.as_slice(), leftover.as_slice()) {
        ([token, others @ ..], _) | ([], [token, others @ ..]) => {
            if others.iter().any(|other| other != token) {
                return Err(Problem::malformed("two different tokens to exchange"));
            }
            Ok(*token)
        }
        // Nothing, or an access token: one that is no good is told so, like everywhere.
        ([], []) => match caller?.strategy {
            Strategy::Jwt => Err(Problem::new(Code::StrategyNotAllowed)),
            Strategy::Hybrid | Strategy::Session => {
                Err(Problem::new(Code::Forbidden).detail("An access token alone cannot be exchanged."))
            }
        },
    }
}
