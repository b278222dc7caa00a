//! What `cloakroom_auth::store` promises, on every store. A new store adds a line to `stores!`.
#![expect(clippy::unwrap_used, reason = "the suite is functions that several tests call")]
#![expect(clippy::wildcard_enum_match_arm, reason = "what else comes fails the test")]

mod common;
#[cfg(feature = "postgres")]
#[expect(dead_code, reason = "this suite uses a part of it")]
#[path = "common/postgres.rs"]
mod database;
#[path = "contract/privilege.rs"]
mod privilege;
#[path = "contract/refresh.rs"]
mod refresh;
#[cfg(feature = "redis")]
#[path = "common/redis.rs"]
mod sessions;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use cloakroom_auth::exchange::ExchangeAsk;
use cloakroom_auth::refresh::{Ask, Attempt, AttemptHash, Refusal, SameReason};
use cloakroom_auth::service_key::{Scope, ServiceKey};
use cloakroom_auth::session::{Dead, EndReason, RowStrategy, Timeouts};
use cloakroom_auth::store::{Added, Ended, Exchanged, Found, Rotation, Started, Store};
use cloakroom_auth::user::{NewUser, Status};
use cloakroom_verify::{KeyId, OpaqueKind, Revocation, Roles, Rv, SessionId, TokenId, Transport, UserId};
use common::*;
use privilege::*;
use refresh::*;

type Shared = Arc<dyn Store>;

/// The suite is not about time, and machines are busy.
#[cfg(feature = "postgres")]
const PATIENT: &str = "statement_timeout=20000&pool_timeout=20000";

#[cfg(feature = "postgres")]
async fn opened(url: &str) -> Shared {
    cloakroom_store::open(url, cloakroom_store::Purpose::Serve, now()).await.unwrap()
}

macro_rules! stores {
    ($($behaviour:ident,)*) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $behaviour() {
                super::$behaviour(std::sync::Arc::new(cloakroom_auth::memory::Memory::new(7))).await;
            })*
        }
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $behaviour() {
                let file = super::common::File::new();
                super::$behaviour(file.open().await).await;
            })*
        }
        #[cfg(feature = "postgres")]
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $behaviour() {
                let Some(database) = super::database::Database::new().await else { return };
                database.migrate().await;
                let url = database.url_with(super::PATIENT);
                super::$behaviour(super::opened(&url).await).await;
                database.drop().await;
            })*
        }
        #[cfg(feature = "redis")]
        mod sqlite_redis {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $behaviour() {
                let Some(sessions) = super::sessions::sessions() else { return };
                let file = super::common::File::new();
                file.migrate().await;
                super::$behaviour(super::sessions::open(&file.url(), &sessions).await).await;
            })*
        }
        #[cfg(all(feature = "redis", feature = "postgres"))]
        mod postgres_redis {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $behaviour() {
                let Some(sessions) = super::sessions::sessions() else { return };
                let Some(database) = super::database::Database::new().await else { return };
                database.migrate().await;
                super::$behaviour(super::sessions::open(&database.url_with(super::PATIENT), &sessions).await).await;
                database.drop().await;
            })*
        }
    };
}

stores! {
    of_64_signups_with_one_email_exactly_one_wins,
    an_account_is_found_by_email_and_by_id,
    an_account_is_added_in_the_status_it_asks_for,
    a_taken_id_is_an_error_and_changes_nothing,
    a_hash_is_raised_only_where_it_is_still_the_old_one,
    accounts_are_listed_in_pages,
    a_session_comes_back_as_it_was_written,
    several_sessions_are_found_at_once,
    a_login_older_than_a_revocation_is_dead_at_birth,
    a_login_past_the_cap_ends_the_least_recently_used,
    a_use_moves_forward_only,
    of_64_refreshes_with_one_token_exactly_one_rotates,
    a_refresh_with_its_attempt_is_answered_again,
    a_spent_token_ends_the_session,
    a_thief_who_hangs_up_is_caught_all_the_same,
    a_life_that_was_spent_stays_spent,
    a_refresh_is_judged_as_the_rule_says,
    a_row_remembers_its_last_four_refreshes,
    an_exchange_turns_the_row_over_and_tells_of_it,
    a_password_change_keeps_one_login_and_ends_the_others,
    a_password_change_without_a_row_ends_every_login,
    a_change_that_is_refused_changes_nothing,
    a_caller_without_a_row_changes_nothing_once_its_login_ended,
    of_64_password_changes_exactly_one_wins,
    a_login_with_the_old_password_is_dead_at_birth,
    a_step_up_renews_the_login_and_tells_of_it,
    privilege_changes_race_refresh_and_logout,
    a_session_ends_once_and_only_for_its_owner,
    ending_the_others_keeps_one_and_kills_the_rest,
    refresh_and_logout_at_once_never_leave_a_live_session,
    disabling_kills_and_enabling_does_not_revive,
    new_roles_are_told_of_once,
    live_sessions_are_listed_newest_first,
    an_address_is_known_after_a_login_from_it,
    numbers_are_dense_under_64_writers,
    a_reader_never_sees_a_head_without_its_events,
    repeating_a_revocation_says_nothing_new,
    everything_before_raises_the_floor,
    a_position_of_another_epoch_gets_everything,
    events_are_kept_as_long_as_the_longest_token,
    expired_rows_are_deleted_in_bounded_batches,
    of_64_who_would_clean_up_exactly_one_does,
    the_feed_tells_of_exactly_what_it_is_asked,
    of_64_service_keys_with_one_name_exactly_one_is_added,
    a_revoked_service_key_is_told_of_and_gives_its_name_free,
}

async fn the_feed_tells_of_exactly_what_it_is_asked(store: Shared) {
    let token = |n| Revocation::TokenRevoked(TokenId::from_bytes([n; 16]));
    let one = store.append(token(1), None, now()).await.unwrap();
    store.append(token(2), None, now()).await.unwrap();
    assert_eq!(store.told(&[token(1), token(3)]).await.unwrap(), [one]);
    assert_eq!(store.told(&[]).await.unwrap(), []);
}

async fn of_64_service_keys_with_one_name_exactly_one_is_added(store: Shared) {
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

async fn a_revoked_service_key_is_told_of_and_gives_its_name_free(store: Shared) {
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

async fn of_64_signups_with_one_email_exactly_one_wins(store: Shared) {
    let racers = (0..64).map(|n| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.add(new_user(n, "alice@example.com")).await.unwrap() })
    });
    let mut winners = Vec::new();
    for racer in racers.collect::<Vec<_>>() {
        if let Added::User(user) = racer.await.unwrap() {
            winners.push(user.id);
        }
    }
    let (stored, _) = store.by_email(&key("alice@example.com")).await.unwrap().unwrap();
    assert_eq!(winners, [stored.id]);
}

async fn an_account_is_found_by_email_and_by_id(store: Shared) {
    let alice = add(&store, 1, "Alice@Example.com").await;
    let (by_email, _) = store.by_email(&key("ALICE@example.com ")).await.unwrap().unwrap();
    let (by_id, _) = store.by_id(alice).await.unwrap().unwrap();
    assert_eq!((by_email.id, by_email.email.as_str()), (alice, "Alice@Example.com"));
    assert_eq!((by_id.id, by_id.name.as_deref()), (alice, Some("Alice")));
    assert_eq!(by_id.roles, Roles::from_iter(["a", "b"]));
    assert!(store.by_email(&key("bob@example.com")).await.unwrap().is_none());
    assert!(store.by_id(UserId::from_bytes([9; 16])).await.unwrap().is_none());
}

async fn an_account_is_added_in_the_status_it_asks_for(store: Shared) {
    let disabled = NewUser { status: Status::Disabled, ..new_user(1, "alice@example.com") };
    let Added::User(told) = store.add(disabled).await.unwrap() else { panic!("the email is free") };
    let (stored, _) = store.by_id(told.id).await.unwrap().unwrap();
    assert_eq!((told.status, stored.status), (Status::Disabled, Status::Disabled));
    let row = row(&store, 1, stored.id, RowStrategy::Session).await;
    assert!(matches!(store.start(fresh(row)).await.unwrap(), Started::DeadAtBirth));
    assert_eq!(store.read_since(None).await.unwrap().events, [], "there was nothing to end");
}

async fn a_taken_id_is_an_error_and_changes_nothing(store: Shared) {
    let alice = add(&store, 1, "alice@example.com").await;
    assert!(store.add(new_user(1, "bob@example.com")).await.is_err());
    assert_eq!(store.by_id(alice).await.unwrap().unwrap().0.email, "alice@example.com");
    assert!(store.by_email(&key("bob@example.com")).await.unwrap().is_none());
}

async fn a_hash_is_raised_only_where_it_is_still_the_old_one(store: Shared) {
    let alice = add(&store, 1, "alice@example.com").await;
    assert!(store.raise_hash(alice, &hash("$1"), hash("$2")).await.unwrap());
    assert!(!store.raise_hash(alice, &hash("$1"), hash("$3")).await.unwrap(), "a password change must win");
    assert_eq!(store.by_id(alice).await.unwrap().unwrap().0.password_hash, hash("$2"));
}

async fn accounts_are_listed_in_pages(store: Shared) {
    for n in 1..=5 {
        add(&store, n, &format!("user{n}@example.com")).await;
    }
    add(&store, 6, "other@example.org").await;
    let first = store.list_users("example.com", None, 3).await.unwrap();
    let rest = store.list_users("example.com", first.last().map(|user| user.id), 3).await.unwrap();
    let emails: Vec<_> = first.iter().chain(&rest).map(|user| user.email.as_str()).collect();
    assert_eq!(emails, (1..=5).map(|n| format!("user{n}@example.com")).collect::<Vec<_>>());
    assert!(store.list_users("%", None, 3).await.unwrap().is_empty(), "a query is a text, not a pattern");
}

async fn a_session_comes_back_as_it_was_written(store: Shared) {
    let alice = add(&store, 1, "alice@example.com").await;
    let mut row = row(&store, 1, alice, RowStrategy::Hybrid).await;
    row.remember = true;
    row.jkt = Some("thumb".into());
    row.ip = Some(String::from("2001:db8::1"));
    row.user_agent = Some(String::from("curl/8"));
    start(&store, row.clone()).await;
    let found = store.find(row.id).await.unwrap().unwrap();
    assert_eq!(found.session, row);
    assert_eq!(found.user.id, alice);
    assert!(store.find(session_id(99)).await.unwrap().is_none());
}

async fn several_sessions_are_found_at_once(store: Shared) {
    let (alice, bob) = (add(&store, 1, "alice@example.com").await, add(&store, 2, "bob@example.com").await);
    for (n, user) in [(1, alice), (2, bob), (3, alice)] {
        let row = row(&store, n, user, RowStrategy::Session).await;
        start(&store, row).await;
    }
    let mut found = store.find_many(&[session_id(3), session_id(99), session_id(2)]).await.unwrap();
    found.sort_by_key(|found| found.session.id);
    for (found, n) in found.iter().zip([2, 3]) {
        let alone = store.find(session_id(n)).await.unwrap().unwrap();
        assert_eq!(
            (&found.session, found.as_of, found.user.id),
            (&alone.session, alone.as_of, alone.user.id)
        );
    }
    assert_eq!(found.len(), 2);
    assert!(store.find_many(&[]).await.unwrap().is_empty());
}

async fn a_login_older_than_a_revocation_is_dead_at_birth(store: Shared) {
    let alice = add(&store, 1, "alice@example.com").await;
    let before = row(&store, 1, alice, RowStrategy::Session).await;
    store.end_all(alice, None, EndReason::EndedByUser, now()).await.unwrap().unwrap();
    let started = store.start(fresh(before.clone())).await.unwrap();
    assert!(matches!(started, Started::DeadAtBirth), "its password was checked before the logout everywhere");
    assert!(store.find(before.id).await.unwrap().is_none());

    let after = row(&store, 2, alice, RowStrategy::Session).await;
    store.set_status(alice, Status::Disabled, now()).await.unwrap().unwrap();
    assert!(matches!(store.start(fresh(after)).await.unwrap(), Started::DeadAtBirth));
}

async fn a_login_past_the_cap_ends_the_least_recently_used(store: Shared) {
    let alice = add(&store, 1, "alice@example.com").await;
    for n in 1..=3 {
        let row = row(&store, n, alice, RowStrategy::Session).await;
        start(&store, row).await;
    }
    store.touch(&[(session_id(1), now().after(MINUTE))]).await.unwrap();
    let new = row(&store, 4, alice, RowStrategy::Hybrid).await;
    let new = cloakroom_auth::session::NewSession { row: new, max_per_user: 3 };
    let Started::Row { evicted } = store.start(new).await.unwrap() else { panic!("it starts") };
    let gone: Vec<_> = evicted.into_iter().map(|event| event.revocation).collect();
    assert_eq!(gone, [Revocation::SessionRevoked(session_id(2))]);
    let listed = store.list_sessions(alice, now()).await.unwrap();
    assert_eq!(listed.len(), 3);
    assert!(listed.iter().all(|session| session.id != session_id(2)));
}

async fn a_use_moves_forward_only(store: Shared) {
    let id = login(&store, 1, RowStrategy::Session).await;
    store.touch(&[(id, now().after(MINUTE)), (session_id(99), now())]).await.unwrap();
    store.touch(&[(id, now())]).await.unwrap();
    assert_eq!(store.find(id).await.unwrap().unwrap().session.last_used_at, now().after(MINUTE));
}

async fn of_64_refreshes_with_one_token_exactly_one_rotates(store: Shared) {
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

async fn a_refresh_with_its_attempt_is_answered_again(store: Shared) {
    let id = login(&store, 1, RowStrategy::Hybrid).await;
    assert!(matches!(store.rotate(&ask(id, 0, Some("first"))).await.unwrap(), Rotation::Rotated(_)));
    let later = Ask { now: now().after(HOUR), ..ask(id, 0, Some("first")) };
    let Rotation::Same(found, SameReason::LostResponse) = store.rotate(&later).await.unwrap() else {
        panic!("a lost response, however late")
    };
    assert_eq!((found.session.generation, found.session.keyed), (1, true));
    assert_eq!(store.find(id).await.unwrap().unwrap().session, found.session);
}

async fn a_spent_token_ends_the_session(store: Shared) {
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

/// What was decided is written in the step that decided it, not after a caller who may be gone.
async fn a_thief_who_hangs_up_is_caught_all_the_same(store: Shared) {
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

async fn a_life_that_was_spent_stays_spent(store: Shared) {
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

async fn an_exchange_turns_the_row_over_and_tells_of_it(store: Shared) {
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

async fn a_session_ends_once_and_only_for_its_owner(store: Shared) {
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

async fn ending_the_others_keeps_one_and_kills_the_rest(store: Shared) {
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

async fn refresh_and_logout_at_once_never_leave_a_live_session(store: Shared) {
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

async fn disabling_kills_and_enabling_does_not_revive(store: Shared) {
    let id = login(&store, 1, RowStrategy::Session).await;
    let alice = store.find(id).await.unwrap().unwrap().user.id;
    let disabled = store.set_status(alice, Status::Disabled, now()).await.unwrap().unwrap();
    assert_eq!(disabled.event.unwrap().revocation, Revocation::UserBefore(alice));
    assert!(store.set_status(alice, Status::Disabled, now()).await.unwrap().unwrap().event.is_none());
    let judge = async || {
        let found = store.find(id).await.unwrap().unwrap();
        found.session.judge(&found.user, found.as_of, now())
    };
    assert_eq!(judge().await, Err(Dead::UserDisabled));
    let enabled = store.set_status(alice, Status::Active, now()).await.unwrap().unwrap();
    assert!(enabled.event.is_none() && enabled.user.status == Status::Active);
    assert_eq!(judge().await, Err(Dead::Outdated));
    assert!(store.set_status(UserId::from_bytes([9; 16]), Status::Active, now()).await.unwrap().is_none());
}

async fn new_roles_are_told_of_once(store: Shared) {
    let alice = add(&store, 1, "alice@example.com").await;
    let admin = Roles::from_iter(["admin"]);
    let changed = store.set_roles(alice, admin.clone(), now()).await.unwrap().unwrap();
    assert_eq!(changed.event.unwrap().revocation, Revocation::ClaimsBefore(alice));
    assert!(store.set_roles(alice, admin.clone(), now()).await.unwrap().unwrap().event.is_none());
    assert_eq!(store.by_id(alice).await.unwrap().unwrap().0.roles, admin);
    assert!(store.set_roles(UserId::from_bytes([9; 16]), admin, now()).await.unwrap().is_none());
}

async fn live_sessions_are_listed_newest_first(store: Shared) {
    let alice = add(&store, 1, "alice@example.com").await;
    let bob = add(&store, 2, "bob@example.com").await;
    for (n, user) in [(1, alice), (2, alice), (3, bob), (4, alice)] {
        let mut row = row(&store, n, user, RowStrategy::Session).await;
        row.created_at = now().after(Duration::from_secs(n.into()));
        start(&store, row).await;
    }
    store.end(session_id(2), None, EndReason::Logout, now()).await.unwrap();
    let listed = store.list_sessions(alice, now()).await.unwrap();
    assert_eq!(listed.iter().map(|session| session.id).collect::<Vec<_>>(), [session_id(4), session_id(1)]);
    assert!(store.list_sessions(alice, now().after(31 * DAY)).await.unwrap().is_empty());
}

async fn an_address_is_known_after_a_login_from_it(store: Shared) {
    let alice = add(&store, 1, "alice@example.com").await;
    let mut row = row(&store, 1, alice, RowStrategy::Session).await;
    row.ip = Some(String::from("192.0.2.7"));
    start(&store, row).await;
    assert!(store.known_address(&key("alice@example.com"), "192.0.2.7").await.unwrap());
    assert!(!store.known_address(&key("alice@example.com"), "192.0.2.8").await.unwrap());
    assert!(!store.known_address(&key("bob@example.com"), "192.0.2.7").await.unwrap());
}

async fn numbers_are_dense_under_64_writers(store: Shared) {
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

async fn a_reader_never_sees_a_head_without_its_events(store: Shared) {
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

async fn repeating_a_revocation_says_nothing_new(store: Shared) {
    let token = Revocation::TokenRevoked(TokenId::from_bytes([1; 16]));
    let first = store.append(token.clone(), None, now()).await.unwrap();
    let again = store.append(token, None, now().after(HOUR)).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(store.read_since(None).await.unwrap().head, first.rv);
    let key: KeyId = "key-1".parse().unwrap();
    let revoked = store.append(Revocation::KeyRevoked(key.clone()), None, now()).await.unwrap();
    assert_eq!(store.read_since(Some(first.rv)).await.unwrap().events, [revoked]);
}

async fn everything_before_raises_the_floor(store: Shared) {
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

async fn a_position_of_another_epoch_gets_everything(store: Shared) {
    let event =
        store.append(Revocation::TokenRevoked(TokenId::from_bytes([1; 16])), None, now()).await.unwrap();
    let older = Rv::new(event.rv.epoch() - 1, 4_000);
    assert_eq!(store.read_since(Some(older)).await.unwrap().events, std::slice::from_ref(&event));
    assert!(store.read_since(Some(event.rv)).await.unwrap().events.is_empty());
}

async fn events_are_kept_as_long_as_the_longest_token(store: Shared) {
    store.retain(HOUR, now()).await.unwrap();
    store.retain(MINUTE, now()).await.unwrap();
    let append = |n: u8, at_least| {
        store.append(Revocation::TokenRevoked(TokenId::from_bytes([n; 16])), at_least, now())
    };
    assert_eq!(append(1, None).await.unwrap().keep_until, now().after(HOUR), "the longer one still counts");
    let later = now().after(2 * HOUR);
    assert_eq!(append(2, Some(later)).await.unwrap().keep_until, later, "a token's own expiry lengthens it");
    let everything = store.append(Revocation::EverythingBefore, None, now()).await.unwrap();
    assert_eq!(store.purge_events(now().after(HOUR), 10).await.unwrap(), 0, "not before its time");
    assert_eq!(store.purge_events(now().after(1000 * DAY), 1).await.unwrap(), 1);
    assert_eq!(store.purge_events(now().after(1000 * DAY), 10).await.unwrap(), 1);
    assert_eq!(store.read_since(None).await.unwrap().events, [everything]);
}

async fn expired_rows_are_deleted_in_bounded_batches(store: Shared) {
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

async fn of_64_who_would_clean_up_exactly_one_does(store: Shared) {
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

fn ask(session: SessionId, generation: u32, attempt: Option<&str>) -> Ask {
    let attempt = attempt.map(|text| Attempt::parse(&format!("{text:-<16}")).expect("an attempt"));
    Ask {
        session,
        kind: OpaqueKind::Refresh,
        generation,
        attempt: attempt.map(|attempt| AttemptHash::of(session, generation, &attempt)),
        proof: None,
        now: now(),
        grace: Duration::from_secs(10),
        lives: 3,
    }
}

async fn login(store: &Shared, n: u8, strategy: RowStrategy) -> SessionId {
    let user = add(store, n, "alice@example.com").await;
    let row = row(store, n, user, strategy).await;
    let id = row.id;
    start(store, row).await;
    id
}
