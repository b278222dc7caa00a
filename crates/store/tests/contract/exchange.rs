//! One kind of login for another.

use super::*;

pub(super) async fn an_exchange_turns_the_row_over_and_tells_of_it(store: Shared) {
    let id = login(&store, 1, RowStrategy::Session).await;
    let exchange = |kind, generation, to| ExchangeAsk {
        session: id,
        kind,
        generation,
        attempt: None,
        proof: None,
        to,
        transport: Transport::Body,
        timeouts: Timeouts { idle: HOUR, absolute: 2 * HOUR },
        now: now(),
    };
    let there = exchange(OpaqueKind::Session, 0, RowStrategy::Hybrid);
    let Exchanged::Done(found, event) = store.exchange(&there).await.unwrap() else {
        panic!("it is exchanged")
    };
    assert_eq!(event.revocation, Revocation::SessionChanged(id));
    assert_eq!(found.session.strategy, RowStrategy::Hybrid);
    assert_eq!(found.session.expires_at, now().after(2 * HOUR), "never later than either would have been");
    assert_eq!(store.find(id).await.unwrap().unwrap().session, found.session);
    assert!(matches!(store.exchange(&there).await.unwrap(), Exchanged::Refused(Refusal::WrongKind)));
    let back = exchange(OpaqueKind::Refresh, 1, RowStrategy::Session);
    let Exchanged::Done(found, newer) = store.exchange(&back).await.unwrap() else { panic!("and back") };
    assert_eq!((found.session.strategy, found.session.generation), (RowStrategy::Session, 2));
    assert!(newer.rv > event.rv);
    assert_eq!(store.read_since(None).await.unwrap().events, [newer], "merged by maximum");
}
