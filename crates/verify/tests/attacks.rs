//! The attack list through the verifier: nothing of it is accepted, nobody is asked, and nothing good is harmed.

#[path = "common/attacks/mod.rs"]
#[expect(unreachable_pub, reason = "shared with the tests of the server")]
mod attacks;
#[expect(dead_code, reason = "this suite uses a part of it")]
mod common;

use std::net::TcpListener;
use std::sync::atomic::Ordering;

use attacks::{Attack, Target, every_attack, negated, unknown_kid};
use cloakroom_verify::algorithm::{Algorithm, SigningKey};
use cloakroom_verify::authenticate::{Authenticate, Denied, Proof, Reason};
use cloakroom_verify::jwt::{self, Rules};
use cloakroom_verify::{Revocation, SessionId, TokenId};
use common::*;

fn target(world: &World, forge: Forge, lure: impl ToString) -> Target {
    let good = world.forge.token(Some(SessionId::from_bytes([3; 16])), rv(0));
    Target::of(forge, &good, lure)
}

/// Two forges of one key: one is the deployment's, the other forges.
fn twins(algorithm: Algorithm) -> (Forge, Forge) {
    let pkcs8 = SigningKey::generate(algorithm).expect("a key");
    (Forge::of(algorithm, &pkcs8), Forge::of(algorithm, &pkcs8))
}

async fn refused(algorithm: Algorithm, attack: Attack) {
    let lure = TcpListener::bind("127.0.0.1:0").expect("a free port");
    lure.set_nonblocking(true).expect("a listener");
    let (own, forge) = twins(algorithm);
    let world = World::with(own);
    let target = target(&world, forge, format!("http://{}", lure.local_addr().expect("an address")));
    let rules = Rules::new(ISSUER, "cloakroom");
    let show = async |token: &str| world.verifier.authenticate(Proof::Bearer(token)).await;
    assert!(show(&target.good()).await.is_ok(), "the forge is right");
    let tokens = attack(&target);
    assert!(!tokens.is_empty());
    for token in tokens {
        let judged = show(&token).await;
        assert!(matches!(judged, Err(Denied::Unauthenticated(Reason::Invalid(_)))), "{judged:?}: {token}");
        assert!(world.verifier.authenticate(Proof::Session(&token)).await.is_err(), "{token}");
        let at_any_time = jwt::verify_authentic(&token, &world.keys, &rules);
        assert!(at_any_time.is_err(), "{token}");
    }
    assert!(show(&target.good()).await.is_ok(), "nothing was harmed");
    assert_eq!((world.asked(), world.told.lease_asked.load(Ordering::SeqCst)), (0, 0), "nobody was asked");
    assert!(lure.accept().is_err(), "nobody was called");
}

every_attack!(refused);

/// CVE-2026-48524 (PyJWT): a flood of unknown key ids emptied the cache of keys, and each made a fetch.
#[tokio::test]
async fn a_flood_of_unknown_kids_evicts_no_key_and_asks_nobody() {
    let (own, forge) = twins(Algorithm::EdDsa);
    let world = World::with(own);
    let target = target(&world, forge, "");
    let show = async |token: &str| world.verifier.authenticate(Proof::Bearer(token)).await;
    for n in 0..10_000 {
        assert!(show(&unknown_kid(&target, n)).await.is_err());
    }
    assert!(show(&target.good()).await.is_ok());
    assert_eq!((world.keys.all().len(), world.asked()), (1, 0));
}

/// CVE-2026-27840 (ZITADEL): a session token that was cut short is no session token.
#[tokio::test]
async fn every_beginning_of_a_session_token_is_refused() {
    let world = World::new();
    let good = world.session(1);
    assert!(world.verifier.authenticate(Proof::Session(&good)).await.is_ok());
    let asked = world.asked();
    for length in 0..good.len() {
        for proof in [Proof::Session(&good[..length]), Proof::Bearer(&good[..length])] {
            assert!(matches!(world.verifier.authenticate(proof).await, Err(Denied::Unauthenticated(_))));
        }
    }
    assert_eq!(world.asked(), asked, "nobody was asked");
}

/// OWASP's JWT cheat sheet (2026): who remembers revoked tokens by the hash of their bytes misses the second signature.
#[tokio::test]
async fn a_revoked_token_is_revoked_under_its_second_signature_too() {
    let world = World::with(Forge::es256());
    let token = world.forge.token(None, rv(5));
    let twin = negated(&token);
    assert_ne!(token, twin);
    for token in [&token, &twin] {
        assert!(world.verifier.authenticate(Proof::Bearer(token)).await.is_ok(), "both signatures are right");
    }
    world.revocations.apply(&event(6, Revocation::TokenRevoked(TokenId::from_bytes([9; 16]))));
    for token in [&token, &twin] {
        let revoked = Err(Denied::Unauthenticated(Reason::Revoked));
        assert_eq!(world.verifier.authenticate(Proof::Bearer(token)).await, revoked);
    }
}

/// CVE-2024-28176, CVE-2023-52428, CVE-2025-30204 and their kin: what is refused takes no more memory than it is long.
#[test]
fn a_refused_token_costs_a_few_times_its_length() {
    let (own, forge) = twins(Algorithm::EdDsa);
    let world = World::with(own);
    let (keys, rules) = (&world.keys, Rules::new(ISSUER, "cloakroom"));
    let target = target(&world, forge, "");
    for token in [attacks::work_without_end(&target), attacks::dots_without_end(&target)].concat() {
        let used =
            allocation_counter::measure(|| assert!(jwt::verify(&token, keys, &rules, start()).is_err()));
        assert!(used.bytes_max < 16 * 1024, "{} bytes: {token}", used.bytes_max);
    }
    // Even one whose parts are whole: nothing of it is decoded.
    let part = "A".repeat(1 << 20);
    for huge in [".".repeat(1 << 20), format!("{part}.{part}.{part}"), format!("{}.", target.good()) + &part]
    {
        let used =
            allocation_counter::measure(|| assert!(jwt::verify(&huge, keys, &rules, start()).is_err()));
        assert_eq!(used.bytes_max, 0);
    }
}
