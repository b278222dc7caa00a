//! `POST /v1/logout`

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use cloakroom_verify::clock::Clock;
use http::{HeaderMap, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::json::OptionalJson;
use crate::problem::Problem;

/// What a logout may send beside its cookies and headers.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogoutBody {
    #[schema(value_type = Option<String>)]
    refresh_token: Option<SecretString>,
}

/// Ends the login of every credential shown. Always 204, unless we cannot say so.
#[utoipa::path(post, path = "/v1/logout", tag = "login", request_body = Option<LogoutBody>,
    security((), ("bearer" = []), ("session_id" = []), ("session_cookie" = []), ("refresh_cookie" = [])), responses(
    (status = 204, description = "nothing that was shown is good any more"),
    (status = 400, description = "`invalid_request`"),
    (status = 503, description = "`unavailable`: nothing was cleared"),
))]
pub async fn logout(
    State(app): State<App>,
    headers: HeaderMap,
    OptionalJson(body): OptionalJson<LogoutBody>,
) -> Result<Response, Problem> {
    let proofs = app.proofs(&headers)?;
    let refresh_cookie = app.cookies.refresh_token(&headers)?;
    let refresh_body = body.refresh_token.as_ref().map(ExposeSecret::expose_secret);
    let shown: Vec<&str> = proofs.texts().chain(refresh_cookie).chain(refresh_body).collect();
    if !shown.is_empty() {
        app.vouch_for_reads().await?;
    }
    app.auth.logout(&shown, app.clock.wall()).await?;
    Ok((StatusCode::NO_CONTENT, app.cookies.clear(), ()).into_response())
}
