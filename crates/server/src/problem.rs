//! The only place where an error becomes a status: RFC 9457 problem+json.
//!
//! A problem travels through the response's extensions and is written by [`render`], which knows the request's id.

use std::fmt::Display;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use cloakroom_verify::extract::Rejection;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

/// How long to wait before asking again when we do not know better.
const SOON: Duration = Duration::from_secs(1);

/// What went wrong, by the stable code of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// No credential was shown.
    Unauthenticated,
    /// A credential was shown and is no good.
    InvalidToken,
    /// The refresh token is no good.
    InvalidGrant,
    /// Unknown, disabled or wrong.
    InvalidCredentials,
    /// The request cannot be understood.
    InvalidRequest,
    /// Not allowed.
    Forbidden,
    /// The password was proved too long ago.
    ReauthenticationRequired,
    /// The password of a login that lives is another one.
    WrongPassword,
    /// A browser sent it from another site.
    CrossSiteRequest,
    /// Only an operator makes accounts here.
    SignupClosed,
    /// No such thing, or not yours.
    NotFound,
    /// The route does not have this method.
    MethodNotAllowed,
    /// The request did not arrive in time.
    RequestTimeout,
    /// Another account has the email.
    EmailTaken,
    /// The body is over 64 KiB.
    ContentTooLarge,
    /// The body is not JSON.
    UnsupportedMediaType,
    /// A field is not as it must be.
    ValidationFailed,
    /// This deployment does not offer the strategy here.
    StrategyNotAllowed,
    /// Too many attempts.
    TooManyRequests,
    /// The header block is over 32 KiB.
    HeadersTooLarge,
    /// Our bug.
    Internal,
    /// A dependency is down, or everything is busy.
    Unavailable,
}

impl Code {
    /// Status, code, and a sentence for people.
    const fn facts(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::Unauthenticated => (401, "unauthenticated", "Log in first."),
            Self::InvalidToken => (401, "invalid_token", "The credential is unknown, expired or revoked."),
            Self::InvalidGrant => (401, "invalid_grant", "The refresh token cannot be used: log in again."),
            Self::InvalidCredentials => (401, "invalid_credentials", "Email or password is wrong."),
            Self::InvalidRequest => (400, "invalid_request", "The request cannot be understood."),
            Self::Forbidden => (403, "forbidden", "You may not do this."),
            Self::ReauthenticationRequired => {
                (403, "reauthentication_required", "Prove your password again first.")
            }
            Self::WrongPassword => (403, "wrong_password", "This is not the current password."),
            Self::CrossSiteRequest => {
                (403, "cross_site_request", "A page of another site sent this request.")
            }
            Self::SignupClosed => (403, "signup_closed", "Accounts are made by the operator here."),
            Self::NotFound => (404, "not_found", "There is nothing here."),
            Self::MethodNotAllowed => (405, "method_not_allowed", "This method is not offered here."),
            Self::RequestTimeout => (408, "request_timeout", "The body did not arrive in time."),
            Self::EmailTaken => (409, "email_taken", "There is an account with this email."),
            Self::ContentTooLarge => (413, "content_too_large", "A body has at most 64 KiB."),
            Self::UnsupportedMediaType => (415, "unsupported_media_type", "Send application/json."),
            Self::ValidationFailed => (422, "validation_failed", "Some fields are not as they must be."),
            Self::StrategyNotAllowed => (422, "strategy_not_allowed", "This strategy is not offered here."),
            Self::TooManyRequests => (429, "too_many_requests", "Too many attempts: wait a moment."),
            Self::HeadersTooLarge => (431, "headers_too_large", "The header block has at most 32 KiB."),
            Self::Internal => (500, "internal", "Something went wrong on our side."),
            Self::Unavailable => (503, "unavailable", "This cannot be answered right now."),
        }
    }

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        self.facts().1
    }

    /// The status.
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.facts().0).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// `WWW-Authenticate` (RFC 6750 section 3): on every 401, and where a credential is malformed.
    const fn challenge(self) -> Option<&'static str> {
        match self {
            Self::InvalidToken => Some(r#"Bearer realm="cloakroom", error="invalid_token""#),
            Self::Unauthenticated | Self::InvalidGrant | Self::InvalidCredentials => {
                Some(r#"Bearer realm="cloakroom""#)
            }
            Self::InvalidRequest
            | Self::Forbidden
            | Self::ReauthenticationRequired
            | Self::WrongPassword
            | Self::CrossSiteRequest
            | Self::SignupClosed
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::RequestTimeout
            | Self::EmailTaken
            | Self::ContentTooLarge
            | Self::UnsupportedMediaType
            | Self::ValidationFailed
            | Self::StrategyNotAllowed
            | Self::TooManyRequests
            | Self::HeadersTooLarge
            | Self::Internal
            | Self::Unavailable => None,
        }
    }
}

/// An answer that is not what the client hoped for.
#[derive(Debug, Clone)]
pub struct Problem {
    code: Code,
    detail: Option<String>,
    retry_after: Option<Duration>,
    challenge: Option<&'static str>,
    reason: Option<&'static str>,
    errors: Vec<FieldError>,
}

/// What is wrong with one field.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FieldError {
    /// Which.
    field: String,
    /// Stable, in snake_case.
    code: &'static str,
    /// For people.
    detail: String,
}

/// RFC 9457, with a stable `code` to decide by.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemView {
    /// A URI that never changes.
    #[serde(rename = "type")]
    kind: String,
    /// The status in words.
    title: &'static str,
    /// The status.
    status: u16,
    /// Stable, in snake_case.
    code: &'static str,
    /// For people.
    detail: String,
    /// What to look for in the server's log.
    request_id: String,
    /// With `invalid_grant`, and only for a token that was once ours: why its login is over, in the words of
    /// `GET /v1/sessions/ended`.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// With 422: which fields, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
}

impl Problem {
    /// A problem with the usual sentence.
    pub const fn new(code: Code) -> Self {
        Self {
            code,
            detail: None,
            retry_after: None,
            challenge: code.challenge(),
            reason: None,
            errors: Vec::new(),
        }
    }

    /// 422 for one field. The reason must not echo what was sent.
    pub fn field(field: impl Into<String>, code: &'static str, why: impl Display) -> Self {
        let error = FieldError { field: field.into(), code, detail: why.to_string() };
        Self { errors: vec![error], ..Self::new(Code::ValidationFailed) }
    }

    /// Says more. Never what a client sent, what SQL said, or a secret.
    pub fn detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// Says why a login is over.
    pub fn reason(self, reason: Option<&'static str>) -> Self {
        Self { reason, ..self }
    }

    /// Says when to come again.
    pub fn retry_after(self, after: Duration) -> Self {
        Self { retry_after: Some(after), ..self }
    }

    /// 400 for headers that show credentials in a way that no client of ours would.
    pub fn malformed(why: impl Display) -> Self {
        Self {
            challenge: Some(r#"Bearer realm="cloakroom", error="invalid_request""#),
            ..Self::new(Code::InvalidRequest).detail(why.to_string())
        }
    }

    /// 403 for a service key that was not made for this.
    pub fn scope_missing(scope: &str) -> Self {
        Self {
            challenge: Some(r#"Bearer realm="cloakroom", error="insufficient_scope""#),
            ..Self::new(Code::Forbidden).detail(format!("The service key lacks the scope {scope}."))
        }
    }

    /// What it is.
    pub const fn code(&self) -> Code {
        self.code
    }
}

impl From<cloakroom_auth::Error> for Problem {
    fn from(error: cloakroom_auth::Error) -> Self {
        use cloakroom_auth::Error;
        match &error {
            Error::Busy { retry_after } => Self::new(Code::Unavailable).retry_after(*retry_after),
            Error::TokenTooLarge => {
                tracing::error!(%error, "a login was refused");
                Self::new(Code::Internal).detail(error.to_string())
            }
            Error::Store(_) | Error::NoSigningKey | Error::KeyNotRead | Error::Crowded => {
                tracing::error!(%error, "a request could not be answered");
                Self::new(Code::Unavailable)
            }
            // `non_exhaustive`: whatever it is, it is ours.
            Error::Broken(_) | _ => {
                tracing::error!(%error, "a request met a bug or a broken row");
                Self::new(Code::Internal)
            }
        }
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::Anonymous => Self::new(Code::Unauthenticated),
            Rejection::Invalid => Self::new(Code::InvalidToken),
            Rejection::Unavailable => Self::new(Code::Unavailable),
            Rejection::Malformed(malformed) => Self::malformed(malformed),
            Rejection::Forbidden => Self::new(Code::Forbidden),
            Rejection::Stale => Self::new(Code::ReauthenticationRequired),
            Rejection::NoLayer => Self::new(Code::Internal),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Writes the body and the headers of a response that is a problem; others pass.
pub fn render(response: &mut Response, request_id: &str) {
    let extensions = response.extensions_mut();
    let problem = match extensions.remove::<Rejection>() {
        Some(rejection) => Some(Problem::from(rejection)),
        None => extensions.remove::<Problem>(),
    };
    let Some(problem) = problem else { return };
    let (status, code, sentence) = problem.code.facts();
    let view = ProblemView {
        kind: format!("https://cloakroom.dev/problems/{code}"),
        title: problem.code.status().canonical_reason().unwrap_or("Error"),
        status,
        code,
        detail: problem.detail.unwrap_or_else(|| sentence.to_owned()),
        request_id: request_id.to_owned(),
        reason: problem.reason,
        errors: problem.errors,
    };
    let retry_after = problem.retry_after.or((problem.code == Code::Unavailable).then_some(SOON));
    *response.body_mut() = Body::from(serde_json::to_vec(&view).expect("strings and numbers serialise"));
    let headers = response.headers_mut();
    headers.remove(CONTENT_LENGTH);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if let Some(challenge) = problem.challenge {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    if let Some(after) = retry_after {
        // Rounded up: who comes back at the second that was named must not be refused again.
        headers.insert(RETRY_AFTER, HeaderValue::from(after.as_millis().div_ceil(1000).max(1) as u64));
    }
}
