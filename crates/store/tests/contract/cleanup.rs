//! What is deleted once nobody can need it, and by whom.

use cloakroom_verify::Timestamp;
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
    assert_eq!(store.purge_events(now().after(HOUR), 10).await.unwrap(), 0, "not before its time");
}

pub(super) async fn what_can_kill_nothing_is_forgotten_in_bounded_batches(store: Shared) {
    // Nobody announced for how long: each is kept until it is told, and no longer.
    for n in 1..=3 {
        let token = Revocation::TokenRevoked(TokenId::from_bytes([n; 16]));
        store.append(token, None, long_ago()).await.unwrap();
    }
    let everything = store.append(Revocation::EverythingBefore, None, long_ago()).await.unwrap();
    assert_eq!(store.purge_events(long_ago(), 10).await.unwrap(), 0, "this clock has not passed it");
    let mut gone = 0;
    // The store's own clock, if it has one, may say that it is still the same millisecond.
    while gone < 3 {
        let some = store.purge_events(now(), 2).await.unwrap();
        assert!(some <= 2, "{some}");
        gone += some;
    }
    assert_eq!(store.read_since(None).await.unwrap().events, [everything], "which is never forgotten");
}

pub(super) async fn expired_rows_are_deleted_in_bounded_batches(store: Shared) {
    let alice = add(&store, 1, "alice@example.com").await;
    for n in 1..=5 {
        let mut row = row(&store, n, alice, RowStrategy::Session).await;
        row.expires_at = long_ago().after(u32::from(n) * DAY);
        start(&store, row).await;
    }
    let on_the_fourth_day = long_ago().after(4 * DAY);
    assert_eq!(store.purge_sessions(on_the_fourth_day, 2).await.unwrap(), 2);
    assert_eq!(store.purge_sessions(on_the_fourth_day, 2).await.unwrap(), 1);
    assert_eq!(store.purge_sessions(on_the_fourth_day, 2).await.unwrap(), 0);
    assert!(store.find(session_id(3)).await.unwrap().is_none());
    assert!(store.find(session_id(4)).await.unwrap().is_some());
}

/// Past by every clock: what is deleted has expired by the caller's clock and by the store's own.
fn long_ago() -> Timestamp {
    Timestamp::from_seconds(1_500_000_000)
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

pub(super) async fn the_longest_bound_of_the_other_processes_is_known(store: Shared) {
    let [one, two, three] = [[1; 16], [2; 16], [3; 16]];
    let short = Duration::from_secs(2);
    store.announce(&one, short, Duration::ZERO).await.unwrap();
    assert_eq!(store.others(&one, Duration::ZERO).await.unwrap(), None);
    store.announce(&two, MINUTE, Duration::ZERO).await.unwrap();
    store.announce(&three, short, Duration::ZERO).await.unwrap();
    store.announce(&one, short, short).await.unwrap();
    assert_eq!(store.others(&one, short).await.unwrap(), Some(MINUTE));
    assert_eq!(store.others(&three, MINUTE).await.unwrap(), Some(MINUTE));
    assert_eq!(store.others(&two, Duration::ZERO).await.unwrap(), Some(short));
}
