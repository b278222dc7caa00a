//! `GET /.well-known/jwks.json`, `GET /.well-known/oauth-authorization-server`: what verifiers and clients read first.

use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cloakroom_verify::jwk::Jwk;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;

/// How long others may keep what they read here. A key is published for longer than this before it signs.
const CACHED: &str = "public, max-age=300";

/// The public keys that access tokens are signed with (RFC 7517).
#[derive(Serialize, ToSchema)]
pub struct JwksView {
    #[schema(value_type = Vec<Object>)]
    keys: Vec<PublishedKey>,
}

#[derive(Serialize)]
struct PublishedKey {
    #[serde(flatten)]
    key: Jwk,
    kid: String,
    alg: &'static str,
    r#use: &'static str,
}

/// What this issuer offers (RFC 8414). It has no authorization endpoint and no token endpoint.
#[derive(Serialize, ToSchema)]
pub struct MetadataView {
    issuer: String,
    jwks_uri: String,
    introspection_endpoint: String,
    introspection_endpoint_auth_methods_supported: [String; 0],
    revocation_endpoint: String,
    revocation_endpoint_auth_methods_supported: [String; 0],
    response_types_supported: [String; 0],
    grant_types_supported: [String; 0],
}

/// The public keys. A secret one is never among them: with `HS256` the list is empty.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "discovery", responses(
    (status = 200, body = JwksView, content_type = "application/jwk-set+json"),
    (status = 304, description = "`If-None-Match` names the current keys"),
))]
pub async fn jwks(State(app): State<App>, headers: HeaderMap) -> Response {
    let published = |named: &cloakroom_verify::keys::NamedKey| {
        // At once, not only when the directory is looked at again: others must not believe its thief for that long.
        if app.auth.revocations.is_key_revoked(&named.kid) {
            return None;
        }
        let (key, alg) = (named.key.jwk()?.clone(), named.key.algorithm().as_str());
        Some(PublishedKey { key, kid: named.kid.to_string(), alg, r#use: "sig" })
    };
    let mut keys: Vec<_> = app.auth.keys.all().iter().filter_map(|named| published(named)).collect();
    keys.sort_by(|one, other| one.kid.cmp(&other.kid));
    cached(&headers, "application/jwk-set+json", &JwksView { keys })
}

/// The metadata.
#[utoipa::path(get, path = "/.well-known/oauth-authorization-server", tag = "discovery", responses(
    (status = 200, body = MetadataView),
    (status = 304, description = "`If-None-Match` names the current metadata"),
))]
pub async fn metadata(State(app): State<App>, headers: HeaderMap) -> Response {
    let issuer = app.auth.rules.issuer.clone();
    let at = |path: &str| format!("{issuer}{path}");
    let view = MetadataView {
        jwks_uri: at("/.well-known/jwks.json"),
        introspection_endpoint: at("/v1/introspect"),
        // A service key travels as a bearer token, which the registry of these methods has no name for.
        introspection_endpoint_auth_methods_supported: [],
        revocation_endpoint: at("/v1/revoke"),
        revocation_endpoint_auth_methods_supported: [],
        response_types_supported: [],
        grant_types_supported: [],
        issuer,
    };
    cached(&headers, "application/json", &view)
}

fn cached(headers: &HeaderMap, media_type: &'static str, view: &impl Serialize) -> Response {
    let body = serde_json::to_vec(view).expect("strings serialise");
    let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(digest(&SHA256, &body)));
    let known = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut known = known.flat_map(|value| value.split(',')).map(str::trim);
    let lasting = [(CACHE_CONTROL, CACHED.to_owned()), (ETAG, tag.clone())];
    // The comparison is the weak one (RFC 9110 section 13.1.2).
    if known.any(|known| known == "*" || known.trim_start_matches("W/") == tag) {
        return (StatusCode::NOT_MODIFIED, lasting).into_response();
    }
    (lasting, [(CONTENT_TYPE, media_type)], body).into_response()
}
