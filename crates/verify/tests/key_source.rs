//! Keys of an issuer elsewhere: fetched seldom, once for all, believed whole or not at all.

#[expect(dead_code, reason = "this suite uses a part of it")]
mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloakroom_verify::Rv;
use cloakroom_verify::access_tokens::AccessTokensUntilExpiry;
use cloakroom_verify::authenticate::{Authenticate, Denied, Outage, Proof, Reason};
use cloakroom_verify::clock::ManualClock;
use cloakroom_verify::jwt::{Invalid, Rules};
use cloakroom_verify::key_source::{
    FETCH_AT_MOST_EVERY, FETCH_EVERY, FIRST_FETCH_EVERY, FetchKeys, KeySource, NotFetched,
};
use common::{Forge, ISSUER, start};
use serde_json::json;
use tokio::sync::Notify;

/// An issuer that publishes what the test says, when the test says.
#[derive(Clone, Default)]
struct Issuer(Arc<Parts>);

#[derive(Default)]
struct Parts {
    published: Mutex<Option<Vec<u8>>>,
    asked: AtomicUsize,
    slow: Mutex<Option<Arc<Notify>>>,
}

impl FetchKeys for Issuer {
    async fn fetch(&self) -> Result<Vec<u8>, Outage> {
        self.0.asked.fetch_add(1, Ordering::SeqCst);
        let slow = self.0.slow.lock().expect("no test panics with it").clone();
        if let Some(answer) = slow {
            answer.notified().await;
        }
        self.0.published.lock().expect("no test panics with it").clone().ok_or(Outage)
    }
}

impl Issuer {
    fn publishes(&self, keys: &[&Forge]) {
        let jwk = |forge: &&Forge| {
            let mut jwk =
                serde_json::to_value(forge.key.verifying_key().jwk()).expect("a public key is JSON");
            jwk["kid"] = json!(forge.kid.as_str());
            jwk
        };
        let set = json!({"keys": keys.iter().map(jwk).collect::<Vec<_>>()});
        *self.0.published.lock().expect("no test panics with it") = Some(set.to_string().into_bytes());
    }

    fn answers(&self, text: &str) {
        *self.0.published.lock().expect("no test panics with it") = Some(text.as_bytes().to_vec());
    }

    fn is_down(&self) {
        *self.0.published.lock().expect("no test panics with it") = None;
    }

    fn asked(&self) -> usize {
        self.0.asked.load(Ordering::SeqCst)
    }
}

struct World {
    issuer: Issuer,
    source: Arc<KeySource<Issuer, ManualClock>>,
    tokens: AccessTokensUntilExpiry<Issuer, ManualClock>,
    clock: ManualClock,
}

impl World {
    fn new() -> Self {
        let (issuer, clock) = (Issuer::default(), ManualClock::at(start()));
        let source = Arc::new(KeySource::new(issuer.clone(), clock.clone()));
        let rules = Rules::new(ISSUER, "cloakroom");
        let tokens = AccessTokensUntilExpiry::new(Arc::clone(&source), rules, clock.clone());
        Self { issuer, source, tokens, clock }
    }

    async fn show(&self, forge: &Forge) -> Result<(), Denied> {
        let token = forge.token(None, Rv::ZERO);
        self.tokens.authenticate(Proof::Bearer(&token)).await.map(drop)
    }
}

const UNKNOWN: Result<(), Denied> = Err(Denied::Unauthenticated(Reason::Invalid(Invalid::UnknownKey)));

#[tokio::test]
async fn a_key_published_a_moment_ago_is_fetched_when_its_first_token_comes() {
    let (world, old, new) = (World::new(), Forge::eddsa(), Forge::es256());
    world.issuer.publishes(&[&old]);
    assert_eq!(world.show(&old).await, Ok(()));
    world.clock.advance(FETCH_AT_MOST_EVERY);
    world.issuer.publishes(&[&old, &new]);
    assert_eq!((world.show(&old).await, world.issuer.asked()), (Ok(()), 1), "a known key asks nobody");
    assert_eq!((world.show(&new).await, world.issuer.asked()), (Ok(()), 2));
}

#[tokio::test]
async fn a_flood_of_made_up_key_ids_fetches_once_and_pushes_no_key_out() {
    let (world, known) = (World::new(), Forge::eddsa());
    world.issuer.publishes(&[&known]);
    for _ in 0..200 {
        assert_eq!(world.show(&Forge::eddsa()).await, UNKNOWN);
    }
    assert_eq!(world.issuer.asked(), 1);
    assert_eq!(world.show(&known).await, Ok(()));
    world.clock.advance(FETCH_AT_MOST_EVERY);
    assert_eq!(world.show(&Forge::eddsa()).await, UNKNOWN);
    assert_eq!(world.issuer.asked(), 2);
}

#[tokio::test]
async fn all_who_wait_share_one_fetch() {
    let (world, key) = (World::new(), Forge::eddsa());
    world.issuer.publishes(&[&key]);
    let answer = Arc::new(Notify::new());
    *world.issuer.0.slow.lock().expect("no test panics with it") = Some(Arc::clone(&answer));
    let token = key.token(None, Rv::ZERO);
    let waiting: Vec<_> = (0..64)
        .map(|_| {
            let (tokens, token) = (world.tokens.clone(), token.clone());
            tokio::spawn(async move { tokens.authenticate(Proof::Bearer(&token)).await.map(drop) })
        })
        .collect();
    tokio::task::yield_now().await;
    answer.notify_one();
    for one in waiting {
        assert_eq!(one.await.unwrap(), Ok(()));
    }
    assert_eq!(world.issuer.asked(), 1);
}

#[tokio::test]
async fn while_the_issuer_is_down_the_last_good_keys_hold_and_unknown_ones_are_an_outage() {
    let (world, known) = (World::new(), Forge::eddsa());
    assert_eq!(world.show(&known).await, Err(Denied::Unavailable), "never fetched: nobody can tell");
    world.clock.advance(FETCH_AT_MOST_EVERY);
    world.issuer.publishes(&[&known]);
    assert_eq!(world.show(&known).await, Ok(()));
    world.issuer.is_down();
    world.clock.advance(FETCH_AT_MOST_EVERY);
    assert_eq!(world.source.fetch().await, Err(NotFetched::Outage));
    assert_eq!(world.show(&known).await, Ok(()));
    assert_eq!(world.show(&Forge::eddsa()).await, Err(Denied::Unavailable));
    assert_eq!(world.source.age(), Some(FETCH_AT_MOST_EVERY));
}

#[tokio::test]
async fn a_set_that_cannot_be_trusted_whole_replaces_nothing() {
    let (world, known) = (World::new(), Forge::eddsa());
    world.issuer.publishes(&[&known]);
    world.source.fetch().await.unwrap();
    for wrong in ["", "<html>", r#"{"keys":[{"kty":"oct","alg":"HS256","k":"AAAA"}]}"#, r#"{"keys":3}"#] {
        world.issuer.answers(wrong);
        assert!(matches!(world.source.fetch().await, Err(NotFetched::Invalid(_))), "{wrong}");
        assert_eq!(world.show(&known).await, Ok(()));
    }
}

#[tokio::test]
async fn a_key_that_is_no_longer_published_proves_nothing_not_even_what_was_seen_before() {
    let (world, old, new) = (World::new(), Forge::eddsa(), Forge::es256());
    world.issuer.publishes(&[&old, &new]);
    assert_eq!(world.show(&old).await, Ok(()));
    world.issuer.publishes(&[&new]);
    world.source.fetch().await.unwrap();
    assert_eq!(world.show(&old).await, UNKNOWN);
    assert_eq!(world.show(&new).await, Ok(()));
}

#[tokio::test]
async fn another_key_under_a_known_name_takes_its_place() {
    let (world, old, mut new) = (World::new(), Forge::eddsa(), Forge::eddsa());
    new.kid = old.kid.clone();
    world.issuer.publishes(&[&old]);
    assert_eq!(world.show(&old).await, Ok(()));
    world.issuer.publishes(&[&new]);
    world.source.fetch().await.unwrap();
    assert_eq!(world.show(&old).await, Err(Denied::Unauthenticated(Reason::Invalid(Invalid::Signature))));
    assert_eq!(world.show(&new).await, Ok(()));
}

#[tokio::test]
async fn keys_are_fetched_on_time_and_a_failure_is_told_and_tried_again_soon() {
    let (world, key) = (World::new(), Forge::eddsa());
    let (pauses, failures) = (Mutex::new(Vec::new()), AtomicUsize::new(0));
    let sleep = |pause: Duration| {
        pauses.lock().expect("no test panics with it").push(pause);
        world.issuer.publishes(&[&key]);
        let end = pauses.lock().expect("no test panics with it").len() == 3;
        async move {
            if end {
                std::future::pending().await
            }
        }
    };
    let failed = |_: &NotFetched| {
        failures.fetch_add(1, Ordering::SeqCst);
    };
    let tending = world.source.tend(sleep, failed);
    tokio::select! {
        biased;
        () = tending => panic!("it goes on for as long as it is polled"),
        () = std::future::ready(()) => {}
    }
    assert_eq!(
        *pauses.lock().expect("no test panics with it"),
        [FIRST_FETCH_EVERY, FETCH_EVERY, FETCH_EVERY]
    );
    assert_eq!((failures.into_inner(), world.issuer.asked()), (1, 3));
}

#[tokio::test]
async fn a_session_token_is_for_its_issuer_alone() {
    let world = World::new();
    let token = common::session_token(1).to_text();
    for proof in [Proof::Session(&token), Proof::Bearer(&token)] {
        let denied = world.tokens.authenticate(proof).await.err();
        assert!(matches!(denied, Some(Denied::Unauthenticated(_))), "{denied:?}");
    }
    assert_eq!(world.issuer.asked(), 0);
}
