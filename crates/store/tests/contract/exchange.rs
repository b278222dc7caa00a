//! One kind of login for another.

use super::*;

fn exchange_of(session: SessionId, kind: OpaqueKind, generation: u32, to: RowStrategy) -> ExchangeAsk {
    ExchangeAsk {
        session,
        kind,
        generation,
        attempt: None,
        proof: None,
        to,
        transport: Transport::Body,
        timeouts: Timeouts { idle: HOUR, absolute: 2 * HOUR },
        now: now(),
    }
}

pub(super) async fn an_exchange_turns_the_row_over_and_tells_of_it(store: Shared) {
    let id = login(&store, 1, RowStrategy::Session).await;
    let exchange = |kind, generation, to| exchange_of(id, kind, generation, to);
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

pub(super) async fn of_64_exchanges_of_one_token_exactly_one_gets_a_new_one(store: Shared) {
    let id = login(&store, 1, RowStrategy::Session).await;
    let ways =
        [(OpaqueKind::Session, RowStrategy::Hybrid, 0), (OpaqueKind::Refresh, RowStrategy::Session, 1)];
    for (kind, to, generation) in ways {
        let racers = (0..64).map(|_| {
            let (store, ask) = (Arc::clone(&store), exchange_of(id, kind, generation, to));
            tokio::spawn(async move { store.exchange(&ask).await.unwrap() })
        });
        let mut done = Vec::new();
        for racer in racers.collect::<Vec<_>>() {
            match racer.await.unwrap() {
                Exchanged::Done(found, event) => done.push((found.session, event)),
                Exchanged::Refused(Refusal::WrongKind) => {}
                other => panic!("the token was exchanged: {other:?}"),
            }
        }
        let [(session, event)] = &done[..] else { panic!("one, and no more: {done:?}") };
        assert_eq!((session.strategy, session.generation), (to, generation + 1));
        let found = store.find(id).await.unwrap().unwrap();
        assert_eq!(found.session, *session, "nobody wrote over it");
        assert_eq!(found.session.judge(&found.user, found.as_of, now()), Ok(()), "and nobody was accused");
        assert_eq!(store.read_since(None).await.unwrap().events, std::slice::from_ref(event));
    }
}
