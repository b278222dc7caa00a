//! The decision of docs/refresh.md, line by line, with time moved by hand.

mod common;

use std::time::Duration;

use cloakroom_auth::feed::AsOf;
use cloakroom_auth::refresh::{Ask, Attempt, AttemptHash, Decision, Refusal, SameReason, decide};
use cloakroom_auth::session::{Dead, EndReason, Revoked, RowStrategy, Session};
use cloakroom_auth::user::Status;
use cloakroom_verify::{OpaqueKind, Rv, Timestamp};
use common::{GRACE, HEAD, LIVES, now, row, user};

const AS_OF: AsOf = AsOf::read_with_row(HEAD, Rv::ZERO);

fn ask(generation: u32, attempt: Option<&str>, now: Timestamp) -> Ask {
    let row = row(RowStrategy::Hybrid);
    Ask {
        session: row.id,
        kind: OpaqueKind::Refresh,
        generation,
        attempt: attempt
            .map(|text| AttemptHash::of(row.id, generation, &Attempt::parse(text).expect("an attempt"))),
        proof: None,
        now,
        grace: GRACE,
        lives: LIVES,
    }
}

/// A row that was refreshed once at `now()` with this attempt.
fn refreshed(attempt: Option<&str>) -> Session {
    let mut row = row(RowStrategy::Hybrid);
    row.rotate(false, AS_OF, &ask(0, attempt, now()));
    row
}

fn judge(row: &Session, ask: &Ask) -> Decision {
    decide(row, &user(), AS_OF, ask)
}

const MINE: &str = "attempt-of-the-client";
const OTHER: &str = "attempt-of-another-one";
const LATER: Duration = Duration::from_secs(3600);

#[test]
fn the_current_token_is_rotated() {
    let row = row(RowStrategy::Hybrid);
    assert_eq!(judge(&row, &ask(0, None, now())), Decision::Rotate { adopt: false });
    let row = refreshed(None);
    assert_eq!((row.generation, row.keyed), (1, false));
    assert_eq!(judge(&row, &ask(1, None, now())), Decision::Rotate { adopt: false });
}

#[test]
fn a_lost_response_is_answered_again_however_late() {
    let row = refreshed(Some(MINE));
    let retry = ask(0, Some(MINE), now().after(LATER));
    assert_eq!(judge(&row, &retry), Decision::Same { reason: SameReason::LostResponse });
}

#[test]
fn a_late_duplicate_is_refused_but_ends_nothing() {
    let mut row = refreshed(Some(MINE));
    for generation in 1..4 {
        row.rotate(false, AS_OF, &ask(generation, Some(OTHER), now()));
    }
    let duplicate = ask(0, Some(MINE), now().after(LATER));
    assert_eq!(judge(&row, &duplicate), Decision::Refuse(Refusal::LateDuplicate));
    row.rotate(false, AS_OF, &ask(4, Some(OTHER), now()));
    assert_eq!(judge(&row, &duplicate), Decision::Revoke, "only four spent generations are remembered");
}

#[test]
fn another_attempt_after_the_grace_is_theft() {
    let row = refreshed(Some(MINE));
    let at_the_end = ask(0, Some(OTHER), now().after(GRACE));
    assert_eq!(judge(&row, &at_the_end), Decision::Same { reason: SameReason::Grace });
    let past_it = ask(0, Some(OTHER), now().after(GRACE + Duration::from_millis(1)));
    assert_eq!(judge(&row, &past_it), Decision::Revoke);
}

#[test]
fn a_server_whose_clock_is_behind_counts_the_age_as_zero() {
    let row = refreshed(Some(MINE));
    let behind = ask(0, Some(OTHER), now().before(LATER / 60));
    assert_eq!(judge(&row, &behind), Decision::Same { reason: SameReason::Grace });
}

#[test]
fn a_client_without_attempts_has_a_few_lives_and_they_never_come_back() {
    let mut row = refreshed(None);
    for _ in 0..LIVES {
        let retry = ask(row.generation - 1, None, now().after(LATER));
        assert_eq!(judge(&row, &retry), Decision::Same { reason: SameReason::Strike });
        row.answer_again(SameReason::Strike);
        let next = ask(row.generation, None, now());
        row.rotate(false, AS_OF, &next);
    }
    assert_eq!(judge(&row, &ask(row.generation - 1, None, now().after(LATER))), Decision::Revoke);
}

#[test]
fn omitting_the_attempt_does_not_help_a_thief() {
    let mut row = refreshed(Some(MINE));
    row.rotate(false, AS_OF, &ask(1, None, now()));
    assert!(row.keyed, "a session that once sent an attempt is keyed for ever");
    assert_eq!(judge(&row, &ask(1, None, now().after(LATER))), Decision::Revoke);
}

#[test]
fn lives_do_not_cover_a_grandparent() {
    let mut row = refreshed(None);
    row.rotate(false, AS_OF, &ask(1, None, now()));
    assert_eq!(judge(&row, &ask(0, None, now().after(LATER))), Decision::Revoke);
}

#[test]
fn a_generation_below_the_floor_is_refused_and_ends_nothing() {
    let mut row = refreshed(Some(MINE));
    row.floor = 1;
    assert_eq!(judge(&row, &ask(0, Some(MINE), now())), Decision::Refuse(Refusal::BelowFloor));
}

#[test]
fn a_token_from_the_future_is_believed_only_after_a_new_epoch_and_only_once() {
    let mut row = row(RowStrategy::Hybrid);
    let future = ask(3, Some(MINE), now());
    assert_eq!(judge(&row, &future), Decision::Refuse(Refusal::FromTheFuture));
    let next_epoch = AsOf::read_with_row(Rv::new(HEAD.epoch() + 1, 0), Rv::ZERO);
    assert_eq!(decide(&row, &user(), next_epoch, &future), Decision::Rotate { adopt: true });
    assert_eq!(
        decide(&row, &user(), next_epoch, &ask(65, Some(MINE), now())),
        Decision::Refuse(Refusal::FromTheFuture)
    );
    row.rotate(true, next_epoch, &future);
    assert_eq!((row.generation, row.rv), (4, next_epoch.head()));
    assert_eq!(
        decide(&row, &user(), next_epoch, &ask(9, Some(MINE), now())),
        Decision::Refuse(Refusal::FromTheFuture)
    );
    assert_eq!(
        decide(&row, &user(), next_epoch, &future),
        Decision::Same { reason: SameReason::LostResponse },
        "the ring starts anew at the adopted generation"
    );
}

#[test]
fn a_dead_row_refuses_and_is_never_revoked_again() {
    type Spoil = fn(&mut Session);
    let spoil: [(Spoil, Dead); 3] = [
        (|row| row.revoked = Some(Revoked { rv: HEAD, at: None, reason: EndReason::Logout }), Dead::Revoked),
        (|row| row.expires_at = now(), Dead::Expired),
        (|row| row.last_used_at = now().before(row.idle_timeout), Dead::Idle),
    ];
    for (spoil, dead) in spoil {
        let mut row = refreshed(Some(MINE));
        spoil(&mut row);
        for generation in [0, 1] {
            let ask = ask(generation, Some(OTHER), now());
            assert_eq!(judge(&row, &ask), Decision::Refuse(Refusal::Dead(dead)));
        }
    }
}

#[test]
fn a_user_who_may_not_log_in_or_logged_out_everywhere_is_refused() {
    let row = refreshed(None);
    let mut disabled = user();
    disabled.status = Status::Disabled;
    let current = ask(1, None, now());
    assert_eq!(decide(&row, &disabled, AS_OF, &current), Decision::Refuse(Refusal::Dead(Dead::UserDisabled)));
    let mut newer = user();
    newer.min_rv = Rv::new(HEAD.epoch(), HEAD.seq() + 1);
    assert_eq!(decide(&row, &newer, AS_OF, &current), Decision::Refuse(Refusal::Dead(Dead::Outdated)));
    let raised = AsOf::read_with_row(HEAD, newer.min_rv);
    assert_eq!(decide(&row, &user(), raised, &current), Decision::Refuse(Refusal::Dead(Dead::Outdated)));
}

#[test]
fn a_bound_row_wants_its_key_and_is_never_ended_for_the_lack_of_it() {
    let mut row = refreshed(Some(MINE));
    row.jkt = Some("thumbprint".into());
    let without = ask(0, Some(OTHER), now().after(LATER));
    assert_eq!(judge(&row, &without), Decision::Refuse(Refusal::MissingProof));
    let with = Ask { proof: row.jkt.clone(), ..without };
    assert_eq!(judge(&row, &with), Decision::Same { reason: SameReason::BoundKey });
}

#[test]
fn a_token_of_the_other_kind_is_refused() {
    let row = refreshed(None);
    let session = Ask { kind: OpaqueKind::Session, ..ask(1, None, now()) };
    assert_eq!(judge(&row, &session), Decision::Refuse(Refusal::WrongKind));
    let exchanged = common::row(RowStrategy::Session);
    assert_eq!(judge(&exchanged, &ask(0, None, now())), Decision::Refuse(Refusal::WrongKind));
}

#[test]
fn same_moves_neither_generation_nor_expiry() {
    let mut row = refreshed(Some(MINE));
    let before = row.clone();
    row.answer_again(SameReason::LostResponse);
    row.answer_again(SameReason::Grace);
    assert_eq!(row, before);
}

#[test]
fn an_attempt_is_bounded_visible_text() {
    assert!(Attempt::parse(&"a".repeat(16)).is_ok());
    assert!(Attempt::parse(&"a".repeat(64)).is_ok());
    for bad in ["a".repeat(15), "a".repeat(65), format!("{}\n", "a".repeat(20)), "ä".repeat(16)] {
        assert!(Attempt::parse(&bad).is_err(), "{bad:?}");
    }
}
