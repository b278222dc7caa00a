//! Idle timeouts: what they cost the database, and what a crash does to them.

use std::sync::Arc;

use cloakroom_auth::Auth;
use cloakroom_verify::{SessionId, Timestamp};
use tokio::sync::oneshot;

use super::common::Database;
use super::common::*;

const SECOND: Duration = Duration::from_secs(1);
/// Of `session.idle_timeout`, in seconds: the shortest that there is.
const WINDOW: usize = 60;
const MINUTE: Duration = Duration::from_secs(60);
const SHORT: (&str, &str) = ("session.idle_timeout", "1m");

/// Counts each write of a session from now on, whatever it changes.
fn count_writes(world: &World) {
    world.sql(match world.database {
        Database::File(_) => {
            "CREATE TABLE writes (id INTEGER PRIMARY KEY); CREATE TRIGGER counted AFTER UPDATE ON sessions \
             BEGIN INSERT INTO writes VALUES (NULL); END"
        }
        Database::Schema { .. } => {
            "CREATE TABLE writes (id SERIAL PRIMARY KEY); CREATE FUNCTION counted() RETURNS trigger \
             LANGUAGE plpgsql AS 'BEGIN INSERT INTO writes DEFAULT VALUES; RETURN NULL; END'; \
             CREATE TRIGGER counted AFTER UPDATE ON sessions FOR EACH ROW EXECUTE FUNCTION counted()"
        }
    });
}

/// `cargo test -p cloakroom --test api idle -- --nocapture` shows what was counted.
#[tokio::test]
async fn a_session_that_is_used_every_second_is_written_four_times_an_idle_window_at_most() {
    let world = World::with(&[SHORT]).await;
    let alice = world.login("alice", Way::SessionHeader).await;
    count_writes(&world);
    // How many there were, second for second.
    let mut written = vec![0];
    for _ in 0..10 * WINDOW {
        world.advance(SECOND);
        assert_eq!(alice.get("/v1/me").await.status, 200);
        world.flush_due_uses().await;
        written.push(world.database.rows("writes").len());
    }
    // Any window, wherever it begins.
    let windows = written.windows(WINDOW + 1).map(|window| window[WINDOW] - window[0]);
    let (least, most) = (windows.clone().min().unwrap(), windows.max().unwrap());
    let (all, servers) = (written.last().unwrap(), crate::REPLICAS);
    println!(
        "{} uses by {servers} server(s) in 10 idle windows: {all} writes, {least} to {most} in a window",
        10 * WINDOW
    );
    assert!(most <= 4 * servers, "{least} to {most} writes in a window");
    assert!(least >= 1, "uses must reach the database while the session is busy");
}

/// What a crash forgets are uses, so it can only make a session end earlier: by a second that was not written yet, and
/// by the quarter of the timeout that lies between two writes.
#[tokio::test]
async fn after_a_crash_no_session_outlives_its_idle_timeout_and_none_ends_much_before() {
    let mut world = World::with(&[SHORT]).await;
    for used in [1, 14, 15, 16, 31, 59, 60, 100] {
        let alice = world.login("alice", Way::SessionHeader).await;
        for _ in 0..used {
            world.advance(SECOND);
            assert_eq!(alice.get("/v1/me").await.status, 200);
            world.flush_due_uses().await;
        }
        // The last use: nobody wrote it.
        assert_eq!(alice.get("/v1/me").await.status, 200);
        world.crash().await;
        let before = world.now();
        // To look is to use: each look is of a deployment that forgets it again.
        world.advance(Duration::from_secs(44));
        let early = world.app().store.list_sessions(world.user("alice").await.id, world.now()).await.unwrap();
        let listed = early.iter().max_by_key(|session| session.created_at).unwrap();
        let idle_at = listed.last_used_at.after(listed.idle_timeout);
        assert!(idle_at >= world.now(), "used for {used} s: it ends more than a quarter early");
        assert!(
            idle_at <= before.after(MINUTE),
            "used for {used} s: what is stored is later than its last use"
        );
        world.advance(Duration::from_secs(16));
        assert_eq!(
            world.again(&alice).get("/v1/me").await.status,
            401,
            "used for {used} s, and then not for 60"
        );
    }
}

/// Takes what is due, and is asked to end while it writes.
async fn write_for_ever(auth: Arc<Auth>, now: Timestamp, begun: oneshot::Sender<()>) {
    struct Writing(Arc<Auth>, Vec<(SessionId, Timestamp)>);

    impl Drop for Writing {
        fn drop(&mut self) {
            self.0.uses.put_back(&self.1);
        }
    }

    let taken = auth.uses.take_due(now);
    assert!(!taken.is_empty());
    let _writing = Writing(auth, taken);
    begun.send(()).unwrap();
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_use_that_is_being_written_when_the_server_ends_is_written_all_the_same() {
    let world = World::with(&[SHORT]).await;
    let alice = world.login("alice", Way::SessionHeader).await;
    world.advance(MINUTE / 2);
    let doors = Doors::of(&world.apps()[..1]);
    let alice = Client { doors, ..alice };
    assert_eq!(alice.get("/v1/me").await.status, 200);
    let (begun, writes) = oneshot::channel();
    let tending = tokio::spawn(write_for_ever(world.app(), world.now(), begun));
    writes.await.unwrap();
    cloakroom::tend::end(tending, &world.app).await.unwrap();
    let id = alice.grant["session"]["id"].as_str().unwrap().parse().unwrap();
    let row = world.app().store.find(id).await.unwrap().unwrap().session;
    assert_eq!(row.last_used_at, world.now());
}
