//! The claims of the design about refresh, each found out by exploring every order of events within its bounds.

use cloakroom_models::refresh::coverage::Coverage;
use cloakroom_models::refresh::invariant::Invariant as I;
use cloakroom_models::refresh::rule::{FLAWS, Flaw, Rule};
use cloakroom_models::refresh::scenario::Scenario;
use cloakroom_models::refresh::search::{refute, search};
use cloakroom_models::refresh::table::Claim::{No, WithinFour, Yes};
use cloakroom_models::refresh::table::table;

#[test]
fn only_an_attempt_or_a_key_spares_the_honest_and_catches_the_thief() {
    let found: Vec<_> = table(0)
        .into_iter()
        .map(|row| (row.rule, row.losses.claim, row.duplicates.claim, row.theft.claim))
        .collect();
    let expected = [
        (Rule::Strict, No, No, Yes),
        (Rule::Grace, No, No, Yes),
        (Rule::ParentAlways, Yes, No, No),
        (Rule::Confirmed, Yes, No, No),
        (Rule::Attempt, Yes, WithinFour, Yes),
        (Rule::KeyBound, Yes, Yes, Yes),
    ];
    assert_eq!(found, expected);
}

/// A search that never reaches a line of the rule, or a step of a transaction, says nothing about it.
#[test]
fn the_real_rule_keeps_every_invariant_and_every_line_and_step_is_reached() {
    let reached = Coverage::default();
    for scenario in Scenario::real(false) {
        let name = scenario.name;
        let found = search(scenario);
        assert_eq!(found.broken, None, "{name}");
        reached.add(&found.coverage);
    }
    assert_eq!(reached.gaps().collect::<Vec<_>>(), [""; 0], "{reached}");
}

#[test]
fn every_mistake_is_refuted_by_the_invariant_that_it_harms() {
    let expected = |flaw| match flaw {
        Flaw::GenerationUnchecked
        | Flaw::ReadBeforeTheLock
        | Flaw::SkippedDecided
        | Flaw::TwoOfOneSession => I::OneLineage,
        Flaw::RevokedUnchecked | Flaw::OutdatedUnchecked | Flaw::HeadRemembered => I::NothingAfterTheEnd,
        Flaw::DecidedOnce | Flaw::DoneLate => I::HonestSafe,
        Flaw::KeyUnchecked => I::KeyNeeded,
        Flaw::HeadReadLate => I::DeadAtBirth,
        Flaw::GraceExclusive => I::StragglerSafe,
        Flaw::RevokedLater | Flaw::StrikesReset | Flaw::KeyedIgnored => I::TheftCaught,
        Flaw::MacAfterWrite | Flaw::RingOfTheParent | Flaw::NoFloor | Flaw::TabsApart => I::HonestSafe,
        Flaw::RingPositionIgnored | Flaw::AttemptKept => I::CopiedAttemptSharesOnce,
        Flaw::FailureIsRefusal => I::FailureIsNotRefusal,
    };
    for flaw in FLAWS {
        let refuted = refute(*flaw).map(|refuted| refuted.check);
        assert_eq!(refuted, Some(expected(*flaw)), "{}", flaw.words());
    }
}
