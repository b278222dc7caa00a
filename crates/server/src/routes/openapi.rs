//! `GET /openapi.json`: the contract as a document, from the code.

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr,
    Response as Described,
};

use crate::problem::{FieldError, ProblemView};

/// What surrounds the routes.
pub(crate) fn frame() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Cloakroom")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Sessions, JWTs and the hybrid of both on one user table. Errors are RFC 9457 problems with a stable `code`.",
        ))
        .build();
    let header = |name: &str| SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new(name)));
    let cookie = |name: &str| SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(name)));
    let components = ComponentsBuilder::new()
        .schema_from::<ProblemView>()
        .schema_from::<FieldError>()
        .security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)))
        .security_scheme("session_id", header("session-id"))
        .security_scheme("session_cookie", cookie("__Host-cloakroom"))
        .security_scheme("refresh_cookie", cookie("__Host-cloakroom-refresh"))
        .build();
    OpenApiBuilder::new().info(info).components(Some(components)).build()
}

/// The document, written once.
pub(crate) fn document(mut api: OpenApi) -> Bytes {
    for item in api.paths.paths.values_mut() {
        let PathItem { get, post, delete, .. } = item;
        if let Some(get) = get {
            complete(get, &[]);
        }
        for unsafe_one in [post, delete].into_iter().flatten() {
            complete(unsafe_one, &[("403", "`cross_site_request`")]);
        }
    }
    Bytes::from(serde_json::to_vec_pretty(&api).expect("an API description serialises"))
}

/// What the door and the extractors answer for every handler, which says only what is its own.
fn complete(operation: &mut Operation, more: &[(&str, &str)]) {
    const ANY: [(&str, &str); 3] =
        [("400", "`invalid_request`"), ("500", "`internal`: our bug"), ("503", "`unavailable`")];
    const WITH_BODY: [(&str, &str); 3] = [
        ("413", "`content_too_large`: over 64 KiB"),
        ("415", "`unsupported_media_type`"),
        ("422", "`validation_failed`"),
    ];
    let with_body = if operation.request_body.is_some() { &WITH_BODY[..] } else { &[] };
    for (status, what) in ANY.iter().chain(with_body).chain(more) {
        let answers = &mut operation.responses.responses;
        answers.entry((*status).to_owned()).or_insert_with(|| Described::new(*what).into());
    }
    for (status, answer) in &mut operation.responses.responses {
        if let RefOr::T(answer) = answer
            && status.starts_with(['4', '5'])
        {
            let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("ProblemView"))).build();
            answer.content.insert(String::from("application/problem+json"), RefOr::T(problem));
        }
    }
    let asks_for_a_login = |tag: &String| ["account", "sessions", "admin"].contains(&tag.as_str());
    if operation.security.is_none() && operation.tags.iter().flatten().any(asks_for_a_login) {
        let any_of = ["bearer", "session_id", "session_cookie"];
        operation.security = Some(any_of.map(|scheme| SecurityRequirement::new(scheme, [""; 0])).to_vec());
    }
}

pub(crate) async fn serve(document: Bytes) -> Response {
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "public, max-age=300")];
    (headers, document).into_response()
}
