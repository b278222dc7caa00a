//! `/readyz`: who should get requests.

use axum::body::Body;
use cloakroom::app::App;
use cloakroom::config::Mode;
use cloakroom::key_files::rotate::{LEAD, Purpose, rotate};
use cloakroom::management;
use cloakroom_verify::clock::{Clock, SystemClock};
use http::Request;
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::common::*;

async fn ready(app: &App) -> (u16, String) {
    let request = Request::get("/readyz").body(Body::empty()).unwrap();
    let response = management::router(app.clone()).oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let text = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(text.to_vec()).unwrap())
}

/// Looks at each server after it was announced, as it is every few seconds. What time it is in its database is what this
/// machine says, and `off`.
async fn announced(world: &World, off: i64) -> (u16, String) {
    let real = SystemClock.wall().as_millis();
    world.clock.set_wall(cloakroom_verify::Timestamp::from_millis(real + off * 1000));
    let mut told = None;
    for app in world.apps() {
        app.follower.announce().await.unwrap();
        told = Some(ready(app).await);
    }
    told.unwrap()
}

#[tokio::test]
async fn a_server_far_from_the_clock_of_its_database_is_not_ready() {
    let world = World::new().await;
    let is_ready = (200, String::from("ready\n"));
    for off in [0, 3, 0, -3, 0] {
        assert_eq!(announced(&world, off).await, is_ready, "{off}");
    }
    for (off, direction) in [(60, "ahead of"), (-60, "behind")] {
        let (status, text) = announced(&world, off).await;
        if world.is_on_postgres() {
            assert_eq!(status, 503);
            assert!(text.starts_with("the clock is ") && text.contains(direction), "{text}");
        } else {
            assert_eq!(status, 200, "one machine has one clock");
        }
        assert_eq!(announced(&world, 0).await, is_ready);
    }
}

#[tokio::test]
async fn a_server_that_ends_or_knows_nothing_of_the_last_moments_is_not_ready() {
    let world = World::new().await;
    announced(&world, 0).await;
    world.break_store();
    assert_eq!(ready(&world.app).await.0, 200);
    world.advance(Duration::from_secs(3));
    assert_eq!(ready(&world.app).await, (503, String::from("the store does not answer\n")));
    world.mend_store();
    world.follow().await;
    announced(&world, 0).await;
    assert_eq!(ready(&world.app).await.0, 200);
    world.drain();
    assert_eq!(ready(&world.app).await, (503, String::from("draining\n")));
}

#[tokio::test]
async fn a_server_whose_signing_key_is_revoked_is_ready_only_where_it_signs_nothing() {
    let revoked = (503, String::from("the signing key is revoked, and there is no other\n"));
    let session_alone = [("strategies.allowed", r#"["session"]"#)];
    for (settings, told) in [(&[][..], revoked), (&session_alone[..], (200, String::from("ready\n")))] {
        let world = World::with(settings).await;
        assert_eq!(announced(&world, 0).await.0, 200);
        let key = world.app.auth.keyring.load().kid.clone();
        world.app.auth.revoke_key(key, world.now()).await.unwrap();
        assert_eq!(ready(&world.app).await, told);
    }
}

/// With the command that revokes a key the next one is published at once and signs seconds later, on all servers alike:
/// nobody should take them all for dead meanwhile.
#[tokio::test]
async fn a_server_whose_next_key_is_published_is_ready() {
    let world = World::new().await;
    rotate(&world.config, Mode::Development, Purpose::Signing, LEAD, world.now()).unwrap();
    world.look_at_keys().unwrap();
    assert_eq!(announced(&world, 0).await.0, 200);
    let key = world.app.auth.keyring.load().kid.clone();
    world.app.auth.revoke_key(key, world.now()).await.unwrap();
    assert_eq!(ready(&world.app).await.0, 200);
}
