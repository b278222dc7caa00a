//! Two readers, one token: ours beside the crate `jsonwebtoken`, configured as strictly as it goes.
//!
//! * A token that both accept says the same to both.
//! * We accept nothing that it would refuse. There is **one difference**: what stands *inside* a claim that we have no
//!   use for is skipped unread, so nesting deeper than 128, a number beyond all bounds or half a surrogate pair in there
//!   is no reason to refuse. `jsonwebtoken` agrees when its caller names the claims it wants (`Claims` in `peer.rs`) and
//!   refuses when its caller asks for all of them as a `Value`.
//!
//! Most tokens are signed with the right key *after* they were mutated: what is compared is the reading. More of them:
//! `PROPTEST_CASES=100000 cargo test -p cloakroom-verify --test differential`.

#[path = "../common/mod.rs"]
#[expect(dead_code, reason = "this suite uses a part of it")]
mod common;
mod mutation;
mod peer;
mod token;

use std::cell::RefCell;
use std::time::Duration;

use cloakroom_verify::clock::{Clock, SystemClock};
use cloakroom_verify::jwt::{self, Invalid, Verified};
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use peer::Peer;
use token::{ALGORITHMS, Draft, Issuers};

/// How the readers judged: a test in which everything is refused compares nothing.
#[derive(Default, Debug)]
struct Tally {
    cases: usize,
    both: usize,
    /// Of these, the ones that `jsonwebtoken` refuses when it is asked for all claims.
    unread: usize,
    neither: usize,
    only_peer: usize,
    /// Accepted by us, by algorithm.
    ours: [usize; ALGORITHMS.len()],
    refusals: Vec<Invalid>,
}

#[test]
fn what_both_accept_says_the_same_and_we_accept_nothing_that_jsonwebtoken_refuses() {
    let issuers = Issuers::new();
    let peer = Peer::new(&issuers);
    let mut config = Config { failure_persistence: None, ..Config::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 2_000;
    }
    let tally = RefCell::new(Tally::default());
    let outcome = TestRunner::new(config).run(&mutation::drafts(), |draft| {
        compare(&issuers, &peer, &draft, &mut tally.borrow_mut());
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    judge(&tally.into_inner());
}

/// The clock runs while two readers read: a pause between them proves nothing, so it is done again.
fn compare(issuers: &Issuers, peer: &Peer, draft: &Draft, tally: &mut Tally) {
    let token = draft.sign(issuers);
    let (ours, named, all) = loop {
        let now = SystemClock.wall();
        let ours = jwt::verify(&token, &issuers.keys, &issuers.rules, now);
        let (named, all) = (peer.named(&token), peer.all(&token));
        if SystemClock.wall().since(now) < Duration::from_millis(500) {
            break (ours, named, all);
        }
    };
    tally.cases += 1;
    match (&ours, &named) {
        (Ok(_), Err(error)) => panic!("we accept what jsonwebtoken refuses ({error}): {token}\n{draft:#?}"),
        (Ok(_), Ok(())) => tally.both += 1,
        (Err(_), Ok(())) => tally.only_peer += 1,
        (Err(_), Err(_)) => tally.neither += 1,
    }
    match ours {
        Ok(verified) => {
            tally.ours[draft.issuer] += 1;
            match all {
                Ok(claims) => assert_eq!(said_to_us(&verified), said_to_peer(&claims), "{token}"),
                Err(error) => {
                    tally.unread += 1;
                    let known = token::known_claims_only(&token, &issuers.forges[draft.issuer]);
                    assert!(
                        peer.all(&known).is_ok(),
                        "not the one difference ({error}): {token}\n{draft:#?}"
                    );
                }
            }
        }
        Err(invalid) if !tally.refusals.contains(&invalid) => tally.refusals.push(invalid),
        Err(_) => {}
    }
}

/// What our reader tells its caller.
fn said_to_us(verified: &Verified) -> Value {
    let principal = &verified.principal;
    assert_eq!(verified.session, principal.session);
    json!({
        "sub": verified.user, "jti": verified.token, "sid": verified.session, "rv": verified.rv.to_string(),
        "exp": verified.expires_at.as_seconds(), "nbf": verified.not_before.map(|nbf| nbf.as_seconds()),
        "auth_time": principal.auth_time.as_seconds(), "roles": principal.roles.iter().collect::<Vec<_>>(),
        "email": principal.email, "name": principal.name,
        // Not told, since only one answer is accepted.
        "iss": common::ISSUER, "for us": true, "iat": true, "client_id": true,
    })
}

/// The same as `jsonwebtoken` reads it.
fn said_to_peer(claims: &Value) -> Value {
    let is_for_us = claims["aud"].as_array().is_some_and(|aud| aud.contains(&json!(token::AUDIENCE)));
    let mut said = json!({ "for us": is_for_us });
    said["iat"] = claims["iat"].is_u64().into();
    said["client_id"] = claims["client_id"].is_string().into();
    for name in ["iss", "sub", "jti", "sid", "rv", "exp", "nbf", "auth_time", "email", "name"] {
        said[name] = claims[name].clone();
    }
    said["roles"] = if claims["roles"].is_null() { json!([]) } else { claims["roles"].clone() };
    said
}

fn judge(tally: &Tally) {
    let at_least = |part: usize, share: usize, what: &str| {
        assert!(part * 100 >= tally.cases * share, "{what}: fewer than {share} %: {tally:?}");
    };
    at_least(tally.both, 20, "accepted by both");
    at_least(tally.neither, 20, "refused by both");
    at_least(tally.only_peer, 1, "accepted by jsonwebtoken alone");
    for (algorithm, accepted) in ALGORITHMS.iter().zip(tally.ours) {
        at_least(accepted, 1, algorithm);
    }
    // Each reason to refuse was met: no mutation is in vain.
    for invalid in [
        Invalid::Form,
        Invalid::Header,
        Invalid::UnknownKey,
        Invalid::Algorithm,
        Invalid::Signature,
        Invalid::Claims,
        Invalid::Issuer,
        Invalid::Audience,
        Invalid::Expired,
        Invalid::NotYet,
    ] {
        assert!(tally.refusals.contains(&invalid), "never {invalid}: {tally:?}");
    }
}

/// Found by chance once: a changed bit halves a surrogate pair inside of such a claim, and only there.
#[test]
fn the_one_difference_is_told_by_the_token_itself_however_it_was_made() {
    let issuers = Issuers::new();
    let peer = Peer::new(&issuers);
    let mut tally = Tally::default();
    for (at, bit) in (0..500).flat_map(|at| (0..7).map(move |bit| (at, bit))) {
        let mut draft = Draft::honest(3).with_claim("gu", r#"{"a":"\ud83d\ude00"}"#);
        draft.inside = Some((token::Part::Payload, token::Twist::Flip(at, bit)));
        compare(&issuers, &peer, &draft, &mut tally);
    }
    assert!(tally.unread > 0 && tally.unread < tally.both && tally.neither > 0, "{tally:?}");
}

#[test]
fn the_one_difference_is_real_and_ends_at_the_claims_that_we_read() {
    let issuers = Issuers::new();
    let peer = Peer::new(&issuers);
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for unread in [deep.as_str(), "1e999", r#""\ud800""#] {
        let draft = Draft::honest(0).with_claim("x", unread);
        let token = draft.sign(&issuers);
        let verified = jwt::verify(&token, &issuers.keys, &issuers.rules, SystemClock.wall());
        assert!(verified.is_ok() && peer.named(&token).is_ok() && peer.all(&token).is_err(), "{unread}");
        for read in ["name", "nbf", "roles"] {
            let token = Draft::honest(0).with_claim(read, unread).sign(&issuers);
            let verified = jwt::verify(&token, &issuers.keys, &issuers.rules, SystemClock.wall());
            assert_eq!(verified.err(), Some(Invalid::Claims), "{read}: {unread}");
        }
    }
}
