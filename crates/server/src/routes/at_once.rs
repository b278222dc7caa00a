//! What is asked most and needs nothing but the caller: answered at the door, past the router.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use cloakroom_verify::layer::Caller;
use http::{Method, Request};

use super::{me, verify};
use crate::app::App;
use crate::client_address::Peer;

/// The same answer as through the router; `None` for any other request.
pub(crate) fn answer(
    app: &App,
    peer: Option<Peer>,
    request: &Request<Body>,
    caller: &Caller,
) -> Option<Response> {
    if request.method() != Method::GET {
        return None;
    }
    Some(match request.uri().path() {
        "/v1/me" => caller.known().map(|(principal, _)| me::told(app, principal)).into_response(),
        "/v1/verify" => verify::told(app, peer, request.headers(), caller).into_response(),
        _ => return None,
    })
}
