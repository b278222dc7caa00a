use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::response::Response;
use cloakroom::app::App;
use cloakroom::client_address::Peer;
use cloakroom::door::Door;
use cloakroom::{routes, serve};
use cloakroom_auth::drift::Drift;
use cloakroom_verify::clock::Clock;
use http::Request;

use super::front::Front;

/// The doors of a deployment. Requests go to one after the other: nginx sees to it where there are several.
#[derive(Clone)]
pub struct Doors {
    doors: Arc<[Entrance]>,
    turn: Arc<AtomicUsize>,
    front: Option<Arc<Front>>,
}

impl Doors {
    pub fn of(apps: &[App]) -> Self {
        let all: Arc<[App]> = apps.into();
        let entrance =
            |app: &App| Entrance { app: app.clone(), door: routes::door(app.clone()), all: Arc::clone(&all) };
        let doors: Arc<[Entrance]> = apps.iter().map(entrance).collect();
        let front = Front::of(&doors).map(Arc::new);
        Self { doors, turn: Arc::default(), front }
    }

    /// A door with a router of the test's own.
    pub fn one(app: &App, router: axum::Router) -> Self {
        let door = Door::new(app.clone(), app.verifier.clone(), router);
        let entrance = Entrance { app: app.clone(), door, all: [app.clone()].into() };
        Self { doors: [entrance].into(), turn: Arc::default(), front: None }
    }

    /// The same ones without nginx before them.
    pub fn directly(&self) -> Self {
        Self { front: None, ..self.clone() }
    }

    pub async fn answer(&self, request: Request<Body>) -> Response {
        if let Some(front) = &self.front {
            return front.answer(request).await;
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        self.doors[turn % self.doors.len()].enter(request).await
    }
}

/// One server, at the moment when a request arrives.
#[derive(Clone)]
pub struct Entrance {
    app: App,
    door: Door,
    all: Arc<[App]>,
}

impl Entrance {
    async fn enter(&self, request: Request<Body>) -> Response {
        if self.all.len() > 1 {
            // Time moves by hand. This stands for what each server does by itself: it writes uses every second, and
            // hears of the others within feed.bound. A store that is down shows in the answer.
            for app in self.all.iter() {
                let _ = app.auth.flush_due_uses(app.clock.wall()).await;
            }
            let _ = self.app.follower.sync().await;
        }
        if crate::REPLICAS > 1 {
            // The time of the database does not move by hand: how far it is off says nothing.
            self.app.auth.drift.set(Drift::default());
        }
        self.door.answer(request).await
    }
}

impl serve::Answer for Entrance {
    /// nginx is every client's peer, and one budget for all of them is another test's: here nobody has an address.
    async fn answer(&self, _: Peer, request: Request<Body>) -> Response {
        self.enter(request).await
    }
}
