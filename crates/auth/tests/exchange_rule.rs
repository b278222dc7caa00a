//! The decision about an exchange, with time moved by hand.

mod common;

use cloakroom_auth::exchange::{ExchangeAsk, ExchangeDecision, decide};
use cloakroom_auth::feed::AsOf;
use cloakroom_auth::refresh::{Attempt, AttemptHash, Refusal};
use cloakroom_auth::session::{RowStrategy, Timeouts};
use cloakroom_verify::{OpaqueKind, Rv, Transport};
use common::{DAY, HEAD, HOUR, now, row, user};

const AS_OF: AsOf = AsOf::read_with_row(HEAD, Rv::ZERO);
const MINE: &str = "attempt-of-the-client";

fn ask(kind: OpaqueKind, generation: u32, to: RowStrategy, attempt: Option<&str>) -> ExchangeAsk {
    let id = row(RowStrategy::Session).id;
    ExchangeAsk {
        session: id,
        kind,
        generation,
        attempt: attempt
            .map(|text| AttemptHash::of(id, generation, &Attempt::parse(text).expect("an attempt"))),
        proof: None,
        to,
        transport: Transport::Body,
        timeouts: Timeouts { idle: 7 * DAY, absolute: 30 * DAY },
        now: now(),
    }
}

#[test]
fn a_session_becomes_hybrid_and_its_old_token_is_dead_at_once() {
    let mut row = row(RowStrategy::Session);
    let first = ask(OpaqueKind::Session, 0, RowStrategy::Hybrid, None);
    assert_eq!(decide(&row, &user(), AS_OF, &first), ExchangeDecision::Exchange);
    let end = row.expires_at;
    row.exchange(AS_OF, &first);
    assert_eq!((row.generation, row.floor, row.strategy), (1, 1, RowStrategy::Hybrid));
    assert_eq!(row.expires_at, end, "an exchange never prolongs a login");
    assert_eq!(decide(&row, &user(), AS_OF, &first), ExchangeDecision::Refuse(Refusal::WrongKind));
}

#[test]
fn a_shorter_strategy_shortens_the_login() {
    let mut row = row(RowStrategy::Hybrid);
    let mut back = ask(OpaqueKind::Refresh, 0, RowStrategy::Session, None);
    back.timeouts = Timeouts { idle: HOUR / 2, absolute: HOUR };
    row.exchange(AS_OF, &back);
    assert_eq!(row.expires_at, row.created_at.after(HOUR));
}

#[test]
fn only_a_repeat_with_the_same_attempt_gets_the_same_answer() {
    let mut row = row(RowStrategy::Session);
    let first = ask(OpaqueKind::Session, 0, RowStrategy::Hybrid, Some(MINE));
    row.exchange(AS_OF, &first);
    assert_eq!(decide(&row, &user(), AS_OF, &first), ExchangeDecision::Same);
    let other = ask(OpaqueKind::Session, 0, RowStrategy::Hybrid, Some("attempt-of-another-one"));
    assert_eq!(decide(&row, &user(), AS_OF, &other), ExchangeDecision::Refuse(Refusal::WrongKind));
    // After the next refresh even the same attempt is over.
    row.generation += 1;
    assert_eq!(decide(&row, &user(), AS_OF, &first), ExchangeDecision::Refuse(Refusal::WrongKind));
}

#[test]
fn an_old_or_future_generation_is_refused_and_ends_nothing() {
    let mut row = row(RowStrategy::Hybrid);
    row.generation = 5;
    let old = ask(OpaqueKind::Refresh, 4, RowStrategy::Session, None);
    assert_eq!(decide(&row, &user(), AS_OF, &old), ExchangeDecision::Refuse(Refusal::BelowFloor));
    let future = ask(OpaqueKind::Refresh, 6, RowStrategy::Session, None);
    assert_eq!(decide(&row, &user(), AS_OF, &future), ExchangeDecision::Refuse(Refusal::FromTheFuture));
}

#[test]
fn there_is_nothing_to_exchange_into_itself() {
    let row = row(RowStrategy::Hybrid);
    let same = ask(OpaqueKind::Refresh, 0, RowStrategy::Hybrid, None);
    assert_eq!(decide(&row, &user(), AS_OF, &same), ExchangeDecision::NothingToExchange);
}
