//! What is deleted once nobody can need it, and by whom.

use cloakroom_verify::clock::{Clock, SystemClock};

use super::*;

pub(super) async fn events_are_kept_as_long_as_the_longest_token(store: Shared) {
    store.retain(HOUR, now()).await.unwrap();
    store.retain(MINUTE, now()).await.unwrap();
    let append = |n: u8, at_least| {
        store.append(Revocation::TokenRevoked(TokenId::from_bytes([n; 16])), at_least, now())
    };
    // PostgreSQL counts from its own clock where that is later than the caller's.
    let latest = SystemClock.wall().max(now()).after(HOUR + MINUTE);
    let kept = append(1, None).await.unwrap().keep_until;
    assert!(
        (now().after(HOUR)..latest).contains(&kept),
        "the longer one still counts, and nothing beyond it"
    );
    let later = now().after(2 * HOUR);
    let kept = append(2, Some(later)).await.unwrap().keep_until;
    assert!((later..=later.max(latest)).contains(&kept), "a token's own expiry lengthens it");
    let everything = store.append(Revocation::EverythingBefore, None, now()).await.unwrap();
    assert_eq!(store.purge_events(now().after(HOUR), 10).await.unwrap(), 0, "not before its time");
    assert_eq!(store.purge_events(now().after(1000 * DAY), 1).await.unwrap(), 1);
    assert_eq!(store.purge_events(now().after(1000 * DAY), 10).await.unwrap(), 1);
    assert_eq!(store.read_since(None).await.unwrap().events, [everything]);
}

pub(super) async fn expired_rows_are_deleted_in_bounded_batches(store: Shared) {
    let alice = add(&store, 1, "alice@example.com").await;
    for n in 1..=5 {
        let mut row = row(&store, n, alice, RowStrategy::Session).await;
        row.expires_at = now().after(u32::from(n) * DAY);
        start(&store, row).await;
    }
    let on_the_fourth_day = now().after(4 * DAY);
    assert_eq!(store.purge_sessions(on_the_fourth_day, 2).await.unwrap(), 2);
    assert_eq!(store.purge_sessions(on_the_fourth_day, 2).await.unwrap(), 1);
    assert_eq!(store.purge_sessions(on_the_fourth_day, 2).await.unwrap(), 0);
    assert!(store.find(session_id(3)).await.unwrap().is_none());
    assert!(store.find(session_id(4)).await.unwrap().is_some());
}

pub(super) async fn of_64_who_would_clean_up_exactly_one_does(store: Shared) {
    let claim = |at: Duration| {
        let (store, from) = (Arc::clone(&store), now().after(at));
        async move { store.claim_cleanup(from, from.after(2 * MINUTE)).await.unwrap() }
    };
    let all: Vec<_> = (0..64).map(|_| tokio::spawn(claim(Duration::ZERO))).collect();
    let mut claimed = 0;
    for one in all {
        claimed += u32::from(one.await.unwrap());
    }
    assert_eq!(claimed, 1);
    assert!(!claim(MINUTE).await, "it has it still");
    assert!(claim(2 * MINUTE).await, "it is gone, and somebody follows");
    // A clock that is a year ahead.
    assert!(claim(365 * DAY).await);
    assert!(claim(5 * MINUTE).await, "its claim counts for nothing");
}
