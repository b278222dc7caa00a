//! Sessions and access tokens at the verifier: who is asked, what kills, and what an outage is.

#[expect(dead_code, reason = "this suite uses a part of it")]
mod common;

use std::sync::atomic::Ordering;
use std::time::Duration;

use cloakroom_verify::address::AddressGroup;
use cloakroom_verify::authenticate::{Authenticate, Denied, Proof, Reason, RouteClass};
use cloakroom_verify::jwt::Invalid;
use cloakroom_verify::strangers::{AT_ONCE, EVERY};
use cloakroom_verify::{Principal, Revocation, SessionId, TokenId};
use common::*;

async fn show(world: &World, token: &str) -> Result<Principal, Denied> {
    world.verifier.authenticate(Proof::Bearer(token)).await
}

const REVOKED: Denied = Denied::Unauthenticated(Reason::Revoked);

#[tokio::test]
async fn the_authority_is_asked_once_and_then_nobody() {
    let world = World::new();
    let token = world.session(1);
    for _ in 0..100 {
        assert_eq!(show(&world, &token).await.unwrap().user, user());
    }
    assert_eq!(world.asked(), 1);
    assert_eq!(world.verifier.authenticate(Proof::Session(&token)).await.unwrap().user, user());
    assert_eq!(world.asked(), 1, "the place makes no difference");
}

#[tokio::test]
async fn what_the_authority_does_not_know_is_remembered_for_a_moment() {
    let world = World::new();
    let token = session_token(1).to_text();
    for _ in 0..10 {
        assert_eq!(show(&world, &token).await, Err(Denied::Unauthenticated(Reason::UnknownSession)));
    }
    assert_eq!(world.asked(), 1);
    world.session(1);
    world.advance(Duration::from_secs(2));
    assert!(show(&world, &token).await.is_ok());
}

#[tokio::test]
async fn who_shows_many_unknown_tokens_has_no_more_looked_up_and_logs_nobody_out() {
    let world = World::new();
    let [home, elsewhere] =
        ["192.0.2.1", "192.0.2.2"].map(|text| Some(AddressGroup::of(text.parse().unwrap())));
    let show = async |source, token: &str| {
        world.verifier.authenticate_from(source, RouteClass::Bounded, Proof::Bearer(token)).await.map(drop)
    };
    let (warm, cold) = (world.session(1), world.session(2));
    assert_eq!(show(home, &warm).await, Ok(()));
    let mut unknown = session_token(3);
    for n in 0..AT_ONCE {
        unknown.session = SessionId::from_bytes((u128::from(n) | 1 << 100).to_be_bytes());
        let answer = show(home, &unknown.to_text()).await;
        assert_eq!(answer, Err(Denied::Unauthenticated(Reason::UnknownSession)));
    }
    let asked = world.asked();
    unknown.generation += 1;
    assert_eq!(show(home, &unknown.to_text()).await, Err(Denied::Unavailable), "no word about the token");
    assert_eq!(
        show(home, &cold).await,
        Err(Denied::Unavailable),
        "503 and not 401 for who is behind it, too"
    );
    assert_eq!(world.asked(), asked, "nobody was asked");
    assert_eq!(show(home, &warm).await, Ok(()), "what is remembered costs nothing");
    world.revocations.apply(&event(5, Revocation::SessionChanged(session_token(1).session)));
    world.fill(1, fill(&session_token(1), rv(5)));
    assert_eq!(show(home, &warm).await, Ok(()), "one that was let in before is looked up again");
    assert_eq!(world.asked(), asked + 1);
    assert_eq!(show(elsewhere, &cold).await, Ok(()));
    world.advance(EVERY);
    unknown.generation += 1;
    let answer = show(home, &unknown.to_text()).await;
    assert_eq!(answer, Err(Denied::Unauthenticated(Reason::UnknownSession)), "it comes back with time");
}

#[tokio::test]
async fn tokens_that_are_known_and_outages_are_not_held_against_their_source() {
    let world = World::new();
    let home = Some(AddressGroup::of("192.0.2.1".parse().unwrap()));
    let show = async |token: &str| {
        world.verifier.authenticate_from(home, RouteClass::Bounded, Proof::Session(token)).await.map(drop)
    };
    let alice = world.session(1);
    world.told.is_down.store(true, Ordering::SeqCst);
    for _ in 0..=AT_ONCE {
        assert_eq!(show(&alice).await, Err(Denied::Unavailable));
    }
    world.told.is_down.store(false, Ordering::SeqCst);
    assert_eq!(show(&alice).await, Ok(()));
}

#[tokio::test]
async fn a_wrong_mac_does_not_evict_the_right_one() {
    let world = World::new();
    let token = world.session(1);
    assert!(show(&world, &token).await.is_ok());
    let mut forged = session_token(1);
    forged.mac[15] ^= 1;
    assert!(show(&world, &forged.to_text()).await.is_err());
    let asked = world.asked();
    assert!(show(&world, &token).await.is_ok());
    assert_eq!(world.asked(), asked, "it is still remembered");
}

#[tokio::test]
async fn an_outage_is_never_an_invalid_credential() {
    let world = World::new();
    let (token, access) = (world.session(1), world.forge.token(None, rv(0)));
    world.told.is_down.store(true, Ordering::SeqCst);
    assert_eq!(show(&world, &token).await, Err(Denied::Unavailable));
    assert!(show(&world, &access).await.is_ok(), "within the lease nobody need be asked");
    world.clock.advance(BOUND);
    assert_eq!(show(&world, &access).await, Err(Denied::Unavailable));
    world.told.is_down.store(false, Ordering::SeqCst);
    assert!(show(&world, &access).await.is_ok());
    assert!(show(&world, &token).await.is_ok());
}

#[tokio::test]
async fn a_lapsed_lease_is_renewed_on_demand_and_what_it_brings_is_obeyed() {
    let world = World::new();
    let token = world.session(1);
    assert!(show(&world, &token).await.is_ok());
    world.clock.advance(BOUND);
    assert!(show(&world, &token).await.is_ok());
    assert_eq!(world.told.lease_asked.load(Ordering::SeqCst), 1);
    // Known to be dead: no lease is needed to refuse.
    world.clock.advance(BOUND);
    world.told.is_down.store(true, Ordering::SeqCst);
    world.revocations.apply(&event(1, Revocation::SessionRevoked(session_token(1).session)));
    assert_eq!(show(&world, &token).await, Err(REVOKED));
}

#[tokio::test]
async fn every_kind_of_revocation_kills_an_access_token_that_was_seen_before() {
    let session = SessionId::from_bytes([3; 16]);
    for (revocation, kills) in [
        (Revocation::SessionRevoked(session), true),
        (Revocation::SessionRevoked(SessionId::from_bytes([4; 16])), false),
        (Revocation::TokenRevoked(TokenId::from_bytes([9; 16])), true),
        (Revocation::TokenRevoked(TokenId::from_bytes([8; 16])), false),
        (Revocation::UserBefore(user()), true),
        (Revocation::ClaimsBefore(user()), true),
        (Revocation::EverythingBefore, true),
        (Revocation::SessionChanged(session), false),
    ] {
        let world = World::new();
        let token = world.forge.token(Some(session), rv(5));
        assert!(show(&world, &token).await.is_ok());
        world.revocations.apply(&event(6, revocation.clone()));
        let expected = if kills { Some(REVOKED) } else { None };
        assert_eq!(show(&world, &token).await.err(), expected, "{revocation:?}");
    }
    let world = World::new();
    let token = world.forge.token(None, rv(5));
    assert!(show(&world, &token).await.is_ok());
    world.revocations.apply(&event(6, Revocation::KeyRevoked(world.forge.kid.clone())));
    assert_eq!(show(&world, &token).await, Err(REVOKED));
}

#[tokio::test]
async fn what_was_minted_after_a_revocation_lives() {
    let world = World::new();
    world.revocations.apply(&event(6, Revocation::UserBefore(user())));
    world.revocations.apply(&event(7, Revocation::EverythingBefore));
    assert!(show(&world, &world.forge.token(None, rv(7))).await.is_ok());
    assert_eq!(show(&world, &world.forge.token(None, rv(6))).await, Err(REVOKED));
}

#[tokio::test]
async fn a_revoked_session_is_refused_and_a_changed_one_is_asked_for_again() {
    let world = World::new();
    let (one, other) = (world.session(1), world.session(2));
    assert!(show(&world, &one).await.is_ok() && show(&world, &other).await.is_ok());
    world.revocations.apply(&event(1, Revocation::SessionRevoked(session_token(1).session)));
    assert_eq!(show(&world, &one).await, Err(REVOKED));
    assert!(show(&world, &other).await.is_ok());
    assert_eq!(world.asked(), 2);

    for (n, revocation) in [
        Revocation::SessionChanged(session_token(2).session),
        Revocation::ClaimsBefore(user()),
        Revocation::UserBefore(user()),
    ]
    .into_iter()
    .enumerate()
    {
        let seq = u32::try_from(n).unwrap() + 2;
        world.revocations.apply(&event(seq, revocation));
        world.fill(2, fill(&session_token(2), rv(seq)));
        assert!(show(&world, &other).await.is_ok());
        assert_eq!(world.asked(), 3 + n, "asked once for each event");
    }
    // The authority no longer knows it: a new generation is current.
    world.revocations.apply(&event(9, Revocation::SessionChanged(session_token(2).session)));
    world.told.fills.lock().unwrap().clear();
    assert!(show(&world, &other).await.is_err());
}

#[tokio::test]
async fn a_fill_that_is_older_than_a_revocation_is_never_believed() {
    let world = World::new();
    let token = world.session(1);
    // The authority read the row before the user was logged out everywhere; the event came first.
    world.revocations.apply(&event(5, Revocation::UserBefore(user())));
    assert_eq!(show(&world, &token).await, Err(Denied::Unavailable), "in doubt, and never accepted");
    world.fill(1, fill(&session_token(1), rv(5)));
    assert!(show(&world, &token).await.is_ok());
}

#[tokio::test]
async fn idle_is_asked_for_before_it_is_refused_and_never_stretched() {
    let world = World::new();
    let token = world.session(1);
    assert!(show(&world, &token).await.is_ok());
    world.advance(Duration::from_secs(3599));
    assert!(show(&world, &token).await.is_ok());
    world.advance(Duration::from_secs(3599));
    assert!(show(&world, &token).await.is_ok(), "a use moves it");
    assert_eq!(world.asked(), 1);
    world.advance(Duration::from_secs(3600));
    // The authority knows of a use at another verifier.
    let mut elsewhere = fill(&session_token(1), rv(0));
    elsewhere.last_used_at = start().after(Duration::from_secs(3600 + 3599 + 3000));
    world.fill(1, elsewhere);
    assert!(show(&world, &token).await.is_ok());
    assert_eq!(world.asked(), 2);
    world.told.fills.lock().unwrap().clear();
    world.advance(Duration::from_secs(3600));
    assert!(show(&world, &token).await.is_err());
}

#[tokio::test]
async fn a_session_once_answered_idle_stays_ended() {
    let world = World::new();
    let token = world.session(1);
    assert!(show(&world, &token).await.is_ok());
    world.told.fills.lock().unwrap().clear();
    world.advance(Duration::from_secs(3600));
    let unknown = Err(Denied::Unauthenticated(Reason::UnknownSession));
    assert_eq!(show(&world, &token).await, unknown);
    // A use elsewhere is told too late: it must not wake what was already refused.
    let mut elsewhere = fill(&session_token(1), rv(0));
    elsewhere.last_used_at = start().after(Duration::from_secs(3599));
    world.fill(1, elsewhere);
    world.advance(Duration::from_secs(10));
    assert_eq!(show(&world, &token).await, unknown);
    assert_eq!(world.asked(), 2, "nor is the authority asked again");
}

#[tokio::test]
async fn a_session_ends_by_its_absolute_timeout_without_asking() {
    let world = World::new();
    let token = session_token(1);
    let mut short = fill(&token, rv(0));
    short.expires_at = start().after(Duration::from_secs(60));
    world.fill(1, short);
    assert!(show(&world, &token.to_text()).await.is_ok());
    world.advance(Duration::from_secs(60));
    assert_eq!(show(&world, &token.to_text()).await, Err(Denied::Unauthenticated(Reason::Expired)));
    assert_eq!(world.asked(), 1);
}

#[tokio::test]
async fn real_uses_are_told_and_refused_ones_are_not() {
    let world = World::new();
    let token = world.session(1);
    assert!(show(&world, &token).await.is_ok());
    let told = || world.told.uses.lock().unwrap().len();
    assert_eq!(told(), 1);
    world.revocations.apply(&event(1, Revocation::SessionRevoked(session_token(1).session)));
    world.advance(Duration::from_secs(600));
    assert!(show(&world, &token).await.is_err());
    assert_eq!(told(), 1);
}

#[tokio::test]
async fn an_access_token_seen_before_still_ends() {
    let world = World::new();
    let token = world.forge.token(None, rv(0));
    assert!(show(&world, &token).await.is_ok());
    world.advance(Duration::from_secs(905));
    assert!(matches!(show(&world, &token).await, Err(Denied::Unauthenticated(Reason::Invalid(_)))));
    assert_eq!(world.asked(), 0, "nobody is ever asked for an access token");
}

#[tokio::test]
async fn replaced_keys_no_longer_vouch_for_what_was_seen() {
    let world = World::new();
    let token = world.forge.token(None, rv(0));
    assert!(show(&world, &token).await.is_ok());
    let other = Forge::eddsa();
    world.verifier.replace_keys([(other.kid.clone(), other.key.verifying_key())]);
    assert!(show(&world, &token).await.is_err());
    assert!(show(&world, &other.token(None, rv(0))).await.is_ok());
}

#[tokio::test]
async fn a_key_taken_out_of_its_set_no_longer_vouches_for_what_was_seen() {
    let world = World::new();
    let token = world.forge.token(None, rv(0));
    assert!(show(&world, &token).await.is_ok());
    world.keys.replace([]);
    let unknown = Denied::Unauthenticated(Reason::Invalid(Invalid::UnknownKey));
    assert_eq!(show(&world, &token).await, Err(unknown));
    world.keys.replace([(world.forge.kid.clone(), world.forge.key.verifying_key())]);
    assert!(show(&world, &token).await.is_ok(), "proved anew");
}

#[tokio::test]
async fn a_token_of_another_kind_is_malformed_and_nobody_is_asked() {
    let world = World::new();
    let mut refresh = session_token(1);
    refresh.kind = cloakroom_verify::OpaqueKind::Refresh;
    let access = world.forge.token(None, rv(0));
    for (proof, text) in
        [("session", &access), ("session", &refresh.to_text()), ("bearer", &refresh.to_text())]
    {
        let proof = if proof == "session" { Proof::Session(text) } else { Proof::Bearer(text) };
        assert!(matches!(world.verifier.authenticate(proof).await, Err(Denied::Unauthenticated(_))));
    }
    assert_eq!(world.asked(), 0);
}

#[tokio::test]
async fn of_two_keys_with_one_kid_only_the_last_proves_anything() {
    let (world, other) = (World::new(), Forge::es256());
    let by_the_first = world.forge.sign(&world.forge.header(), r#"{"x":1}"#);
    let first = (world.forge.kid.clone(), world.forge.key.verifying_key());
    world.keys.replace([first, (world.forge.kid.clone(), other.key.verifying_key())]);
    let judged =
        cloakroom_verify::jws::prove(&by_the_first, &world.keys, cloakroom_verify::jws::Kind::AccessToken);
    assert_eq!(judged.err(), Some(Invalid::Algorithm));
}
