//! The same loop with an ear in the place of the checks, as a relay has it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloakroom_verify::feed::wire::sync::SyncAnswer;
use cloakroom_verify::remote::{Ear, Feed};
use cloakroom_verify::{Event, Revocation, Rv, SessionId};

use crate::common::BOUND;
use crate::network::SimLink;
use crate::world::World;

/// Somebody behind it knows nothing but this.
#[derive(Default)]
struct Behind(Mutex<Option<Rv>>);

impl Ear for Behind {
    fn ask_from(&self, known: Option<Rv>) -> Option<Rv> {
        self.0.lock().unwrap().or(known)
    }
    fn heard(&self, _: &Event) {}
    fn answered(&self, _: Option<Rv>, _: &SyncAnswer) {}
    fn pushed(&self, _: Option<Rv>, _: &Event) {}
    fn filled(&self, _: Rv, _: Rv) {}
}

#[test]
fn a_copy_that_lags_vouches_for_nothing_however_little_was_asked_from() {
    let mut world = World::new(1, 1);
    let (behind, runtime) = (Arc::new(Behind::default()), world.machine.runtime());
    let link = SimLink { shared: Arc::clone(&world.shared), server: 0, runtime: runtime.clone() };
    let ear = Arc::<Behind>::clone(&behind);
    let (feed, work) = Feed::over(vec![link], BOUND, ear, runtime, world.machine.clock.clone());
    work.into_iter().for_each(|part| world.machine.spawn(part));
    let revoke = |world: &World, id: u8| {
        let revocation = Revocation::SessionRevoked(SessionId::from_bytes([id; 16]));
        world.shared.database.lock().unwrap().commit(world.now(), revocation)
    };
    let first = revoke(&world, 1);
    world.run(1_000);
    let copy = world.shared.database.lock().unwrap().now();
    revoke(&world, 2);
    world.run(1_000);
    assert!(feed.lease().is_fresh(&world.machine.clock));
    *behind.0.lock().unwrap() = Some(first);
    world.shared.servers[0].lock().unwrap().copy = Some(copy);
    // What was asked before is answered.
    world.run(1_000);
    let known_until = feed.lease().known_until();
    world.run(5_000);
    assert_eq!(
        feed.lease().known_until(),
        known_until,
        "its head is not behind the question, but behind what was known"
    );
    assert!(feed.lease().age(&world.machine.clock) > Some(BOUND));
    world.shared.servers[0].lock().unwrap().copy = None;
    world.run(2_000);
    assert!(feed.lease().age(&world.machine.clock) < Some(Duration::from_secs(1)));
}
