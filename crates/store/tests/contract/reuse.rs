//! Of one refresh token: one rotates, its owner may ask again, a thief is caught.

use super::*;

pub(super) async fn of_64_refreshes_with_one_token_exactly_one_rotates(store: Shared) {
    let id = login(&store, 1, RowStrategy::Hybrid).await;
    for generation in 0..8 {
        let racers = (0..64).map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.rotate(&ask(id, generation, None)).await.unwrap() })
        });
        let mut rotated = 0;
        for racer in racers.collect::<Vec<_>>() {
            match racer.await.unwrap() {
                Rotation::Rotated(found) => {
                    rotated += 1;
                    assert_eq!(found.session.generation, generation + 1);
                }
                Rotation::Same(found, SameReason::Grace) => {
                    assert_eq!(found.session.generation, generation + 1)
                }
                other => panic!("one lineage, one child: {other:?}"),
            }
        }
        assert_eq!(rotated, 1);
    }
}

pub(super) async fn a_refresh_with_its_attempt_is_answered_again(store: Shared) {
    let id = login(&store, 1, RowStrategy::Hybrid).await;
    assert!(matches!(store.rotate(&ask(id, 0, Some("first"))).await.unwrap(), Rotation::Rotated(_)));
    let later = Ask { now: now().after(HOUR), ..ask(id, 0, Some("first")) };
    let Rotation::Same(found, SameReason::LostResponse) = store.rotate(&later).await.unwrap() else {
        panic!("a lost response, however late")
    };
    assert_eq!((found.session.generation, found.session.keyed), (1, true));
    assert_eq!(store.find(id).await.unwrap().unwrap().session, found.session);
}

pub(super) async fn a_spent_token_ends_the_session(store: Shared) {
    let id = login(&store, 1, RowStrategy::Hybrid).await;
    store.rotate(&ask(id, 0, Some("victim"))).await.unwrap();
    let thief = Ask { now: now().after(HOUR), ..ask(id, 0, Some("thief")) };
    let Rotation::Revoked(event) = store.rotate(&thief).await.unwrap() else { panic!("a thief") };
    assert_eq!(event.revocation, Revocation::SessionRevoked(id));
    let found = store.find(id).await.unwrap().unwrap();
    let revoked = found.session.revoked.unwrap();
    assert_eq!((revoked.rv, revoked.reason), (event.rv, EndReason::RefreshTokenReused));
    let victim = store.rotate(&ask(id, 1, Some("victim"))).await.unwrap();
    assert!(matches!(victim, Rotation::Refused(Refusal::Dead(Dead::Revoked))));
    assert_eq!(store.read_since(None).await.unwrap().events, [event]);
}

pub(super) async fn a_thief_who_hangs_up_is_caught_all_the_same(store: Shared) {
    let id = login(&store, 1, RowStrategy::Hybrid).await;
    store.rotate(&ask(id, 0, Some("victim"))).await.unwrap();
    let thief = Ask { now: now().after(HOUR), ..ask(id, 0, Some("thief")) };
    tokio::select! {
        biased;
        _ = store.rotate(&thief) => {}
        () = std::future::ready(()) => {}
    }
    let caught = async {
        loop {
            if let Some(revoked) = store.find(id).await.unwrap().unwrap().session.revoked {
                return revoked.reason;
            }
        }
    };
    let caught = tokio::time::timeout(Duration::from_secs(20), caught).await;
    assert_eq!(caught, Ok(EndReason::RefreshTokenReused));
}

pub(super) async fn a_life_that_was_spent_stays_spent(store: Shared) {
    let id = login(&store, 1, RowStrategy::Hybrid).await;
    for generation in 0..2 {
        assert!(matches!(store.rotate(&ask(id, generation, None)).await.unwrap(), Rotation::Rotated(_)));
        let late = Ask { now: now().after(HOUR), lives: 2, ..ask(id, generation, None) };
        let again = store.rotate(&late).await.unwrap();
        assert!(matches!(again, Rotation::Same(_, SameReason::Strike)), "{again:?}");
    }
    assert_eq!(store.find(id).await.unwrap().unwrap().session.strikes, 2, "a rotation gives none back");
    store.rotate(&ask(id, 2, None)).await.unwrap();
    let late = Ask { now: now().after(HOUR), lives: 2, ..ask(id, 2, None) };
    assert!(matches!(store.rotate(&late).await.unwrap(), Rotation::Revoked(_)));
}
