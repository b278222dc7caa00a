//! axum extractors: a handler says whom it needs, and refuses everybody else by its signature.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};

use crate::Principal;
use crate::authenticate::Denied;
use crate::layer::{Caller, JudgedAt};
use crate::proof::{Malformed, Via};

/// Why a handler is not reached. Renders itself as RFC 9457 problem+json.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    /// 401: no credential was shown.
    Anonymous,
    /// 401: it is unknown, expired, revoked or no token; one answer for all of them.
    Invalid,
    /// 503: we cannot tell.
    Unavailable,
    /// 400: the headers are not what a client would send.
    Malformed(Malformed),
    /// 403: the role is missing.
    Forbidden,
    /// 403: the password was proved too long ago.
    Stale,
    /// 500: the route has no [`AuthenticateLayer`](crate::layer::AuthenticateLayer).
    NoLayer,
}

impl Rejection {
    /// The status and the stable code of the contract.
    pub const fn status_and_code(self) -> (StatusCode, &'static str) {
        match self {
            Self::Anonymous => (StatusCode::UNAUTHORIZED, "unauthenticated"),
            Self::Invalid => (StatusCode::UNAUTHORIZED, "invalid_token"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            Self::Malformed(_) => (StatusCode::BAD_REQUEST, "invalid_request"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "forbidden"),
            Self::Stale => (StatusCode::FORBIDDEN, "reauthentication_required"),
            Self::NoLayer => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }

    /// `WWW-Authenticate` (RFC 6750 section 3), where one belongs.
    pub const fn challenge(self) -> Option<&'static str> {
        match self {
            Self::Anonymous => Some(r#"Bearer realm="cloakroom""#),
            Self::Invalid => Some(r#"Bearer realm="cloakroom", error="invalid_token""#),
            Self::Malformed(_) => Some(r#"Bearer realm="cloakroom", error="invalid_request""#),
            Self::Unavailable | Self::Forbidden | Self::Stale | Self::NoLayer => None,
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("Log in first."),
            Self::Invalid => f.write_str("The credential is unknown, expired or revoked."),
            Self::Unavailable => f.write_str("The credential cannot be checked right now."),
            Self::Malformed(malformed) => malformed.fmt(f),
            Self::Forbidden => f.write_str("You may not do this."),
            Self::Stale => f.write_str("Prove your password again first."),
            Self::NoLayer => f.write_str("Something went wrong on our side."),
        }
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let (status, code) = self.status_and_code();
        let problem = serde_json::json!({
            "type": format!("https://cloakroom.dev/problems/{code}"),
            "title": status.canonical_reason(),
            "status": status.as_u16(),
            "code": code,
            "detail": self.to_string(),
        });
        let mut response = (status, problem.to_string()).into_response();
        // An outer layer of a service with problems of its own can tell it from here.
        response.extensions_mut().insert(self);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(challenge) = self.challenge() {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if self == Self::Unavailable {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl Caller {
    /// Who it is, or why a handler that needs somebody is not reached.
    pub fn known(&self) -> Result<(&Principal, Via), Rejection> {
        match self {
            Self::Known(principal, via) => Ok((principal, *via)),
            Self::Anonymous => Err(Rejection::Anonymous),
            Self::Denied(Denied::Unauthenticated(_)) => Err(Rejection::Invalid),
            Self::Denied(Denied::Unavailable) => Err(Rejection::Unavailable),
            Self::Malformed(malformed) => Err(Rejection::Malformed(*malformed)),
        }
    }
}

fn known(parts: &Parts) -> Result<(&Principal, Via), Rejection> {
    parts.extensions.get::<Caller>().ok_or(Rejection::NoLayer)?.known()
}

impl<S: Sync> FromRequestParts<S> for Principal {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        known(parts).map(|(principal, _)| principal.clone())
    }
}

/// `None` where no credential was shown; one that is no good is still refused.
impl<S: Sync> OptionalFromRequestParts<S> for Principal {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Rejection> {
        match known(parts) {
            Ok((principal, _)) => Ok(Some(principal.clone())),
            Err(Rejection::Anonymous) => Ok(None),
            Err(rejection) => Err(rejection),
        }
    }
}

/// A role, as a type: `struct Admin; impl Role for Admin { const NAME: &'static str = "admin"; }`.
pub trait Role {
    /// Its name.
    const NAME: &'static str;
}

/// The role that may administer a Cloakroom.
#[derive(Debug, Clone, Copy)]
pub struct Admin;

impl Role for Admin {
    const NAME: &'static str = "admin";
}

/// A principal that holds the role `R`; anybody else gets 403.
#[derive(Debug, Clone)]
pub struct Having<R>(pub Principal, PhantomData<R>);

impl<S: Sync, R: Role> FromRequestParts<S> for Having<R> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        let (principal, _) = known(parts)?;
        if !principal.roles.contains(R::NAME) {
            return Err(Rejection::Forbidden);
        }
        Ok(Self(principal.clone(), PhantomData))
    }
}

/// A principal whose password was proved within the last `SECONDS`; anybody else gets 403
/// `reauthentication_required`. For what a stolen session must not be enough for.
#[derive(Debug, Clone)]
pub struct Fresh<const SECONDS: u64>(pub Principal);

impl<S: Sync, const SECONDS: u64> FromRequestParts<S> for Fresh<SECONDS> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        let (principal, _) = known(parts)?;
        // By the clock that named `auth_time`: one of this machine that is wrong would make it fresh, or never.
        let JudgedAt(now) = *parts.extensions.get().ok_or(Rejection::NoLayer)?;
        if now.since(principal.auth_time) > Duration::from_secs(SECONDS) {
            return Err(Rejection::Stale);
        }
        Ok(Self(principal.clone()))
    }
}
