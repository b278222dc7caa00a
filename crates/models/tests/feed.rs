//! The claims of the design about the feed, each found out by exploring every order of events within its bounds.

use std::collections::BTreeMap;

use cloakroom_models::feed::flaw::{FLAWS, Flaw};
use cloakroom_models::feed::invariant::Invariant as I;
use cloakroom_models::feed::search::{Scenario, refute, search};

/// A search that never reaches a situation says nothing about it.
#[test]
fn the_real_rules_keep_every_invariant_and_every_situation_is_reached() {
    let mut reached = BTreeMap::new();
    for scenario in Scenario::real(false) {
        let name = scenario.name();
        let found = search(scenario);
        assert_eq!(found.broken, None, "{name}");
        for (words, count) in found.coverage.counts() {
            *reached.entry(words).or_insert(0) += count;
        }
    }
    for (words, count) in reached {
        assert_ne!(count, 0, "never reached: {words}");
    }
}

/// ... in an order of events that could not be shorter.
#[test]
fn every_shortcut_is_refuted_by_the_invariant_that_it_harms() {
    let expected = |flaw| match flaw {
        Flaw::ReceiptTime
        | Flaw::CreditedUnfilled
        | Flaw::CreditedFirst
        | Flaw::LaggingReplica
        | Flaw::HeadBehindCredited
        | Flaw::OlderEpochCredited => (I::Complete, 7),
        Flaw::Heartbeat => (I::Complete, 6),
        Flaw::NonceUnchecked | Flaw::GroupedWithoutAge | Flaw::Unfenced => (I::Complete, 8),
        Flaw::TableFirst | Flaw::ClockFirst => (I::Bound, 11),
        Flaw::RelayWithoutAge => (I::Complete, 12),
        Flaw::EpochNotRaised => (I::NoReuse, 3),
        Flaw::EpochWithoutTime | Flaw::ClockSetBack => (I::NoReuse, 5),
        Flaw::SnapshotReplaces => (I::Monotone, 16),
        Flaw::OwnProcessOnly
        | Flaw::RegisteredLate
        | Flaw::NobodyIsEverything
        | Flaw::VerifiersBeforeHead => (I::Receipt, 10),
        Flaw::GroupedBeforeRegistered | Flaw::YoungTrusted | Flaw::DroppedEarly => (I::Receipt, 11),
        Flaw::OwnBoundOnly | Flaw::CountedFromBefore => (I::Receipt, 9),
        Flaw::RelayForItself => (I::Receipt, 23),
        Flaw::SharedId => (I::Receipt, 18),
        Flaw::HeadAfterHash
        | Flaw::HeadAfterJudging
        | Flaw::MintedFromLease
        | Flaw::EventsUnread
        | Flaw::FloorUnread
        | Flaw::CallerUnjudged => (I::NoImmortalMint, 4),
        Flaw::RowNumberIgnored | Flaw::HeadOfProcess => (I::NotDeadAtBirth, 4),
    };
    for flaw in FLAWS {
        let refuted = refute(*flaw).map(|(check, path)| (check, path.len()));
        assert_eq!(refuted, Some(expected(*flaw)), "{}", flaw.words());
    }
}
