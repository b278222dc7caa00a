//! A statement that waited for a row's lock sees the row as it is and everything else as it was before the wait. What
//! is decided must not come from that mixture.

use cloakroom_auth::exchange::ExchangeAsk;
use cloakroom_auth::privilege::{Holder, PasswordChange, StepUp};
use cloakroom_auth::refresh::Refusal;
use cloakroom_auth::session::{Dead, EndReason, RowStrategy, Timeouts};
use cloakroom_auth::store::{Exchanged, PasswordChanged, Rotation, SteppedUp};
use cloakroom_auth::user::Status;
use cloakroom_verify::{OpaqueKind, Roles, SessionId, Transport};

use super::refreshes::ask;
use super::sharing::somebody_waits;
use super::*;

const OUTDATED: Refusal = Refusal::Dead(Dead::Outdated);

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

/// As another server would that ends everything: it holds the head while the step of the test waits for it.
const EVERYTHING: &str = "UPDATE feed_head SET head = head + 1, floor = head + 1; \
     INSERT INTO feed_events (rv, kind, key, keep_until) \
     SELECT head, 'everything_before', '', 9223372036854775807 FROM feed_head \
     ON CONFLICT (kind, key) DO UPDATE SET rv = excluded.rv; COMMIT";

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_kept_does_not_survive_the_end_of_everything_that_overtakes_its_judgement() {
    let Some(database) = Database::new().await else { return };
    let store = database.open().await;
    let client = database.connect().await;
    for n in 1..=2 {
        let user = add(&store, n, &format!("user{n}@example.com")).await;
        let row = row(&store, n, user, RowStrategy::Session).await;
        let id = row.id;
        start(&store, row).await;
        let (_, as_of) = store.by_id(user).await.unwrap().unwrap();
        client.batch_execute("BEGIN; SELECT 1 FROM feed_head FOR UPDATE").await.unwrap();
        let waiting = {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                if n == 1 {
                    let ended = store.end_all(user, Some(id), EndReason::EndedByUser, now()).await.unwrap();
                    assert!(ended.is_none(), "what was to be kept has ended: {ended:?}");
                    return;
                }
                let keep = Some(Holder { session: id, generation: Some(0) });
                let (proved, new) = (hash("$1"), hash("$2"));
                let change = PasswordChange { user, proved, new, as_of, keep, now: now() };
                let changed = store.change_password(&change).await.unwrap();
                assert!(matches!(changed, PasswordChanged::Refused(OUTDATED)), "{changed:?}");
            })
        };
        somebody_waits(&client).await;
        client.batch_execute(EVERYTHING).await.unwrap();
        waiting.await.unwrap();
        let found = store.find(id).await.unwrap().unwrap();
        assert_eq!(found.session.judge(&found.user, found.as_of, now()), Err(Dead::Outdated), "{n}");
        assert_eq!(found.user.password_hash, hash("$1"), "what was taken back is taken back whole");
        let (head, told) = numbers(&store).await;
        assert_eq!(told, [head], "and took no number");
    }
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_that_waited_for_a_row_that_was_kept_meanwhile_reads_everything_again() {
    let Some(database) = Database::new().await else { return };
    let store = database.open().await;
    let client = database.connect().await;
    let alice = add(&store, 1, "alice@example.com").await;
    let login = row(&store, 1, alice, RowStrategy::Hybrid).await;
    let id = login.id;
    start(&store, login).await;
    // As `set_roles` and `end_all` of another server: the row that is waited for becomes newer than what the statement
    // saw of its user.
    let kept = "BEGIN; UPDATE feed_head SET head = head + 2; \
         UPDATE users SET roles = '[\"fewer\"]', min_rv = (SELECT head FROM feed_head); \
         UPDATE sessions SET rv = (SELECT head FROM feed_head)";
    client.batch_execute(kept).await.unwrap();
    let waiting = {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.rotate(&ask(id)).await.unwrap() })
    };
    somebody_waits(&client).await;
    client.batch_execute("COMMIT").await.unwrap();
    let rotated = match waiting.await.unwrap() {
        Rotation::Rotated(found) => found,
        other => panic!("{other:?}"),
    };
    assert_eq!(rotated.session.generation, 1);
    assert_eq!(
        rotated.user.roles,
        Roles::from_iter(["fewer"]),
        "its token must not say what was true before"
    );
    assert_eq!(rotated.as_of.head(), rotated.session.rv);
    database.drop().await;
}
