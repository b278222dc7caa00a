//! What is deleted once nobody needs it.

use cloakroom::tend;
use secrecy::ExposeSecret;

use super::common::*;

#[tokio::test]
async fn what_cannot_be_deleted_keeps_nothing_else() {
    let world = World::new().await;
    let alice = world.login("alice", Way::SessionHeader).await;
    world.login("alice", Way::SessionHeader).await;
    assert_eq!(alice.post_empty("/v1/logout").await.status, 204);
    let deleted = |what: &str, count: u64| {
        let metrics = world.app.metrics.text(&world.app);
        let line = format!("cloakroom_rows_purged_total{{what=\"{what}\"}} {count}\n");
        assert!(metrics.contains(&line), "{line}{metrics}");
    };
    world.advance(400 * Duration::from_secs(86_400));
    world.sql("ALTER TABLE sessions RENAME TO gone_sessions");
    assert!(tend::purge(&world.app, world.now()).await.is_err(), "it is told");
    deleted("events", 1);
    // In Redis nothing was in their way, and there is a mark of the one that was ended.
    let in_redis = world.config.store.sessions.expose_secret() != "store";
    deleted("sessions", if in_redis { 2 } else { 0 });
    deleted("marks", u64::from(in_redis));
    world.sql("ALTER TABLE gone_sessions RENAME TO sessions");
    // Until then the duty is taken.
    world.advance(Duration::from_secs(121));
    tend::purge(&world.app, world.now()).await.unwrap();
    deleted("events", 1);
    deleted("sessions", 2);
}
