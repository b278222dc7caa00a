//! What ends a login, and what races it.

use super::*;

pub(super) async fn a_session_ends_once_and_only_for_its_owner(store: Shared) {
    let id = login(&store, 1, RowStrategy::Session).await;
    let alice = store.find(id).await.unwrap().unwrap().user.id;
    let mallory = UserId::from_bytes([9; 16]);
    let end = |owner| store.end(id, owner, EndReason::Logout, now());
    assert!(matches!(end(Some(mallory)).await.unwrap(), Ended::Unknown));
    assert!(matches!(end(Some(alice)).await.unwrap(), Ended::Now(_)));
    assert!(matches!(end(None).await.unwrap(), Ended::Already));
    assert!(matches!(
        store.end(session_id(99), None, EndReason::Logout, now()).await.unwrap(),
        Ended::Unknown
    ));
}

pub(super) async fn of_64_who_end_one_session_exactly_one_tells_of_it(store: Shared) {
    let id = login(&store, 1, RowStrategy::Hybrid).await;
    let all = (0..64).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.end(id, None, EndReason::Logout, now()).await.unwrap() })
    });
    let (mut told, mut already) = (Vec::new(), 0);
    for one in all.collect::<Vec<_>>() {
        match one.await.unwrap() {
            Ended::Now(event) => told.push(event),
            Ended::Already => already += 1,
            Ended::Unknown => panic!("it was there"),
        }
    }
    assert_eq!((told.len(), already), (1, 63), "each is told that it has ended");
    assert_eq!(told[0].revocation, Revocation::SessionRevoked(id));
    let sync = store.read_since(None).await.unwrap();
    assert_eq!((sync.head, sync.events), (told[0].rv, told));
}

pub(super) async fn ending_the_others_keeps_one_and_kills_the_rest(store: Shared) {
    let alice = add(&store, 1, "alice@example.com").await;
    for n in 1..=3 {
        let row = row(&store, n, alice, RowStrategy::Session).await;
        start(&store, row).await;
    }
    let not_hers = store.end_all(alice, Some(session_id(99)), EndReason::EndedByUser, now()).await.unwrap();
    assert!(not_hers.is_none());
    let ended =
        store.end_all(alice, Some(session_id(2)), EndReason::EndedByUser, now()).await.unwrap().unwrap();
    assert_eq!((ended.sessions, &ended.event.revocation), (2, &Revocation::UserBefore(alice)));
    let kept = store.find(session_id(2)).await.unwrap().unwrap();
    assert_eq!(kept.session.judge(&kept.user, kept.as_of, now()), Ok(()));
    let other = store.find(session_id(1)).await.unwrap().unwrap();
    assert_eq!(other.session.judge(&other.user, other.as_of, now()), Err(Dead::Outdated));
    assert!(matches!(
        store.end(session_id(1), None, EndReason::Logout, now()).await.unwrap(),
        Ended::Already
    ));
    assert_eq!(store.list_sessions(alice, now()).await.unwrap().len(), 1);
}

pub(super) async fn refresh_and_logout_at_once_never_leave_a_live_session(store: Shared) {
    let alice = add(&store, 1, "alice@example.com").await;
    for n in 0..32 {
        let row = row(&store, n, alice, RowStrategy::Hybrid).await;
        let id = row.id;
        start(&store, row).await;
        let (rotated, ended) = {
            let (one, two) = (Arc::clone(&store), Arc::clone(&store));
            let rotate = tokio::spawn(async move { one.rotate(&ask(id, 0, None)).await.unwrap() });
            let end = tokio::spawn(async move { two.end(id, None, EndReason::Logout, now()).await.unwrap() });
            (rotate.await.unwrap(), end.await.unwrap())
        };
        let Ended::Now(event) = ended else { panic!("nobody else ended it") };
        // Refresh first: what it minted is older than the event. Logout first: refused.
        match rotated {
            Rotation::Rotated(found) => assert!(found.as_of.head() < event.rv),
            Rotation::Refused(Refusal::Dead(Dead::Revoked)) => {}
            other => panic!("{other:?}"),
        }
        let found = store.find(id).await.unwrap().unwrap();
        assert_eq!(found.session.judge(&found.user, found.as_of, now()), Err(Dead::Revoked));
    }
}

/// All with one token and one attempt, as the tabs of one browser.
pub(super) async fn of_64_refreshes_and_logouts_at_once_one_logout_is_the_end(store: Shared) {
    let alice = add(&store, 1, "alice@example.com").await;
    for n in 0..4 {
        let row = row(&store, n, alice, RowStrategy::Hybrid).await;
        let id = row.id;
        start(&store, row).await;
        let refreshing = (0..32).map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.rotate(&ask(id, 0, Some("tabs"))).await.unwrap() })
        });
        let ending = (0..32).map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.end(id, None, EndReason::Logout, now()).await.unwrap() })
        });
        // One of each in turn.
        let (refreshing, ending): (Vec<_>, Vec<_>) = refreshing.zip(ending).unzip();
        let mut told = Vec::new();
        for one in ending {
            match one.await.unwrap() {
                Ended::Now(event) => told.push(event),
                Ended::Already => {}
                Ended::Unknown => panic!("it was there"),
            }
        }
        let [event] = &told[..] else { panic!("one tells of it: {told:?}") };
        let mut rotated = 0;
        for one in refreshing {
            match one.await.unwrap() {
                Rotation::Rotated(found) => {
                    rotated += 1;
                    assert!(found.as_of.head() < event.rv, "what it minted is dead");
                }
                Rotation::Same(found, SameReason::LostResponse) => assert!(found.as_of.head() < event.rv),
                Rotation::Refused(Refusal::Dead(Dead::Revoked)) => {}
                other => panic!("{other:?}"),
            }
        }
        assert!(rotated <= 1, "{rotated}");
        let found = store.find(id).await.unwrap().unwrap();
        assert_eq!(found.session.judge(&found.user, found.as_of, now()), Err(Dead::Revoked));
        assert_eq!(found.session.revoked.unwrap().reason, EndReason::Logout, "nobody was taken for a thief");
        assert_eq!(store.read_since(None).await.unwrap().events.last(), Some(event));
        assert_eq!(store.read_since(None).await.unwrap().events.len(), usize::from(n) + 1);
    }
}

pub(super) async fn everything_before_raises_the_floor(store: Shared) {
    let alice = add(&store, 1, "alice@example.com").await;
    let old = row(&store, 1, alice, RowStrategy::Session).await;
    start(&store, old.clone()).await;
    let event = store.append(Revocation::EverythingBefore, None, now()).await.unwrap();
    let sync = store.read_since(None).await.unwrap();
    assert_eq!((sync.head, sync.floor), (event.rv, event.rv));
    let found = store.find(old.id).await.unwrap().unwrap();
    assert_eq!(found.session.judge(&found.user, found.as_of, now()), Err(Dead::Outdated));
    let late = cloakroom_auth::session::Session { id: session_id(2), ..old };
    assert!(matches!(store.start(fresh(late)).await.unwrap(), Started::DeadAtBirth));
}
