//! The feed: numbers without gaps, and readers that never miss an event.

use super::*;

pub(super) async fn the_feed_tells_of_exactly_what_it_is_asked(store: Shared) {
    let token = |n| Revocation::TokenRevoked(TokenId::from_bytes([n; 16]));
    let one = store.append(token(1), None, now()).await.unwrap();
    store.append(token(2), None, now()).await.unwrap();
    assert_eq!(store.told(&[token(1), token(3)]).await.unwrap(), [one]);
    assert_eq!(store.told(&[]).await.unwrap(), []);
}

pub(super) async fn numbers_are_dense_under_64_writers(store: Shared) {
    let before = store.read_since(None).await.unwrap().head;
    let writers = (0..64_u8).map(|writer| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let mut numbers = Vec::new();
            for n in 0..8 {
                let mut id = [0; 16];
                (id[0], id[1]) = (writer, n);
                let id = TokenId::from_bytes(id);
                numbers.push(store.append(Revocation::TokenRevoked(id), None, now()).await.unwrap().rv);
            }
            numbers
        })
    });
    let mut numbers = Vec::new();
    for writer in writers.collect::<Vec<_>>() {
        let own = writer.await.unwrap();
        assert!(own.is_sorted(), "the order of the numbers is the order of the commits");
        numbers.extend(own);
    }
    numbers.sort_unstable();
    let expected: Vec<_> = (1..=512).map(|n| Rv::new(before.epoch(), before.seq() + n)).collect();
    assert_eq!(numbers, expected);
    let sync = store.read_since(Some(before)).await.unwrap();
    assert_eq!(sync.head, *expected.last().unwrap());
    assert_eq!(sync.events.iter().map(|event| event.rv).collect::<Vec<_>>(), expected);
}

pub(super) async fn a_reader_never_sees_a_head_without_its_events(store: Shared) {
    let writer = {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for n in 0..200_u8 {
                let id = TokenId::from_bytes([n; 16]);
                store.append(Revocation::TokenRevoked(id), None, now()).await.unwrap();
            }
        })
    };
    let start = store.read_since(None).await.unwrap().head;
    let mut seen = HashSet::new();
    let mut since = start;
    loop {
        let done = writer.is_finished();
        let sync = store.read_since(Some(since)).await.unwrap();
        seen.extend(sync.events.iter().map(|event| event.rv.seq()));
        let complete = (start.seq() + 1..=sync.head.seq()).all(|seq| seen.contains(&seq));
        assert!(complete, "head {:?} without all of its events", sync.head);
        since = sync.head;
        if done {
            break;
        }
    }
    writer.await.unwrap();
}

pub(super) async fn repeating_a_revocation_says_nothing_new(store: Shared) {
    let token = Revocation::TokenRevoked(TokenId::from_bytes([1; 16]));
    let first = store.append(token.clone(), None, now()).await.unwrap();
    let again = store.append(token, None, now().after(HOUR)).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(store.read_since(None).await.unwrap().head, first.rv);
    let key: KeyId = "key-1".parse().unwrap();
    let revoked = store.append(Revocation::KeyRevoked(key.clone()), None, now()).await.unwrap();
    assert_eq!(store.read_since(Some(first.rv)).await.unwrap().events, [revoked]);
}

pub(super) async fn a_position_of_another_epoch_gets_everything(store: Shared) {
    let event =
        store.append(Revocation::TokenRevoked(TokenId::from_bytes([1; 16])), None, now()).await.unwrap();
    let older = Rv::new(event.rv.epoch() - 1, 4_000);
    assert_eq!(store.read_since(Some(older)).await.unwrap().events, std::slice::from_ref(&event));
    assert!(store.read_since(Some(event.rv)).await.unwrap().events.is_empty());
}
