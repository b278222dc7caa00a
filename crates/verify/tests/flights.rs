//! Requests at once: one question to the authority serves all who wait for its answer, and nobody else.

#[expect(dead_code, reason = "this suite uses a part of it")]
mod common;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use cloakroom_verify::authenticate::{Authenticate, Denied, Proof, Reason};
use cloakroom_verify::{Principal, Revocation};
use common::*;
use tokio::task::JoinHandle;

type Answer = Result<Principal, Denied>;

/// A request that has gone as far as it can: on one thread, a task that was polled waits for somebody.
async fn under_way(world: &World, token: &str) -> JoinHandle<Answer> {
    let (verifier, token) = (world.verifier.clone(), token.to_owned());
    let request = tokio::spawn(async move { verifier.authenticate(Proof::Session(&token)).await });
    tokio::task::yield_now().await;
    request
}

/// 64 requests with one token, none of them answered before all have asked.
async fn at_once(world: &World, token: &str) -> Vec<Answer> {
    let road = world.told.road.write().await;
    let mut requests = Vec::new();
    for _ in 0..64 {
        requests.push(under_way(world, token).await);
    }
    drop(road);
    let mut answers = Vec::new();
    for request in requests {
        answers.push(request.await.expect("it does not panic"));
    }
    answers
}

#[tokio::test]
async fn sixty_four_misses_at_once_ask_the_authority_once() {
    let world = World::new();
    let token = world.session(1);
    assert!(at_once(&world, &token).await.iter().all(Result::is_ok));
    assert_eq!(world.asked(), 1);
    assert_eq!(world.told.uses.lock().unwrap().len(), 1, "one passport for all");
}

#[tokio::test]
async fn an_unknown_token_and_an_outage_are_one_question_too() {
    let world = World::new();
    let unknown = session_token(1).to_text();
    let refused = Err(Denied::Unauthenticated(Reason::UnknownSession));
    assert!(at_once(&world, &unknown).await.iter().all(|answer| *answer == refused));
    assert_eq!(world.asked(), 1);

    world.told.is_down.store(true, Ordering::SeqCst);
    let token = world.session(2);
    assert!(at_once(&world, &token).await.iter().all(|answer| *answer == Err(Denied::Unavailable)));
    assert_eq!(world.asked(), 2);
    world.told.is_down.store(false, Ordering::SeqCst);
    assert!(at_once(&world, &token).await.iter().all(Result::is_ok), "an outage is not remembered");
}

#[tokio::test]
async fn an_answer_serves_only_the_token_that_was_asked_for() {
    let world = World::new();
    let right = world.session(1);
    let mut forged = session_token(1);
    forged.mac[15] ^= 1;
    let road = world.told.road.write().await;
    let honest = under_way(&world, &right).await;
    let thief = under_way(&world, &forged.to_text()).await;
    drop(road);
    assert!(honest.await.unwrap().is_ok());
    assert_eq!(thief.await.unwrap(), Err(Denied::Unauthenticated(Reason::UnknownSession)));
    assert_eq!(world.asked(), 2);
}

#[tokio::test]
async fn when_the_asking_request_is_given_up_the_next_one_asks() {
    let world = World::new();
    let token = world.session(1);
    let road = world.told.road.write().await;
    let first = under_way(&world, &token).await;
    let second = under_way(&world, &token).await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    drop(road);
    assert!(second.await.unwrap().is_ok());
    assert_eq!(world.asked(), 2);
}

#[tokio::test]
async fn an_answer_that_an_event_overtook_is_asked_for_again() {
    let world = World::new();
    let token = world.session(1);
    let road = world.told.road.write().await;
    let request = under_way(&world, &token).await;
    // The user is logged out everywhere but here, after the row was read and before the answer came.
    world.revocations.apply(&event(5, Revocation::UserBefore(user())));
    world.fill(1, fill(&session_token(1), rv(5)));
    drop(road);
    assert!(request.await.unwrap().is_ok(), "an honest login is not lost to a race");
    assert_eq!(world.asked(), 2);
}

#[tokio::test]
async fn an_answer_that_a_revocation_overtook_is_refused() {
    let world = World::new();
    let token = world.session(1);
    let road = world.told.road.write().await;
    let request = under_way(&world, &token).await;
    world.revocations.apply(&event(5, Revocation::SessionRevoked(session_token(1).session)));
    drop(road);
    assert_eq!(request.await.unwrap(), Err(Denied::Unauthenticated(Reason::Revoked)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn threads_at_once_are_all_answered() {
    let world = Arc::new(World::new());
    for n in 1..=50 {
        let token = world.session(n);
        let ask = |_| {
            let (verifier, token) = (world.verifier.clone(), token.clone());
            tokio::spawn(async move { verifier.authenticate(Proof::Session(&token)).await.is_ok() })
        };
        for request in (0..64).map(ask).collect::<Vec<_>>() {
            assert!(request.await.unwrap());
        }
    }
}
