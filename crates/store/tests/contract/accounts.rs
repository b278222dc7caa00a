//! Accounts: added once, found, listed, disabled, given roles.

use super::*;

pub(super) async fn of_64_signups_with_one_email_exactly_one_wins(store: Shared) {
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

pub(super) async fn an_account_is_found_by_email_and_by_id(store: Shared) {
    let alice = add(&store, 1, "Alice@Example.com").await;
    let (by_email, _) = store.by_email(&key("ALICE@example.com ")).await.unwrap().unwrap();
    let (by_id, _) = store.by_id(alice).await.unwrap().unwrap();
    assert_eq!((by_email.id, by_email.email.as_str()), (alice, "Alice@Example.com"));
    assert_eq!((by_id.id, by_id.name.as_deref()), (alice, Some("Alice")));
    assert_eq!(by_id.roles, Roles::from_iter(["a", "b"]));
    assert!(store.by_email(&key("bob@example.com")).await.unwrap().is_none());
    assert!(store.by_id(UserId::from_bytes([9; 16])).await.unwrap().is_none());
}

pub(super) async fn an_account_is_added_in_the_status_it_asks_for(store: Shared) {
    let disabled = NewUser { status: Status::Disabled, ..new_user(1, "alice@example.com") };
    let Added::User(told) = store.add(disabled).await.unwrap() else { panic!("the email is free") };
    let (stored, _) = store.by_id(told.id).await.unwrap().unwrap();
    assert_eq!((told.status, stored.status), (Status::Disabled, Status::Disabled));
    let row = row(&store, 1, stored.id, RowStrategy::Session).await;
    assert!(matches!(store.start(fresh(row)).await.unwrap(), Started::DeadAtBirth));
    assert_eq!(store.read_since(None).await.unwrap().events, [], "there was nothing to end");
}

pub(super) async fn a_taken_id_is_an_error_and_changes_nothing(store: Shared) {
    let alice = add(&store, 1, "alice@example.com").await;
    assert!(store.add(new_user(1, "bob@example.com")).await.is_err());
    assert_eq!(store.by_id(alice).await.unwrap().unwrap().0.email, "alice@example.com");
    assert!(store.by_email(&key("bob@example.com")).await.unwrap().is_none());
}

pub(super) async fn a_hash_is_raised_only_where_it_is_still_the_old_one(store: Shared) {
    let alice = add(&store, 1, "alice@example.com").await;
    assert!(store.raise_hash(alice, &hash("$1"), hash("$2")).await.unwrap());
    assert!(!store.raise_hash(alice, &hash("$1"), hash("$3")).await.unwrap(), "a password change must win");
    assert_eq!(store.by_id(alice).await.unwrap().unwrap().0.password_hash, hash("$2"));
}

pub(super) async fn accounts_are_listed_in_pages(store: Shared) {
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

pub(super) async fn disabling_kills_and_enabling_does_not_revive(store: Shared) {
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

pub(super) async fn new_roles_are_told_of_once(store: Shared) {
    let alice = add(&store, 1, "alice@example.com").await;
    let admin = Roles::from_iter(["admin"]);
    let changed = store.set_roles(alice, admin.clone(), now()).await.unwrap().unwrap();
    assert_eq!(changed.event.unwrap().revocation, Revocation::ClaimsBefore(alice));
    assert!(store.set_roles(alice, admin.clone(), now()).await.unwrap().unwrap().event.is_none());
    assert_eq!(store.by_id(alice).await.unwrap().unwrap().0.roles, admin);
    assert!(store.set_roles(UserId::from_bytes([9; 16]), admin, now()).await.unwrap().is_none());
}
