//! Logins: written, found, counted, used, listed.

use cloakroom_auth::session::NewSession;

use super::*;

pub(super) async fn a_session_comes_back_as_it_was_written(store: Shared) {
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

pub(super) async fn several_sessions_are_found_at_once(store: Shared) {
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

/// A check reads less of a row than everybody else, and nothing else.
pub(super) async fn a_check_reads_of_a_session_what_everybody_reads(store: Shared) {
    let alice = add(&store, 1, "alice@example.com").await;
    for (n, strategy) in [(1, RowStrategy::Session), (2, RowStrategy::Hybrid), (3, RowStrategy::Session)] {
        let mut row = row(&store, n, alice, strategy).await;
        row.ip = (n == 1).then(|| String::from("2001:db8::1"));
        row.idle_timeout *= u32::from(n);
        (row.generation, row.floor, row.strikes) = (5, 2, 1);
        // Each time another one, and none that of the user.
        row.created_at = now().after(Duration::from_secs(1));
        row.auth_time = now().after(Duration::from_secs(2));
        row.last_used_at = now().after(Duration::from_secs(3));
        start(&store, row).await;
    }
    store.touch(&[(session_id(3), now().after(MINUTE))]).await.unwrap();
    store.set_roles(alice, ["admin"].into_iter().collect(), now()).await.unwrap().unwrap();
    store.end(session_id(1), None, EndReason::Logout, now()).await.unwrap();
    // Of two revocations the head is no number of a row.
    store.end_all(add(&store, 2, "bob@example.com").await, None, EndReason::Logout, now()).await.unwrap();
    let ids = [session_id(3), session_id(99), session_id(2), session_id(1)];
    let mut rows = store.for_check(&ids).await.unwrap();
    rows.sort_by_key(|row| row.session);
    assert_eq!(rows.len(), 3);
    store.set_status(alice, Status::Disabled, now()).await.unwrap().unwrap();
    for id in ids {
        rows.extend(store.for_check(&[id]).await.unwrap());
    }
    rows.extend(store.for_check(&ids).await.unwrap());
    assert_eq!(rows.len(), 3 + 3 + 3);
    for row in &rows[3..] {
        let found = store.find(row.session).await.unwrap().unwrap();
        for at in
            [now(), found.session.last_used_at.after(found.session.idle_timeout), found.session.expires_at]
        {
            let whole = found.session.judge(&found.user, found.as_of, at);
            assert_eq!(row.life.judge(row.as_of, at), whole);
        }
        let same = CheckRow::from(found);
        assert_eq!(format!("{row:?}"), format!("{same:?}"));
        assert!(row.secret == same.secret && *row.principal == *same.principal);
    }
    // Before the account was disabled: one had been ended, the others lived.
    let lived: Vec<_> = rows[..3].iter().map(|row| row.life.judge(row.as_of, now()).is_ok()).collect();
    assert_eq!(lived, [false, true, true]);
    assert!(store.for_check(&[]).await.unwrap().is_empty());
}

pub(super) async fn a_login_older_than_a_revocation_is_dead_at_birth(store: Shared) {
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

pub(super) async fn a_login_past_the_cap_ends_the_least_recently_used(store: Shared) {
    let alice = add(&store, 1, "alice@example.com").await;
    for n in 1..=3 {
        let row = row(&store, n, alice, RowStrategy::Session).await;
        start(&store, row).await;
    }
    store.touch(&[(session_id(1), now().after(MINUTE))]).await.unwrap();
    let new = row(&store, 4, alice, RowStrategy::Hybrid).await;
    let new = NewSession { row: new, max_per_user: 3 };
    let Started::Row { evicted } = store.start(new).await.unwrap() else { panic!("it starts") };
    let gone: Vec<_> = evicted.into_iter().map(|event| event.revocation).collect();
    assert_eq!(gone, [Revocation::SessionRevoked(session_id(2))]);
    let listed = store.list_sessions(alice, now()).await.unwrap();
    assert_eq!(listed.len(), 3);
    assert!(listed.iter().all(|session| session.id != session_id(2)));
}

/// Logs a user in 64 times at once, with room for five. Returns how many live after that, and how many were not told
/// whether they do: a store that looks at each of the others for each of them may be too slow for some.
async fn crowd(store: &Shared, alice: UserId) -> (usize, usize) {
    let mut all = Vec::new();
    for n in 0..64 {
        let row = row(store, n, alice, RowStrategy::Session).await;
        let store = Arc::clone(store);
        all.push(async move { store.start(NewSession { row, max_per_user: 5 }).await });
    }
    let (mut evicted, mut errors) = (Vec::new(), 0);
    for one in all.into_iter().map(tokio::spawn).collect::<Vec<_>>() {
        match one.await.unwrap() {
            Ok(Started::Row { evicted: some }) => evicted.extend(some),
            Ok(Started::DeadAtBirth) => panic!("each is welcome"),
            Err(_) => errors += 1,
        }
    }
    let live: HashSet<_> =
        store.list_sessions(alice, now()).await.unwrap().iter().map(|session| session.id).collect();
    let told = store.read_since(None).await.unwrap().events;
    for event in &evicted {
        assert!(told.contains(event), "{event:?}");
    }
    for event in &told {
        let Revocation::SessionRevoked(id) = event.revocation else { panic!("{event:?}") };
        assert!(!live.contains(&id), "{id:?}");
    }
    let all = live.len() + told.len();
    assert!((64 - errors..=64).contains(&all), "whoever has no place was ended, and told of: {all}");
    assert!(errors > 0 || told.len() == evicted.len(), "and told to whoever ended it: {told:?}");
    (live.len(), errors)
}

/// What a store without a lock of the user promises, too: each of two that come at once may end the other, and what is
/// too many stays until the next login.
pub(super) async fn after_64_logins_at_once_the_next_one_finds_its_place_within_the_cap(store: Shared) {
    let alice = add(&store, 1, "alice@example.com").await;
    let (live, _) = crowd(&store, alice).await;
    assert!(live >= 4, "all but one of those that nobody has to end: {live}");
    let next = row(&store, 64, alice, RowStrategy::Session).await;
    let id = next.id;
    let started = store.start(NewSession { row: next, max_per_user: 5 }).await.unwrap();
    assert!(matches!(started, Started::Row { .. }), "{started:?}");
    let live = store.list_sessions(alice, now()).await.unwrap();
    assert_eq!(live.len(), 5);
    assert!(live.iter().any(|session| session.id == id), "it is one of them");
}

pub(super) async fn of_64_logins_at_once_as_many_live_as_the_cap_allows(store: Shared) {
    let alice = add(&store, 1, "alice@example.com").await;
    assert_eq!(crowd(&store, alice).await, (5, 0));
}

pub(super) async fn a_use_moves_forward_only(store: Shared) {
    let id = login(&store, 1, RowStrategy::Session).await;
    store.touch(&[(id, now().after(MINUTE)), (session_id(99), now())]).await.unwrap();
    store.touch(&[(id, now())]).await.unwrap();
    assert_eq!(store.find(id).await.unwrap().unwrap().session.last_used_at, now().after(MINUTE));
}

pub(super) async fn a_use_never_wakes_a_session_that_was_idle_or_over(store: Shared) {
    let id = login(&store, 1, RowStrategy::Session).await;
    let row = store.find(id).await.unwrap().unwrap().session;
    let last = async || store.find(id).await.unwrap().unwrap().session.last_used_at;
    let idle = row.idle_expires_at();
    for late in [idle, idle.after(MINUTE), row.expires_at] {
        store.touch(&[(id, late)]).await.unwrap();
    }
    assert_eq!(last().await, row.last_used_at, "it was asleep by then");
    let awake = idle.before(Duration::from_millis(1));
    store.touch(&[(id, awake)]).await.unwrap();
    assert_eq!(last().await, awake);
    store.end(id, None, EndReason::Logout, now()).await.unwrap();
    store.touch(&[(id, awake.after(MINUTE))]).await.unwrap();
    let left = store.find(id).await.unwrap();
    assert!(left.is_none_or(|found| found.session.revoked.is_some()), "a use gives nothing back");
}

pub(super) async fn live_sessions_are_listed_newest_first(store: Shared) {
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

pub(super) async fn an_address_is_known_after_a_login_from_it(store: Shared) {
    let alice = add(&store, 1, "alice@example.com").await;
    let mut row = row(&store, 1, alice, RowStrategy::Session).await;
    row.ip = Some(String::from("192.0.2.7"));
    start(&store, row).await;
    assert!(store.known_address(&key("alice@example.com"), "192.0.2.7").await.unwrap());
    assert!(!store.known_address(&key("alice@example.com"), "192.0.2.8").await.unwrap());
    assert!(!store.known_address(&key("bob@example.com"), "192.0.2.7").await.unwrap());
}

pub(super) async fn ended_sessions_are_listed_by_their_last_use(store: Shared) {
    let alice = add(&store, 1, "alice@example.com").await;
    let bob = add(&store, 2, "bob@example.com").await;
    for (n, user) in [(1, alice), (2, alice), (3, alice), (4, alice), (5, alice), (6, bob)] {
        let mut row = row(&store, n, user, RowStrategy::Hybrid).await;
        row.last_used_at = now().after(u32::from(10 - n) * MINUTE);
        if n == 3 {
            row.expires_at = now().after(HOUR);
        }
        start(&store, row).await;
    }
    let ended = async |limit| {
        let ended = store.list_ended(alice, now().after(HOUR), limit).await.unwrap();
        ended.iter().map(|found| found.session.id).collect::<Vec<_>>()
    };
    assert_eq!(ended(10).await, [session_id(3)], "expired");
    for n in [6, 4, 1] {
        store.end(session_id(n), None, EndReason::Logout, now()).await.unwrap();
    }
    assert_eq!(ended(10).await, [1, 3, 4].map(session_id), "those of the user, and none that lives");
    store.end_all(alice, Some(session_id(2)), EndReason::EndedByUser, now()).await.unwrap();
    assert_eq!(ended(10).await, [1, 3, 4, 5].map(session_id));
    assert_eq!(ended(2).await, [1, 3].map(session_id));
    assert_eq!(ended(0).await, []);
}
