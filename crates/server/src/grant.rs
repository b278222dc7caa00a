//! A grant on its way to the client: cookies or JSON.

use axum::response::Response;
use cloakroom_auth::grant::{Credentials, Grant};
use cloakroom_verify::{Timestamp, Transport};
use http::header::{CACHE_CONTROL, SET_COOKIE};
use secrecy::ExposeSecret;

use crate::app::App;
use crate::cookies::Clear;
use crate::json;
use crate::view::GrantView;

/// Renders a grant. A token that travels in a cookie is nowhere else.
pub fn render(app: &App, grant: &Grant, transport: Transport, now: Timestamp) -> Response {
    let in_cookie = transport == Transport::Cookie;
    let mut response = json::written(&GrantView::of(grant, in_cookie, now));
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, http::HeaderValue::from_static("no-store"));
    let max_age =
        |session: &cloakroom_auth::session::Session| session.remember.then(|| session.expires_at.since(now));
    let cookie = match &grant.credentials {
        Credentials::Session { token, session } if in_cookie => {
            Some(app.cookies.session(token.expose_secret(), max_age(session)))
        }
        Credentials::Hybrid { refresh, session, .. } if in_cookie => {
            Some(app.cookies.refresh(refresh.expose_secret(), max_age(session)))
        }
        Credentials::Session { .. } | Credentials::Hybrid { .. } | Credentials::Jwt { .. } => None,
    };
    if let Some(cookie) = cookie {
        headers.append(SET_COOKIE, cookie);
    }
    response
}

/// Renders the answer of an exchange: the cookie of the strategy that was left is cleared, since its token is dead.
pub fn exchanged(app: &App, grant: &Grant, transport: Transport, now: Timestamp) -> Response {
    let mut response = render(app, grant, transport, now);
    let left = match grant.credentials {
        Credentials::Session { .. } => Clear::Refresh,
        Credentials::Hybrid { .. } | Credentials::Jwt { .. } => Clear::Session,
    };
    response.headers_mut().append(SET_COOKIE, app.cookies.clear_one(left));
    response
}
