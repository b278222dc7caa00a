//! `GET /openapi.json`: the contract as a document, from the code.

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder};

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
pub(crate) fn document(api: &OpenApi) -> Bytes {
    Bytes::from(serde_json::to_vec_pretty(api).expect("an API description serialises"))
}

pub(crate) async fn serve(document: Bytes) -> Response {
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "public, max-age=300")];
    (headers, document).into_response()
}
