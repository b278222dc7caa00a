//! Lost answers and duplicates, made by a proxy between an honest client and the server.

use super::client::Client;
use super::proxy::{Fault, Proxy};
use super::*;

const FAULTS: [Fault; 4] =
    [Fault::LosesTheAnswer, Fault::CutsBoth, Fault::DeliversTwice, Fault::RetriesByItself];

#[test]
fn lost_answers_and_immediate_duplicates_log_nobody_out() {
    let place = Place::new();
    let server = start_without_grace(&place);
    let proxy = Proxy::before(server.listen);
    let alice = Client::log_in(&server, "alice");
    // Numbers without a pattern that are the same in every run (Knuth's MMIX generator).
    let mut state = 7_u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for turn in 1..=60 {
        // Up to three faults in a row before one try comes through.
        for _ in 0..next(4) {
            proxy.order(FAULTS[next(4)]);
        }
        alice.refresh(proxy.listen);
        assert_eq!(alice.generation(), turn);
        if turn % 10 == 0 {
            assert_eq!(server.me(&alice.access()), 200);
        }
    }
    // Faults that were ordered and not met; then the file agrees.
    alice.refresh(server.listen);
    assert_eq!(File::of(&place).row(alice.session()), (61, None), "one lineage");
}

#[test]
fn a_duplicate_that_is_delivered_late_is_refused_and_ends_nothing() {
    let place = Place::new();
    // The ring judges, not the grace: it is the same with the longest and with none.
    for server in [start, start_without_grace] {
        let server = server(&place);
        let proxy = Proxy::before(server.listen);
        let alice = Client::log_in(&server, "alice");
        for later in 0..4 {
            alice.refresh(proxy.listen);
            let duplicate = proxy.last_request();
            let child = alice.token();
            for _ in 0..later {
                alice.refresh(server.listen);
            }
            let answer = parse(&raw(server.listen, duplicate.as_bytes()).unwrap()).unwrap();
            if later == 0 {
                assert_eq!(answer.body["refresh_token"], *child, "nobody else asked since: the same child");
            } else {
                assert_eq!((answer.status, answer.body["code"].as_str()), (401, Some("invalid_grant")));
                assert!(answer.body["reason"].is_null(), "{answer:?}");
            }
            alice.refresh(server.listen);
            assert_eq!(server.me(&alice.access()), 200, "{later} refreshes later");
        }
        assert_eq!(File::of(&place).row(alice.session()), (alice.generation(), None));
    }
}

/// The documented end of that patience: a row remembers four generations.
#[test]
fn a_duplicate_of_five_refreshes_ago_is_taken_for_a_thief() {
    let place = Place::new();
    let server = start(&place);
    let proxy = Proxy::before(server.listen);
    let alice = Client::log_in(&server, "alice");
    alice.refresh(proxy.listen);
    for _ in 0..4 {
        alice.refresh(server.listen);
    }
    let answer = parse(&raw(server.listen, proxy.last_request().as_bytes()).unwrap()).unwrap();
    assert_eq!((answer.status, answer.body["reason"].as_str()), (401, Some("refresh_token_reused")));
}
