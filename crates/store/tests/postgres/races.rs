//! A statement that waited for a row's lock sees the row as it is and everything else as it was before the wait. What
//! is decided must not come from that mixture.

use std::time::Duration;

use cloakroom_auth::exchange::ExchangeAsk;
use cloakroom_auth::privilege::{Holder, StepUp};
use cloakroom_auth::refresh::{Ask, Refusal};
use cloakroom_auth::session::{Dead, EndReason, RowStrategy, Timeouts};
use cloakroom_auth::store::{Exchanged, Rotation, SteppedUp};
use cloakroom_auth::user::Status;
use cloakroom_verify::{OpaqueKind, SessionId, Transport};

use super::sharing::somebody_waits;
use super::*;

const OUTDATED: Refusal = Refusal::Dead(Dead::Outdated);

fn ask(session: SessionId) -> Ask {
    Ask {
        session,
        kind: OpaqueKind::Refresh,
        generation: 0,
        attempt: None,
        proof: None,
        now: now(),
        grace: Duration::from_secs(10),
        lives: 3,
    }
}

fn exchange(session: SessionId) -> ExchangeAsk {
    ExchangeAsk {
        session,
        kind: OpaqueKind::Refresh,
        generation: 0,
        attempt: None,
        proof: None,
        to: RowStrategy::Session,
        transport: Transport::Body,
        timeouts: Timeouts { idle: HOUR, absolute: DAY },
        now: now(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waited_for_the_row_of_a_login_that_ended_meanwhile_is_refused() {
    let Some(database) = Database::new().await else { return };
    let store = database.open().await;
    let client = database.connect().await;
    for n in 1..=6 {
        let user = add(&store, n, &format!("user{n}@example.com")).await;
        let row = row(&store, n, user, RowStrategy::Hybrid).await;
        let id = row.id;
        start(&store, row).await;
        client.batch_execute("BEGIN; SELECT 1 FROM sessions FOR UPDATE").await.unwrap();
        let waiting = {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                match n % 3 {
                    0 => match store.rotate(&ask(id)).await.unwrap() {
                        Rotation::Refused(refusal) => refusal,
                        other => panic!("{other:?}"),
                    },
                    1 => match store.exchange(&exchange(id)).await.unwrap() {
                        Exchanged::Refused(refusal) => refusal,
                        other => panic!("{other:?}"),
                    },
                    _ => {
                        // This one holds the user's lock while it waits: only the floor can rise meanwhile.
                        let holder = Holder { session: id, generation: None };
                        let step = StepUp { user, proved: hash("$1"), holder, now: now() };
                        match store.step_up(&step).await.unwrap() {
                            SteppedUp::Refused(refusal) => refusal,
                            other => panic!("{other:?}"),
                        }
                    }
                }
            })
        };
        somebody_waits(&client).await;
        if n > 3 || n % 3 == 2 {
            store.append(Revocation::EverythingBefore, None, now()).await.unwrap();
        } else {
            store.end_all(user, None, EndReason::EndedByUser, now()).await.unwrap().unwrap();
        }
        client.batch_execute("ROLLBACK").await.unwrap();
        assert_eq!(waiting.await.unwrap(), OUTDATED, "{n}");
    }
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_waited_for_its_user_who_was_disabled_meanwhile_is_dead_at_birth() {
    let Some(database) = Database::new().await else { return };
    let store = database.open().await;
    let client = database.connect().await;
    let alice = add(&store, 1, "alice@example.com").await;
    let login = row(&store, 1, alice, RowStrategy::Session).await;
    client.batch_execute("BEGIN; UPDATE users SET status = 'disabled'").await.unwrap();
    let waiting = {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.start(fresh(login)).await.unwrap() })
    };
    somebody_waits(&client).await;
    client.batch_execute("COMMIT").await.unwrap();
    assert!(matches!(waiting.await.unwrap(), cloakroom_auth::store::Started::DeadAtBirth));
    assert_eq!(store.by_id(alice).await.unwrap().unwrap().0.status, Status::Disabled);
    database.drop().await;
}
