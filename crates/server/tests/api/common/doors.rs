use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::response::Response;
use cloakroom::app::App;
use cloakroom::door::Door;
use cloakroom::routes;
use cloakroom_auth::drift::Drift;
use cloakroom_verify::clock::Clock;
use http::Request;

/// The doors of a deployment: requests go to one after the other, as behind a proxy that takes turns.
#[derive(Clone)]
pub struct Doors {
    doors: Arc<[(App, Door)]>,
    turn: Arc<AtomicUsize>,
}

impl Doors {
    pub fn of(apps: &[App]) -> Self {
        let door = |app: &App| (app.clone(), routes::door(app.clone()));
        Self { doors: apps.iter().map(door).collect(), turn: Arc::default() }
    }

    /// A door with a router of the test's own.
    pub fn one(app: &App, router: axum::Router) -> Self {
        Self {
            doors: [(app.clone(), Door::new(app.clone(), app.verifier.clone(), router))].into(),
            turn: Arc::default(),
        }
    }

    pub async fn answer(&self, request: Request<Body>) -> Response {
        let (app, door) = &self.doors[self.turn.fetch_add(1, Ordering::Relaxed) % self.doors.len()];
        if self.doors.len() > 1 {
            // Time moves by hand. This stands for what each server does by itself: it writes uses every second, and
            // hears of the others within feed.bound. A store that is down shows in the answer.
            for (app, _) in self.doors.iter() {
                let _ = app.auth.flush_due_uses(app.clock.wall()).await;
            }
            let _ = app.follower.sync().await;
        }
        if crate::REPLICAS > 1 {
            // The time of the database does not move by hand: how far it is off says nothing.
            app.auth.drift.set(Drift::default());
        }
        door.answer(request).await
    }
}
