//! However a store finds it out, a refresh is judged as the rule says, and the row after it is the rule's row.

use cloakroom_auth::refresh::{Decision, decide};
use cloakroom_auth::session::Session;

use super::*;

/// What is wrong with a row or its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    Nothing,
    Expired,
    Idle,
    Bound,
    BoundAndProved,
    ProvedButNotBound,
    OtherKind,
    OtherPrefix,
    Future,
    Old,
    Revoked,
    LoggedOutEverywhere,
    Disabled,
    EverythingEnded,
}

const ALL: [Wrong; 14] = [
    Wrong::Nothing,
    Wrong::Expired,
    Wrong::Idle,
    Wrong::Bound,
    Wrong::BoundAndProved,
    Wrong::ProvedButNotBound,
    Wrong::OtherKind,
    Wrong::OtherPrefix,
    Wrong::Future,
    Wrong::Old,
    Wrong::Revoked,
    Wrong::LoggedOutEverywhere,
    Wrong::Disabled,
    Wrong::EverythingEnded,
];

pub(super) async fn a_refresh_is_judged_as_the_rule_says(store: Shared) {
    for (n, wrong) in (1..).zip(ALL) {
        let user = add(&store, n, &format!("user{n}@example.com")).await;
        let strategy = if wrong == Wrong::OtherKind { RowStrategy::Session } else { RowStrategy::Hybrid };
        let mut row = row(&store, n, user, strategy).await;
        let mut ask = ask(row.id, 3, Some("first"));
        (row.generation, row.floor) = (3, 2);
        match wrong {
            Wrong::Expired => row.expires_at = now(),
            Wrong::Idle => row.idle_timeout = Duration::ZERO,
            Wrong::Bound | Wrong::BoundAndProved => row.jkt = Some("thumb".into()),
            Wrong::OtherPrefix => ask.kind = OpaqueKind::Session,
            Wrong::Future => ask.generation = 4,
            Wrong::Old => ask.generation = 1,
            _ => {}
        }
        if matches!(wrong, Wrong::BoundAndProved | Wrong::ProvedButNotBound) {
            ask.proof = Some("thumb".into());
        }
        start(&store, row.clone()).await;
        match wrong {
            Wrong::Revoked => drop(store.end(row.id, None, EndReason::Logout, now()).await.unwrap()),
            Wrong::LoggedOutEverywhere => {
                drop(store.end_all(user, None, EndReason::EndedByUser, now()).await.unwrap());
            }
            Wrong::Disabled => drop(store.set_status(user, Status::Disabled, now()).await.unwrap()),
            Wrong::EverythingEnded => {
                store.append(Revocation::EverythingBefore, None, now()).await.unwrap();
            }
            _ => {}
        }
        let Found { session: before, user, as_of } = store.find(row.id).await.unwrap().unwrap();
        let mut expected = before.clone();
        let rotation = store.rotate(&ask).await.unwrap();
        match (decide(&before, &user, as_of, &ask), &rotation) {
            (Decision::Rotate { adopt }, Rotation::Rotated(found)) => {
                expected.rotate(adopt, as_of, &ask);
                assert_eq!((&found.session, found.as_of), (&expected, as_of), "{wrong:?}");
            }
            (Decision::Refuse(refusal), Rotation::Refused(told)) => assert_eq!(refusal, *told, "{wrong:?}"),
            (decision, _) => panic!("{wrong:?}: {decision:?}, but {rotation:?}"),
        }
        assert_eq!(store.find(row.id).await.unwrap().unwrap().session, expected, "{wrong:?}");
        let good = [Wrong::Nothing, Wrong::BoundAndProved, Wrong::ProvedButNotBound];
        assert_eq!(
            matches!(rotation, Rotation::Rotated(_)),
            good.contains(&wrong),
            "{wrong:?}: {rotation:?}"
        );
    }
}

pub(super) async fn a_row_remembers_its_last_four_refreshes(store: Shared) {
    let id = login(&store, 1, RowStrategy::Hybrid).await;
    let mut expected: Session = store.find(id).await.unwrap().unwrap().session;
    for generation in 0..7_u32 {
        let attempt = (generation % 3 != 1).then(|| format!("attempt{generation}"));
        let mut ask = ask(id, generation, attempt.as_deref());
        // A server whose clock is behind must not take a use back.
        ask.now = now().after(MINUTE * if generation == 3 { 0 } else { generation });
        let Rotation::Rotated(found) = store.rotate(&ask).await.unwrap() else { panic!("it rotates") };
        expected.rotate(false, found.as_of, &ask);
        assert_eq!(found.session, expected);
        assert_eq!(store.find(id).await.unwrap().unwrap().session, expected);
    }
    assert!(expected.keyed && expected.spent.at(3).is_some() && expected.spent.at(4).is_none());
}
