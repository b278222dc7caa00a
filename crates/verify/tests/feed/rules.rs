//! One rule at a time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloakroom_verify::authenticate::{Authenticate, Denied, Proof, Reason, RouteClass};
use cloakroom_verify::clock::Clock;
use cloakroom_verify::remote::Ended;
use cloakroom_verify::{Principal, PrincipalFacts, Revocation, Roles, Rv, SessionId, Strategy, UserId};

use crate::common::{Forge, start};
use crate::database::Credential;
use crate::network::jwks;
use crate::world::World;

const ALICE: UserId = UserId::from_bytes([1; 16]);
const REVOKED: Denied = Denied::Unauthenticated(Reason::Revoked);

fn syncs(world: &World) -> u32 {
    world.shared.servers.iter().map(|server| server.lock().unwrap().syncs).sum()
}

fn show_on(world: &mut World, class: RouteClass, credential: &Credential) -> Result<Principal, Denied> {
    let (verifier, text) = (world.verifier.clone(), credential.text.clone());
    world.machine.block_on(async move { verifier.authenticate_on(class, Proof::Bearer(&text)).await })
}

#[test]
fn a_revocation_bites_in_milliseconds() {
    let mut world = World::fresh(2);
    let credential = world.token(1, ALICE);
    assert!(world.show(&credential).is_ok());
    world.commit(Revocation::SessionRevoked(SessionId::from_bytes([1; 16])));
    world.run(20);
    assert_eq!(world.show(&credential), Err(REVOKED));
    let metrics = world.verifier.metrics();
    assert!(metrics.servers.iter().any(|server| server.pushed > 0), "{metrics:?}");
    assert!(metrics.revocation_lag < Duration::from_millis(400), "{metrics:?}");
}

#[test]
fn each_server_is_asked_eight_times_a_bound() {
    let mut world = World::fresh(2);
    let before = syncs(&world);
    world.run(2_000);
    let asked = syncs(&world) - before;
    assert!((14..=18).contains(&asked), "{asked}");
}

#[test]
fn a_server_that_comes_back_is_found_within_about_a_second() {
    let mut world = World::fresh(1);
    world.all_down(true);
    world.run(60_000);
    assert!(!world.verifier.ready());
    let before = world.verifier.metrics().servers[0].failures;
    world.run(10_000);
    let tries = world.verifier.metrics().servers[0].failures - before;
    assert!((9..=21).contains(&tries), "neither a flood nor a pause: {tries}");
    world.all_down(false);
    world.run(1_100);
    assert!(world.verifier.ready());
}

#[test]
fn without_an_answer_within_the_bound_nobody_is_accepted_and_nobody_is_unauthenticated() {
    let mut world = World::fresh(2);
    let (token, session) = (world.token(1, ALICE), world.session(2, ALICE));
    assert!(world.show(&token).is_ok() && world.show(&session).is_ok());
    world.all_down(true);
    world.run(1_000);
    assert!(world.show(&token).is_ok(), "within the lease nobody need be asked");
    world.run(1_200);
    assert_eq!(world.show(&token), Err(Denied::Unavailable));
    assert_eq!(world.show(&session), Err(Denied::Unavailable));
    assert!(world.verifier.metrics().fallbacks >= 2);
}

#[test]
fn whoever_waits_with_a_lapsed_lease_shares_one_question_to_each_server() {
    let mut world = World::new(1, 2);
    world.run(500);
    let credential = world.token(1, ALICE);
    assert!(world.show(&credential).is_ok());
    world.all_down(true);
    world.run(4_000);
    // Both are back while the loop still pauses; a hundred requests come at once.
    let asked = syncs(&world);
    world.all_down(false);
    let accepted = Arc::new(Mutex::new(0));
    for _ in 0..100 {
        let (verifier, text, accepted) =
            (world.verifier.clone(), credential.text.clone(), Arc::clone(&accepted));
        world.machine.spawn(async move {
            if verifier.authenticate(Proof::Bearer(&text)).await.is_ok() {
                *accepted.lock().unwrap() += 1;
            }
        });
    }
    world.run(40);
    assert_eq!(*accepted.lock().unwrap(), 100);
    assert!(syncs(&world) - asked <= 4, "{}", syncs(&world) - asked);
}

#[test]
fn a_question_on_demand_is_given_up_after_three_hundred_milliseconds() {
    let mut world = World::fresh(1);
    let credential = world.token(1, ALICE);
    assert!(world.show(&credential).is_ok());
    world.shared.servers[0].lock().unwrap().way = Duration::from_secs(60);
    world.run(3_000);
    let begin = world.now();
    assert_eq!(world.show(&credential), Err(Denied::Unavailable));
    let took = Duration::from_nanos(world.now() - begin);
    assert!((300..=310).contains(&took.as_millis()), "{took:?}");
}

#[test]
fn an_answer_to_another_question_counts_for_nothing() {
    let mut world = World::fresh(1);
    world.shared.servers[0].lock().unwrap().replays = true;
    let synced = world.verifier.metrics().servers[0].syncs;
    world.run(4_000);
    assert_eq!(world.verifier.metrics().servers[0].syncs, synced);
    assert!(!world.verifier.ready());
}

#[test]
fn freshness_counts_from_before_the_question_and_its_age_before_that() {
    let mut world = World::fresh(1);
    world.shared.servers[0].lock().unwrap().way = Duration::from_millis(400);
    world.run(2_000);
    let clock = world.machine.clock.clone();
    let youngest = (0..2_000).map(|_| {
        world.run(1);
        world.verifier.lease().age(&clock).unwrap()
    });
    assert!(youngest.min().unwrap() >= Duration::from_millis(400));
    // A server that says how old its knowledge is: a relay, or a read that was shared.
    let mut world = World::fresh(1);
    world.shared.faults.lock().unwrap().aged = 1_000;
    world.run(2_000);
    let clock = world.machine.clock.clone();
    let ages = (0..2_000).map(|_| {
        world.run(1);
        world.verifier.lease().age(&clock).unwrap()
    });
    assert!(ages.max().unwrap() <= Duration::from_millis(1_300));
}

#[test]
fn a_push_makes_nothing_fresh() {
    let mut world = World::fresh(1);
    // Answers never arrive in time, events do.
    world.shared.servers[0].lock().unwrap().way = Duration::from_secs(60);
    for _ in 0..60 {
        world.commit(Revocation::UserBefore(UserId::from_bytes([9; 16])));
        world.run(50);
    }
    assert!(world.verifier.metrics().servers[0].pushed > 50);
    assert!(!world.verifier.ready());
}

#[test]
fn the_smaller_bound_counts() {
    let mut world = World::fresh(2);
    let credential = world.token(1, ALICE);
    assert!(world.show(&credential).is_ok());
    world.shared.servers[1].lock().unwrap().bound = Duration::from_millis(800);
    world.run(1_000);
    assert_eq!(world.verifier.metrics().bound, Duration::from_millis(800));
    world.all_down(true);
    world.run(801);
    assert_eq!(world.show(&credential), Err(Denied::Unavailable));
}

#[test]
fn a_snapshot_that_was_cut_counts_for_nothing() {
    let mut world = World::new(1, 1);
    world.shared.servers[0].lock().unwrap().cuts = true;
    for _ in 0..20 {
        world.commit(Revocation::UserBefore(ALICE));
    }
    world.run(5_000);
    assert_eq!(world.verifier.metrics().snapshots, 0);
    assert!(!world.verifier.ready());
    world.shared.servers[0].lock().unwrap().cuts = false;
    world.run(1_500);
    assert!(world.verifier.ready());
    assert_eq!(world.verifier.metrics().snapshots, 1);
}

#[test]
fn a_new_epoch_un_revokes_nothing() {
    let mut world = World::fresh(2);
    let credential = world.token(1, ALICE);
    world.commit(Revocation::SessionRevoked(SessionId::from_bytes([1; 16])));
    world.run(100);
    let now = world.now();
    world.shared.database.lock().unwrap().fail_over(now, 1);
    world.run(1_000);
    assert_eq!(world.verifier.metrics().position, Some(Rv::new(6, 0)));
    assert_eq!(world.show(&credential), Err(REVOKED));
}

#[test]
fn an_answer_about_a_session_counts_only_within_the_bound() {
    let mut world = World::fresh(2);
    let session = world.session(1, ALICE);
    for server in &world.shared.servers {
        server.lock().unwrap().way = Duration::from_millis(1_100);
    }
    assert_eq!(world.show(&session), Err(Denied::Unavailable));
    for server in &world.shared.servers {
        server.lock().unwrap().way = Duration::ZERO;
    }
    world.run(1_500);
    assert!(world.show(&session).is_ok());
}

#[test]
fn one_server_that_is_down_is_not_an_outage() {
    let mut world = World::fresh(2);
    world.shared.servers[0].lock().unwrap().is_down = true;
    let (session, token) = (world.session(1, ALICE), world.token(2, ALICE));
    for _ in 0..50 {
        world.run(100);
        assert!(world.show(&token).is_ok() && world.show(&session).is_ok());
    }
    let asked: u32 = world.shared.servers.iter().map(|server| server.lock().unwrap().questions).sum();
    assert_eq!(asked, 1, "and a session is asked for once");
}

#[test]
fn a_tolerant_route_goes_on_for_so_long_and_no_longer() {
    let mut world = World::new(1, 2);
    let tolerant = RouteClass::Tolerant(Duration::from_secs(30));
    let (credential, dead) = (world.token(1, ALICE), world.token(2, UserId::from_bytes([2; 16])));
    world.all_down(true);
    world.run(100);
    let early = show_on(&mut world, tolerant, &credential);
    assert_eq!(early, Err(Denied::Unavailable), "never synced");
    world.all_down(false);
    // Keys are asked for again ten seconds after they could not be had.
    world.run(11_000);
    assert!(show_on(&mut world, tolerant, &credential).is_ok());
    world.commit(Revocation::UserBefore(UserId::from_bytes([2; 16])));
    world.run(500);
    world.all_down(true);
    world.run(20_000);
    assert_eq!(world.verifier.metrics().stale_accepts, 0);
    assert!(show_on(&mut world, tolerant, &credential).is_ok());
    assert_eq!(world.verifier.metrics().stale_accepts, 1);
    assert_eq!(show_on(&mut world, tolerant, &dead), Err(REVOKED), "what is known to be dead stays dead");
    assert_eq!(show_on(&mut world, RouteClass::Bounded, &credential), Err(Denied::Unavailable));
    world.run(10_500);
    assert_eq!(show_on(&mut world, tolerant, &credential), Err(Denied::Unavailable));
}

/// When a principal's `revoked` was answered, and with what.
fn ends(world: &mut World, credential: &Credential) -> Arc<Mutex<Option<(u64, Ended)>>> {
    let (principal, clock) = (world.show(credential).unwrap(), world.machine.clock.clone());
    let ended = Arc::new(Mutex::new(None));
    let told = Arc::clone(&ended);
    world.machine.spawn(async move {
        let why = principal.revoked().await;
        *told.lock().unwrap() = Some((clock.boot().0, why));
    });
    ended
}

#[test]
fn a_long_lived_connection_learns_that_its_caller_is_revoked() {
    let mut world = World::fresh(2);
    let (token, session, other) = (world.token(1, ALICE), world.session(2, ALICE), world.token(3, ALICE));
    let ended = [&token, &session, &other].map(|credential| ends(&mut world, credential));
    world.run(10_000);
    assert!(ended.iter().all(|ended| ended.lock().unwrap().is_none()), "nobody is woken for nothing");
    for n in [1, 2] {
        world.commit(Revocation::SessionRevoked(SessionId::from_bytes([n; 16])));
    }
    world.run(20);
    assert_eq!(ended[0].lock().unwrap().unwrap().1, Ended::Revoked);
    assert_eq!(ended[1].lock().unwrap().unwrap().1, Ended::Revoked);
    world.commit(Revocation::ClaimsBefore(UserId::from_bytes([7; 16])));
    world.run(20);
    assert_eq!(*ended[2].lock().unwrap(), None);
}

#[test]
fn it_learns_of_changes_of_the_loss_of_the_lease_and_of_its_expiry() {
    let mut world = World::fresh(2);
    let (session, token) = (world.session(1, ALICE), world.token(2, UserId::from_bytes([2; 16])));
    let changed = ends(&mut world, &session);
    world.commit(Revocation::ClaimsBefore(ALICE));
    world.run(20);
    assert_eq!(changed.lock().unwrap().unwrap().1, Ended::Changed);

    let lost = ends(&mut world, &token);
    world.run(1_000);
    world.all_down(true);
    let cut = world.now();
    world.run(3_000);
    let (at, why) = lost.lock().unwrap().unwrap();
    assert_eq!(why, Ended::Unknown);
    assert!(Duration::from_nanos(at - cut) <= Duration::from_millis(2_000), "no later than its lease");
    world.all_down(false);
    world.run(1_500);

    let expired = ends(&mut world, &token);
    world.run(880_000);
    assert_eq!(*expired.lock().unwrap(), None);
    world.run(20_000);
    let (at, why) = expired.lock().unwrap().unwrap();
    assert_eq!(why, Ended::Expired);
    assert!((899_900..=900_100).contains(&(at / 1_000_000 - 3_600_000)), "{at}");
}

#[test]
fn a_principal_that_nobody_watches_says_so() {
    let principal = Principal::new(PrincipalFacts {
        user: ALICE,
        email: None,
        name: None,
        roles: Roles::default(),
        strategy: Strategy::Jwt,
        session: None,
        token: None,
        rv: Rv::ZERO,
        auth_time: start(),
        expires_at: start(),
        login: None,
    });
    let mut world = World::new(1, 1);
    assert_eq!(world.machine.block_on(async move { principal.revoked().await }), Ended::Unwatched);
}

#[test]
fn a_thousand_waiters_may_give_up_and_come_again() {
    let mut world = World::fresh(1);
    let credential = world.token(1, ALICE);
    let principal = world.show(&credential).unwrap();
    for _ in 0..1_000 {
        let (principal, runtime) = (principal.clone(), world.machine.runtime());
        world.machine.spawn(async move {
            for _ in 0..3 {
                let pause = cloakroom_verify::remote::Runtime::sleep(&runtime, Duration::from_millis(100));
                let (pause, ended) = (std::pin::pin!(pause), std::pin::pin!(principal.revoked()));
                futures_util::future::select(pause, ended).await;
            }
        });
    }
    let ended = ends(&mut world, &credential);
    world.run(1_000);
    world.commit(Revocation::UserBefore(ALICE));
    world.run(20);
    assert_eq!(ended.lock().unwrap().unwrap().1, Ended::Revoked);
}

#[test]
fn real_uses_are_told_in_batches_and_again_if_nobody_heard() {
    let mut world = World::fresh(2);
    let sessions: Vec<_> = (1..=5).map(|n| world.session(n, ALICE)).collect();
    sessions.iter().for_each(|session| assert!(world.show(session).is_ok()));
    world.run(1_100);
    let told = |world: &World| world.shared.touched.lock().unwrap().iter().map(Vec::len).sum::<usize>();
    assert_eq!(told(&world), 5, "{:?}", world.shared.touched.lock().unwrap());
    assert!(world.shared.touched.lock().unwrap().len() <= 2, "in batches");
    // At most four times an idle window of ten minutes, however busy.
    for _ in 0..60 {
        world.run(10_000);
        sessions.iter().for_each(|session| assert!(world.show(session).is_ok()));
    }
    world.run(1_100);
    assert!((15..=25).contains(&told(&world)), "{}", told(&world));
    let verifier = world.verifier.clone();
    let before = told(&world);
    world.machine.block_on(async move { verifier.tell_uses().await });
    assert!(told(&world) <= before + 5);
}

#[test]
fn a_revoked_key_is_never_loaded_again() {
    let mut world = World::fresh(1);
    let credential = world.token(1, ALICE);
    assert!(world.show(&credential).is_ok());
    world.commit(Revocation::KeyRevoked(world.forge.kid.clone()));
    world.run(100);
    assert_eq!(world.show(&credential), Err(REVOKED));
    // The issuer goes on to publish it, and another: five minutes later the set is fetched again.
    let other = Forge::eddsa();
    let mut both: serde_json::Value = serde_json::from_slice(&jwks(&world.forge)).unwrap();
    let one: serde_json::Value = serde_json::from_slice(&jwks(&other)).unwrap();
    both["keys"].as_array_mut().unwrap().push(one["keys"][0].clone());
    *world.shared.jwks.lock().unwrap() = both.to_string().into_bytes();
    world.run(310_000);
    let unknown = world.show(&credential).unwrap_err();
    assert!(matches!(unknown, Denied::Unauthenticated(Reason::Invalid(_))), "{unknown:?}");
}

#[test]
fn the_servers_clock_decides_when_a_token_ends() {
    let mut world = World::fresh(1);
    let credential = world.token(1, ALICE);
    // Somebody sets this machine's clock a year ahead, and a year back.
    for wall in
        [start().after(Duration::from_secs(31_536_000)), start().before(Duration::from_secs(31_536_000))]
    {
        world.machine.clock.set_wall(wall);
        assert!(world.show(&credential).is_ok());
    }
    world.run(906_000);
    let ended = world.show(&credential);
    assert!(matches!(ended, Err(Denied::Unauthenticated(Reason::Invalid(_)))), "{ended:?}");
}

#[test]
fn a_flood_of_made_up_tokens_takes_a_bounded_number_of_questions() {
    let mut world = World::fresh(1);
    let texts: Vec<_> = (0..200).map(|n| world.session(n, ALICE).text).collect();
    world.shared.sessions.lock().unwrap().clear();
    let answers = Arc::new(Mutex::new(Vec::new()));
    for text in texts {
        let (verifier, answers) = (world.verifier.clone(), Arc::clone(&answers));
        world.machine.spawn(async move {
            let answer = verifier.authenticate(Proof::Session(&text)).await;
            answers.lock().unwrap().push(answer);
        });
    }
    world.run(1_000);
    assert_eq!(world.shared.servers[0].lock().unwrap().questions, 64);
    let answers = answers.lock().unwrap();
    let refused = answers.iter().filter(|answer| **answer == Err(Denied::Unavailable)).count();
    assert_eq!((answers.len(), refused), (200, 136), "the others hear that nobody can tell");
}
