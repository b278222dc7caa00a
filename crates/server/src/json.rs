//! What a handler reads of a request: JSON, a path, a query, each with errors that name the field. And what it writes.
//!
//! Bodies are read and bounded before a handler runs ([`door`](crate::door)); what is here parses.

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::Response;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, request::Parts};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::problem::{Code, Problem};

/// 200 with this as JSON.
pub fn written(view: &impl Serialize) -> Response {
    // As large as most answers are: they are written without being moved.
    let mut text = Vec::with_capacity(768);
    serde_json::to_writer(&mut text, view).expect("strings and numbers serialise");
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A JSON body.
#[derive(Debug)]
pub struct Json<T>(pub T);

/// A JSON body, or none at all, which is the same as `{}`.
#[derive(Debug)]
pub struct OptionalJson<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let is_json = is_json(request.headers());
        let body = bytes(request, state).await?;
        if !is_json {
            return Err(Problem::new(Code::UnsupportedMediaType));
        }
        parse(&body).map(Self)
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for OptionalJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let is_json = is_json(request.headers());
        let body = bytes(request, state).await?;
        if body.is_empty() {
            return Ok(Self(T::default()));
        }
        if !is_json {
            return Err(Problem::new(Code::UnsupportedMediaType));
        }
        parse(&body).map(Self)
    }
}

/// A JSON body that is a list.
#[derive(Debug)]
pub struct JsonList<T>(pub Vec<T>);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonList<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let is_json = is_json(request.headers());
        let body = bytes(request, state).await?;
        if !is_json {
            return Err(Problem::new(Code::UnsupportedMediaType));
        }
        read_list(&body).map(Self).map_err(Problem::from)
    }
}

/// A form (`application/x-www-form-urlencoded`), for the RFCs that want one. A field that comes twice is an error.
#[derive(Debug)]
pub struct Form<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Form<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        use axum::extract::rejection::FormRejection;
        match axum::Form::from_request(request, state).await {
            Ok(axum::Form(form)) => Ok(Self(form)),
            Err(FormRejection::InvalidFormContentType(_)) => {
                Err(Problem::new(Code::UnsupportedMediaType)
                    .detail("Send application/x-www-form-urlencoded."))
            }
            // What was sent may be a secret: only its names are spoken of.
            Err(_) => Err(Problem::new(Code::InvalidRequest).detail("The form must hold token, once.")),
        }
    }
}

async fn bytes<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state).await.map_err(|_| Problem::new(Code::InvalidRequest))
}

/// `application/json`, with parameters or without. A form or plain text cannot pass as JSON: a browser sends those
/// across sites without asking.
fn is_json(headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(CONTENT_TYPE).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return false };
    let essence = line.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    read(body).map_err(Problem::from)
}

/// Why bytes are not the JSON object that was expected. It quotes no value: any may be a secret in the wrong field.
#[derive(Debug, thiserror::Error)]
pub enum Wrong {
    /// Not JSON at all.
    #[error("not JSON (line {line}, column {column})")]
    Syntax {
        /// Where.
        line: usize,
        /// Where in it.
        column: usize,
    },
    /// JSON, but a list or a bare value.
    #[error("not a JSON object")]
    NoObject,
    /// JSON, but no list.
    #[error("not a JSON list")]
    NoList,
    /// One field is wrong.
    #[error("{name}: {why}")]
    Field {
        /// Which; shortened, without control characters.
        name: String,
        /// The stable code.
        code: &'static str,
        /// For people.
        why: String,
    },
}

impl From<Wrong> for Problem {
    fn from(wrong: Wrong) -> Self {
        match wrong {
            Wrong::Syntax { line, column } => Self::new(Code::InvalidRequest)
                .detail(format!("The body is not JSON (line {line}, column {column}).")),
            Wrong::NoObject => Self::new(Code::ValidationFailed).detail("The body must be a JSON object."),
            Wrong::NoList => Self::new(Code::ValidationFailed).detail("The body must be a JSON list."),
            Wrong::Field { name, code, why } => Self::field(name, code, why),
        }
    }
}

/// Reads a JSON object, strictly.
pub fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, Wrong> {
    // serde would read a list as the fields in their order.
    read_as(text, b'{', Wrong::NoObject)
}

/// Reads a JSON list, strictly.
fn read_list<T: DeserializeOwned>(text: &[u8]) -> Result<Vec<T>, Wrong> {
    read_as(text, b'[', Wrong::NoList)
}

fn read_as<T: DeserializeOwned>(text: &[u8], begins: u8, otherwise: Wrong) -> Result<T, Wrong> {
    // The syntax of the whole first: what is no JSON has no fields that could be wrong.
    if let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(text) {
        return Err(malformed(&error));
    }
    if text.trim_ascii_start().first() != Some(&begins) {
        return Err(otherwise);
    }
    let mut json = serde_json::Deserializer::from_slice(text);
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        match inner.classify() {
            Category::Data => wrong_data(&path, &inner.to_string()),
            Category::Syntax | Category::Eof | Category::Io => malformed(&inner),
        }
    })
}

fn malformed(error: &serde_json::Error) -> Wrong {
    Wrong::Syntax { line: error.line(), column: error.column() }
}

/// The field is named. serde's sentences quote what was sent, which may be a secret: they are not passed on.
fn wrong_data(path: &str, sentence: &str) -> Wrong {
    // serde: "unknown field `x`, expected ..", "missing field `x`", "duplicate field `x`".
    let quoted = || sentence.split('`').nth(1).unwrap_or_default();
    let wrong = |name: &str, code, why: String| Wrong::Field { name: shortened(name), code, why };
    if sentence.starts_with("unknown field") {
        // The path already ends with the unknown name, as the client spelled it.
        let name = if path == "." { quoted() } else { path };
        return wrong(name, "unknown_field", String::from("this field is not known"));
    }
    if sentence.starts_with("missing field") {
        return wrong(quoted(), "missing", String::from("this field is missing"));
    }
    if sentence.starts_with("duplicate field") {
        return wrong(quoted(), "duplicate", String::from("this field is there twice"));
    }
    if sentence.starts_with("unknown variant") {
        let expected = sentence.split(", expected ").nth(1).unwrap_or_default();
        let expected = expected.split(" at line ").next().unwrap_or_default();
        return wrong(path, "invalid", format!("expected {expected}"));
    }
    wrong(path, "invalid_type", String::from("this field has the wrong type"))
}

/// A name that the client made up is told back, but not a novel of it.
fn shortened(name: &str) -> String {
    name.chars().filter(|character| !character.is_control()).take(64).collect()
}

/// A part of the path.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = axum::extract::Path::from_request_parts(parts, state).await;
        path.map(|axum::extract::Path(value)| Self(value)).map_err(|_| Problem::new(Code::NotFound))
    }
}

/// The query.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = axum::extract::Query::from_request_parts(parts, state).await;
        query.map(|axum::extract::Query(value)| Self(value)).map_err(|_| {
            Problem::new(Code::InvalidRequest).detail("The query has a member that is not known here.")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        #[serde(rename = "number")]
        _number: u32,
    }

    fn told(body: &str) -> String {
        format!("{:?}", parse::<Body>(body.as_bytes()).unwrap_err())
    }

    #[test]
    fn what_was_sent_is_never_told_back() {
        for (body, code) in [
            (r#"{"number":"hunter2hunter2"}"#, "invalid_type"),
            (r#"{"number":{"hunter2hunter2":1}}"#, "invalid_type"),
            (r#"{"number":1,"number":2}"#, "duplicate"),
            (r#"{}"#, "missing"),
            (r#"{"number":1,"numbr":"hunter2hunter2"}"#, "unknown_field"),
            (r#"["hunter2hunter2"]"#, "ValidationFailed"),
            (r#"[1]"#, "ValidationFailed"),
            (r#"{"number":1} hunter2hunter2"#, "InvalidRequest"),
            (r#"hunter2hunter2"#, "InvalidRequest"),
        ] {
            let told = told(body);
            assert!(told.contains(code), "{body}: {told}");
            assert!(!told.contains("hunter2"), "{body}: {told}");
        }
    }

    #[test]
    fn a_field_is_named() {
        assert!(told(r#"{"numbr":1}"#).contains(r#"field: "numbr""#));
        assert!(told(r#"{"number":true}"#).contains(r#"field: "number""#));
        assert!(told(r#"{}"#).contains(r#"field: "number""#));
    }
}
