//! How a problem is written.

use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use cloakroom_verify::extract::Rejection;
use http::HeaderValue;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Code, FieldError, Problem};

/// How long to wait before asking again when we do not know better.
const SOON: Duration = Duration::from_secs(1);

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
