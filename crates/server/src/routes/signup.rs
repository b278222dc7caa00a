//! `POST /v1/signup`

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use cloakroom_auth::email::Email;
use cloakroom_auth::password::NewPassword;
use cloakroom_auth::user::check_name;
use cloakroom_auth::verbs::signup::Signup;
use cloakroom_verify::clock::Clock;
use http::StatusCode;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::client_address::ClientAddress;
use crate::json::{self, Json};
use crate::problem::{Code, Problem};
use crate::view::UserView;

/// What a signup sends.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignupBody {
    email: String,
    /// 15 characters or more, whatever they are.
    #[schema(value_type = String)]
    password: SecretString,
    name: Option<String>,
}

/// The account that was made.
#[derive(Serialize, ToSchema)]
pub struct SignupView<'a> {
    user: UserView<'a>,
}

/// Makes an account. Does not log in.
#[utoipa::path(post, path = "/v1/signup", tag = "login", request_body = SignupBody, responses(
    (status = 201, body = SignupView),
    (status = 403, description = "`signup_closed`"),
    (status = 409, description = "`email_taken`"),
    (status = 422, description = "`validation_failed`"),
    (status = 429, description = "`too_many_requests`"),
))]
pub async fn signup(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    Json(body): Json<SignupBody>,
) -> Result<Response, Problem> {
    if !app.auth.settings.signup_open {
        return Err(Problem::new(Code::SignupClosed));
    }
    let email = Email::parse(&body.email).map_err(|why| Problem::field("email", "invalid", why))?;
    if let Some(name) = &body.name {
        check_name(name).map_err(|why| Problem::field("name", "invalid", why))?;
    }
    let context = [&email.typed, body.name.as_deref().unwrap_or_default()];
    let password = NewPassword::parse(&body.password, app.auth.settings.min_password, &context)
        .map_err(|why| Problem::field("password", why.code(), why))?;
    match app.auth.signup(email, password, body.name, address, app.clock.wall()).await? {
        Signup::Created(user) => {
            let view = SignupView { user: UserView::from(&user) };
            Ok((StatusCode::CREATED, json::written(&view)).into_response())
        }
        Signup::EmailTaken => Err(Problem::new(Code::EmailTaken)),
        Signup::Throttled { retry_after } => {
            Err(Problem::new(Code::TooManyRequests).retry_after(retry_after))
        }
        Signup::Closed => Err(Problem::new(Code::SignupClosed)),
    }
}
