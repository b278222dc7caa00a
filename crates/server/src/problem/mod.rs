//! The only place where an error becomes a status: RFC 9457 problem+json.
//!
//! A problem travels through the response's extensions and is written by [`render`], which knows the request's id.
//!
//! * here: a problem, and which one an error is; `code`: what there are, with their statuses; `answer`: how one is written

mod answer;
mod code;

use std::fmt::Display;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use cloakroom_verify::extract::Rejection;
use serde::Serialize;
use utoipa::ToSchema;

pub use answer::{ProblemView, render};
pub use code::Code;

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
