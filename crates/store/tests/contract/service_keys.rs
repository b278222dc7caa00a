//! Keys of services.

use super::*;

pub(super) async fn of_64_service_keys_with_one_name_exactly_one_is_added(store: Shared) {
    let racers = (0..64).map(|_| {
        let (store, (key, _)) =
            (Arc::clone(&store), ServiceKey::make("shop".into(), vec![Scope::Feed], now()));
        tokio::spawn(async move { store.add_service_key(key).await.unwrap() })
    });
    let mut added = 0;
    for racer in racers.collect::<Vec<_>>() {
        added += usize::from(racer.await.unwrap());
    }
    assert_eq!((added, store.list_service_keys().await.unwrap().len()), (1, 1));
}

pub(super) async fn a_revoked_service_key_is_told_of_and_gives_its_name_free(store: Shared) {
    let (key, _) = ServiceKey::make("shop".into(), vec![Scope::Introspect, Scope::Revoke], now());
    assert!(store.add_service_key(key.clone()).await.unwrap());
    assert_eq!(store.service_key(key.id).await.unwrap(), Some(key.clone()));
    let event = store.revoke_service_key("shop", now()).await.unwrap().unwrap();
    assert_eq!(event.revocation, Revocation::ServiceKeyRevoked(key.id));
    assert_eq!(store.read_since(None).await.unwrap().events, [event]);
    assert!(store.service_key(key.id).await.unwrap().unwrap().revoked_at.is_some());
    assert!(store.revoke_service_key("shop", now()).await.unwrap().is_none());
    let (next, _) = ServiceKey::make("shop".into(), vec![Scope::Admin], now());
    assert!(store.add_service_key(next).await.unwrap());
}
