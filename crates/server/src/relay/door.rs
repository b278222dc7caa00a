//! Every request to a relay comes in here and every answer goes out: the same limits as at a server's door. There are
//! no cookies and no credentials of people here, so where a page comes from does not matter.

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use cloakroom_verify::clock::Clock;
use http::Request;

use super::{Relay, routes};
use crate::client_address::Peer;
use crate::door::{self, bounded, catch, finish, handled};
use crate::request_id;
use crate::serve::Answer;

/// See the module.
#[derive(Clone)]
pub struct RelayDoor {
    relay: Relay,
    router: Router,
}

impl RelayDoor {
    /// The door of this relay.
    pub fn new(relay: Relay) -> Self {
        Self { router: routes::router(relay.clone()), relay }
    }
}

impl Answer for RelayDoor {
    async fn answer(&self, peer: Peer, request: Request<Body>) -> Response {
        let Self { relay, router } = self;
        let started = relay.clock.boot();
        let id = request_id::of(request.headers());
        let (method, route) = (request.method().clone(), relay.metrics.route(request.uri().path()));
        let mut response = match bounded(request).await {
            Ok(mut request) => {
                // Passed on with it: one name for a request at all who have to do with it.
                request.headers_mut().insert(request_id::HEADER, id.clone());
                request.extensions_mut().insert(peer);
                handled(&id, catch(door::route(router, request)).await)
            }
            Err(problem) => problem.into_response(),
        };
        finish(&mut response, id);
        relay.metrics.answered(&method, route, response.status(), relay.clock.boot().since(started));
        response
    }
}
