//! Password changes and step-ups, and what races them.

use cloakroom_auth::feed::AsOf;
use cloakroom_auth::password::PhcString;
use cloakroom_auth::privilege::{Holder, PasswordChange, StepUp};
use cloakroom_auth::store::{PasswordChanged, SteppedUp};
use cloakroom_auth::user::LoginsEnded;

use super::*;

/// By a caller whose credential is as new as can be.
fn change(user: UserId, proved: &str, new: &str, keep: Option<(SessionId, Option<u32>)>) -> PasswordChange {
    let as_of = AsOf::read_with_row(Rv::from_i64(i64::MAX).expect("it fits"), Rv::ZERO);
    let keep = keep.map(|(session, generation)| Holder { session, generation });
    PasswordChange { user, proved: hash(proved), new: hash(new), as_of, keep, now: now() }
}

fn step_up(user: UserId, session: SessionId, generation: Option<u32>) -> StepUp {
    let later = now().after(MINUTE);
    StepUp { user, proved: hash("$1"), holder: Holder { session, generation }, now: later }
}

async fn hash_of(store: &Shared, user: UserId) -> PhcString {
    store.by_id(user).await.unwrap().unwrap().0.password_hash
}

/// One login of each strategy.
async fn logins(store: &Shared) -> (UserId, SessionId, SessionId) {
    let alice = add(store, 1, "alice@example.com").await;
    for (n, strategy) in [(1, RowStrategy::Session), (2, RowStrategy::Hybrid)] {
        let row = row(store, n, alice, strategy).await;
        start(store, row).await;
    }
    (alice, session_id(1), session_id(2))
}

pub(super) async fn a_password_change_keeps_one_login_and_ends_the_others(store: Shared) {
    let (alice, session, hybrid) = logins(&store).await;
    store.rotate(&ask(hybrid, 0, Some("first"))).await.unwrap();
    let keep = Some((hybrid, None));
    let PasswordChanged::Done { user, as_of, kept, event } =
        store.change_password(&change(alice, "$1", "$2", keep)).await.unwrap()
    else {
        panic!("it is changed")
    };
    assert_eq!(event.revocation, Revocation::UserBefore(alice));
    assert_eq!((user.min_rv, as_of.head()), (event.rv, event.rv), "a token minted with it lives");
    let reason = EndReason::PasswordChanged;
    assert_eq!(user.logins_ended, Some(LoginsEnded { at: now(), reason }));
    assert_eq!(hash_of(&store, alice).await, hash("$2"));
    let kept = kept.unwrap();
    assert_eq!((kept.generation, kept.floor, kept.rv), (2, 2, event.rv));
    assert_eq!(kept.spent.at(0), None, "no older token is ever answered again");
    let found = store.find(hybrid).await.unwrap().unwrap();
    assert_eq!(found.session, kept);
    assert_eq!(found.session.judge(&found.user, found.as_of, now()), Ok(()));
    let other = store.find(session).await.unwrap().unwrap();
    assert_eq!(other.session.judge(&other.user, other.as_of, now()), Err(Dead::Outdated));
    let ended = store.list_ended(alice, now(), 10).await.unwrap();
    assert_eq!(ended.iter().map(|found| found.session.id).collect::<Vec<_>>(), [session]);
    let why = ended[0].session.ending(&ended[0].user, ended[0].as_of, now()).unwrap().why;
    assert_eq!(why.as_str(), "password_changed");
    // The parent, with its own attempt, from before the change: refused, and nobody is accused.
    let old = store.rotate(&ask(hybrid, 1, Some("second"))).await.unwrap();
    assert!(matches!(old, Rotation::Refused(Refusal::BelowFloor)), "{old:?}");
    let lost = store.rotate(&ask(hybrid, 0, Some("first"))).await.unwrap();
    assert!(matches!(lost, Rotation::Refused(Refusal::BelowFloor)), "{lost:?}");
    assert!(matches!(store.rotate(&ask(hybrid, 2, None)).await.unwrap(), Rotation::Rotated(_)));
}

pub(super) async fn a_password_change_without_a_row_ends_every_login(store: Shared) {
    let (alice, ..) = logins(&store).await;
    let changed = store.change_password(&change(alice, "$1", "$2", None)).await.unwrap();
    assert!(matches!(changed, PasswordChanged::Done { kept: None, .. }), "{changed:?}");
    assert_eq!(store.list_sessions(alice, now()).await.unwrap(), []);
    assert_eq!(store.list_ended(alice, now(), 10).await.unwrap().len(), 2);
}

pub(super) async fn a_change_that_is_refused_changes_nothing(store: Shared) {
    let (alice, session, hybrid) = logins(&store).await;
    let mallory = add(&store, 9, "mallory@example.com").await;
    let before = store.read_since(None).await.unwrap();
    let wrong = [
        change(alice, "$another", "$2", Some((session, Some(0)))),
        change(alice, "$1", "$2", Some((session, Some(1)))),
        change(alice, "$1", "$2", Some((hybrid, Some(0)))),
        change(alice, "$1", "$2", Some((session_id(99), None))),
        change(mallory, "$1", "$2", Some((session, Some(0)))),
        change(UserId::from_bytes([99; 16]), "$1", "$2", None),
    ];
    for change in wrong {
        let changed = store.change_password(&change).await.unwrap();
        assert!(!matches!(changed, PasswordChanged::Done { .. }), "{change:?}");
    }
    for step in [
        StepUp { proved: hash("$another"), ..step_up(alice, session, Some(0)) },
        step_up(alice, session, Some(1)),
        step_up(alice, hybrid, Some(0)),
        step_up(alice, session_id(99), None),
        step_up(mallory, session, Some(0)),
    ] {
        let stepped = store.step_up(&step).await.unwrap();
        assert!(!matches!(stepped, SteppedUp::Done(..)), "{step:?}");
    }
    assert_eq!(hash_of(&store, alice).await, hash("$1"));
    assert_eq!(store.read_since(None).await.unwrap(), before);
    assert_eq!(store.list_sessions(alice, now()).await.unwrap().len(), 2);
}

pub(super) async fn of_64_password_changes_exactly_one_wins(store: Shared) {
    let alice = add(&store, 1, "alice@example.com").await;
    let all = (0..64).map(|n| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let change = change(alice, "$1", &format!("$new{n}"), None);
            let changed = store.change_password(&change).await.unwrap();
            matches!(changed, PasswordChanged::Done { .. }).then_some(change.new)
        })
    });
    let mut winners = Vec::new();
    for one in all.collect::<Vec<_>>() {
        winners.extend(one.await.unwrap());
    }
    assert_eq!(winners, [hash_of(&store, alice).await]);
}

pub(super) async fn a_login_with_the_old_password_is_dead_at_birth(store: Shared) {
    let alice = add(&store, 1, "alice@example.com").await;
    for n in 0..32 {
        // Read before the change, as a login does that is still hashing.
        let login = row(&store, n, alice, RowStrategy::Session).await;
        let id = login.id;
        let (old, new) = (format!("${}", n + 1), format!("${}", n + 2));
        let (one, two) = (Arc::clone(&store), Arc::clone(&store));
        let starting = tokio::spawn(async move { one.start(fresh(login)).await.unwrap() });
        let changing =
            tokio::spawn(async move { two.change_password(&change(alice, &old, &new, None)).await.unwrap() });
        starting.await.unwrap();
        assert!(matches!(changing.await.unwrap(), PasswordChanged::Done { .. }));
        let found = store.find(id).await.unwrap();
        let lives = found.is_some_and(|found| found.session.judge(&found.user, found.as_of, now()).is_ok());
        assert!(!lives, "whichever came first");
    }
}

pub(super) async fn a_step_up_renews_the_login_and_tells_of_it(store: Shared) {
    let (alice, session, hybrid) = logins(&store).await;
    for (id, generation) in [(session, Some(0)), (hybrid, None)] {
        let before = store.find(id).await.unwrap().unwrap().session;
        let SteppedUp::Done(found, event) = store.step_up(&step_up(alice, id, generation)).await.unwrap()
        else {
            panic!("it is renewed")
        };
        assert_eq!(event.revocation, Revocation::SessionChanged(id));
        let row = found.session;
        assert_eq!((row.generation, row.floor, row.auth_time), (1, 1, now().after(MINUTE)));
        assert_eq!((row.expires_at, row.rv), (before.expires_at, before.rv), "no longer life");
        assert_eq!(store.find(id).await.unwrap().unwrap().session, row);
    }
    let again = store.step_up(&step_up(alice, session, Some(0))).await.unwrap();
    assert!(matches!(again, SteppedUp::Refused(Refusal::BelowFloor)), "{again:?}");
}

/// Refresh, logout and a privilege change at once: one order or the other, never a mixture.
pub(super) async fn privilege_changes_race_refresh_and_logout(store: Shared) {
    let alice = add(&store, 1, "alice@example.com").await;
    for n in 0..32_u8 {
        let row = row(&store, n, alice, RowStrategy::Hybrid).await;
        let id = row.id;
        start(&store, row).await;
        let (old, new) = (format!("${}", n + 1), format!("${}", n + 2));
        let [one, two, three] = [0; 3].map(|_| Arc::clone(&store));
        let refreshing = tokio::spawn(async move { one.rotate(&ask(id, 0, Some("first"))).await.unwrap() });
        let changing = tokio::spawn(async move {
            two.change_password(&change(alice, &old, &new, Some((id, None)))).await.unwrap()
        });
        let ends = n % 2 == 0;
        let ending = tokio::spawn(async move {
            if ends {
                three.end(id, None, EndReason::Logout, now()).await.unwrap();
            }
        });
        let (refreshed, changed) = (refreshing.await.unwrap(), changing.await.unwrap());
        ending.await.unwrap();
        let Found { session: row, user, as_of } = store.find(id).await.unwrap().unwrap();
        assert_eq!(row.judge(&user, as_of, now()).is_ok(), !ends, "a logout is final");
        match (&refreshed, &changed) {
            (Rotation::Rotated(found), PasswordChanged::Done { event, kept, .. }) => {
                assert!(found.as_of.head() < event.rv, "what it minted is older than the change");
                assert_eq!(kept.as_ref().map(|kept| (kept.generation, kept.floor)), Some((2, 2)));
            }
            (Rotation::Refused(Refusal::BelowFloor | Refusal::Dead(_)), PasswordChanged::Done { .. }) => {}
            (
                Rotation::Rotated(_) | Rotation::Refused(Refusal::Dead(_)),
                PasswordChanged::Refused(Refusal::Dead(Dead::Revoked)),
            ) => {
                assert!(ends);
                // The hash is as it was: the next round must know it.
                let change = change(alice, &format!("${}", n + 1), &format!("${}", n + 2), None);
                assert!(matches!(
                    store.change_password(&change).await.unwrap(),
                    PasswordChanged::Done { .. }
                ));
            }
            other => panic!("{other:?}"),
        }
    }
}

/// The token that a caller without a row gets is newer than all that ended its login while the password was hashed.
pub(super) async fn a_caller_without_a_row_changes_nothing_once_its_login_ended(store: Shared) {
    let alice = add(&store, 1, "alice@example.com").await;
    for end in ["user", "everyone", "disabled"] {
        let (_, as_of) = store.by_id(alice).await.unwrap().unwrap();
        let stale = PasswordChange { as_of, ..change(alice, "$1", "$2", None) };
        match end {
            "user" => drop(store.end_all(alice, None, EndReason::EndedByAdmin, now()).await.unwrap()),
            "everyone" => drop(store.append(Revocation::EverythingBefore, None, now()).await.unwrap()),
            _ => drop(store.set_status(alice, Status::Disabled, now()).await.unwrap()),
        }
        let refused = store.change_password(&stale).await.unwrap();
        let why = if end == "disabled" { Dead::UserDisabled } else { Dead::Outdated };
        assert!(
            matches!(refused, PasswordChanged::Refused(Refusal::Dead(dead)) if dead == why),
            "{end}: {refused:?}"
        );
    }
    assert_eq!(hash_of(&store, alice).await, hash("$1"));
}
