//! The routes: one file a resource, one line each here.

pub mod admin;
pub(crate) mod at_once;
pub(crate) mod class;
pub mod ended;
pub mod exchange;
pub mod feed;
pub mod login;
pub mod logout;
pub mod me;
pub mod openapi;
pub mod password;
pub mod refresh;
pub mod service;
pub mod sessions;
pub mod signup;
pub mod verify;
pub mod well_known;

use axum::Router;
use axum::routing::get;
use cloakroom_verify::authenticate::Authenticate;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::door::Door;
use crate::problem::{Code, Problem};

/// Every path, for counting; a test holds it against the description.
pub const PATHS: &[&str] = &[
    "/v1/me",
    "/v1/verify",
    "/v1/login",
    "/v1/refresh",
    "/v1/logout",
    "/v1/exchange",
    "/v1/signup",
    "/v1/sessions",
    "/v1/sessions/ended",
    "/v1/sessions/{id}",
    "/v1/password",
    "/v1/reauthenticate",
    "/v1/introspect",
    "/v1/revoke",
    "/v1/feed/sync",
    "/v1/feed/stream",
    "/v1/feed/snapshot",
    "/v1/feed/touch",
    "/v1/admin/revocations",
    "/v1/admin/users",
    "/v1/admin/users/{id}",
    "/v1/admin/users/{id}/disable",
    "/v1/admin/users/{id}/enable",
    "/v1/admin/users/{id}/sessions",
    "/.well-known/jwks.json",
    "/.well-known/oauth-authorization-server",
    "/openapi.json",
];

/// The routes of the contract, as they are described and as they are served.
pub(crate) fn described() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(openapi::frame())
        .routes(routes!(signup::signup))
        .routes(routes!(login::login))
        .routes(routes!(refresh::refresh))
        .routes(routes!(exchange::exchange))
        .routes(routes!(logout::logout))
        .routes(routes!(service::introspect))
        .routes(routes!(service::revoke))
        .routes(routes!(feed::sync::sync))
        .routes(routes!(feed::stream::stream))
        .routes(routes!(feed::snapshot::snapshot))
        .routes(routes!(feed::touch::touch))
        .routes(routes!(well_known::jwks))
        .routes(routes!(well_known::metadata))
        .routes(routes!(me::me))
        .routes(routes!(verify::verify))
        .routes(routes!(sessions::list, sessions::end_many))
        .routes(routes!(ended::ended))
        .routes(routes!(sessions::end))
        .routes(routes!(password::change))
        .routes(routes!(password::reauthenticate))
        .routes(routes!(admin::revocations::revoke))
        .routes(routes!(admin::users::list))
        .routes(routes!(admin::users::show))
        .routes(routes!(admin::users::disable))
        .routes(routes!(admin::users::enable))
        .routes(routes!(admin::users::sessions))
}

/// The whole HTTP interface.
pub fn door(app: App) -> Door {
    let verifier = app.verifier.clone();
    door_asking(app, verifier)
}

/// The same, with another answer to who is calling: for comparisons, in which nothing else may differ.
pub fn door_asking<V: Authenticate>(app: App, verifier: V) -> Door<V> {
    let (described, api) = described().split_for_parts();
    let document = openapi::document(api);
    let router: Router = described
        .route("/openapi.json", get(move || openapi::serve(document.clone())))
        .fallback(async || Problem::new(Code::NotFound))
        .method_not_allowed_fallback(async || Problem::new(Code::MethodNotAllowed))
        .with_state(app.clone());
    Door::new(app, verifier, router)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_described_path_is_counted_under_its_name() {
        let (_, api) = described().split_for_parts();
        let mut described: BTreeSet<&str> = api.paths.paths.keys().map(String::as_str).collect();
        described.insert("/openapi.json");
        assert_eq!(described, PATHS.iter().copied().collect());
    }
}
