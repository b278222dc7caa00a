//! `POST /v1/refresh`

use axum::extract::State;
use axum::response::Response;
use cloakroom_auth::refresh::Attempt;
use cloakroom_auth::verbs::refresh::Refresh;
use cloakroom_verify::Transport;
use cloakroom_verify::clock::Clock;
use http::HeaderMap;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::grant;
use crate::json::OptionalJson;
use crate::problem::{Code, Problem};
use crate::view::GrantView;

/// What a refresh sends, unless its token travels in the cookie.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefreshBody {
    #[schema(value_type = Option<String>)]
    refresh_token: Option<SecretString>,
    /// 16 to 64 visible ASCII characters, made before the first send and repeated with each retry.
    #[schema(value_type = Option<String>)]
    attempt: Option<SecretString>,
}

/// Renews an access token. A refused refresh never sets or clears a cookie.
#[utoipa::path(post, path = "/v1/refresh", tag = "login", request_body = Option<RefreshBody>,
    security((), ("refresh_cookie" = [])), responses(
    (status = 200, body = GrantView),
    (status = 400, description = "`invalid_request`: a token in the body and in the cookie"),
    (status = 401, description = "`unauthenticated`, `invalid_grant`"),
    (status = 503, description = "`unavailable`"),
))]
pub async fn refresh(
    State(app): State<App>,
    headers: HeaderMap,
    OptionalJson(body): OptionalJson<RefreshBody>,
) -> Result<Response, Problem> {
    let attempt = attempt(body.attempt.as_ref(), &headers)?;
    let cookie = app.cookies.refresh_token(&headers)?;
    let (token, transport) = match (body.refresh_token.as_ref().map(ExposeSecret::expose_secret), cookie) {
        (Some(_), Some(_)) => {
            return Err(Problem::new(Code::InvalidRequest)
                .detail("a refresh token in the body and another in the cookie: send one"));
        }
        (Some(token), None) => (token, Transport::Body),
        (None, Some(token)) => (token, Transport::Cookie),
        (None, None) => return Err(Problem::new(Code::Unauthenticated)),
    };
    app.vouch_for_reads().await?;
    let now = app.clock.wall();
    match app.auth.refresh(token, attempt.as_ref(), now).await? {
        Refresh::Granted(granted) => Ok(grant::render(&app, &granted, transport, now)),
        Refresh::InvalidGrant { over } => {
            Err(Problem::new(Code::InvalidGrant).reason(over.map(|why| why.as_str())))
        }
    }
}

/// The attempt, from the body or from `Idempotency-Key`; both and different is an error.
pub(crate) fn attempt(body: Option<&SecretString>, headers: &HeaderMap) -> Result<Option<Attempt>, Problem> {
    let mut header = headers.get_all("idempotency-key").iter();
    let header = match (header.next(), header.next()) {
        (first, None) => first,
        (_, Some(_)) => return Err(Problem::new(Code::InvalidRequest).detail("two Idempotency-Key headers")),
    };
    let body = body.map(|text| text.expose_secret().as_bytes());
    let header = header.map(http::HeaderValue::as_bytes);
    if body.is_some() && header.is_some() && body != header {
        return Err(Problem::new(Code::InvalidRequest).detail("attempt and Idempotency-Key differ"));
    }
    let Some(text) = body.or(header) else { return Ok(None) };
    let invalid = |why| Problem::field("attempt", "invalid", why);
    let text = std::str::from_utf8(text).unwrap_or_default();
    Attempt::parse(text).map(Some).map_err(invalid)
}
