//! A database whose host is gone without a word, and back at the same address: one learns it, for all.

use cloakroom_auth::feed::AsOf;
use cloakroom_auth::store::Stored;
use cloakroom_auth::user::User;
use cloakroom_verify::UserId;
use futures_util::future::join_all;

use super::relay::{Fault, Relay};
use super::*;

/// Long enough for a new connection on a machine that is busy; somebody waits for it once in each test.
const BOUND: &str = "pool_timeout=1000&statement_timeout=1000";
/// The one for the feed, from the opening.
const FEED: usize = 1;

/// A store behind a relay, with so many connections that rest beside the feed's.
async fn at_rest(database: &Database, connections: usize, bound: &str) -> (Relay, Shared, UserId) {
    drop(database.open().await);
    let url = database.url_with(&format!("pool_size={connections}&{bound}"));
    let relay = Relay::before(&url).await;
    let store = cloakroom_store::open(&relay.url(&url), Purpose::Serve, now()).await.unwrap();
    let alice = add(&store, 1, "alice@example.com").await;
    // Each of them begins before the first one ends.
    for read in join_all((0..connections).map(|_| store.by_id(alice))).await {
        read.unwrap();
    }
    assert_eq!(relay.made(), connections + FEED);
    (relay, store, alice)
}

fn is_late(read: &Stored<Option<(User, AsOf)>>) -> bool {
    read.as_ref().is_err_and(|error| error.to_string().contains("does not answer"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silence_is_waited_for_once() {
    let Some(database) = Database::new().await else { return };
    let (relay, store, alice) = at_rest(&database, 4, BOUND).await;
    relay.fall_silent();
    let read = store.by_id(alice).await;
    assert!(is_late(&read), "{read:?}");
    store.by_id(alice).await.unwrap().unwrap();
    // Nor do those who follow the feed or write to it have to find out for themselves.
    let head = store.read_since(Some(Rv::ZERO)).await.unwrap().head;
    assert_eq!(store.append(token(1, 1), None, now()).await.unwrap().rv, head.next());
    assert_eq!(relay.unheard(), 1, "the others that rested were not asked");
    assert_eq!(relay.made(), 4 + FEED + 2, "one anew for requests, one for the feed");
    drop(store);
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_tells_of_those_that_rest() {
    let Some(database) = Database::new().await else { return };
    let (relay, store, alice) = at_rest(&database, 4, BOUND).await;
    relay.fall_silent();
    // As by a host that took over the address and knows nothing of them.
    relay.order(Fault::Cut);
    let error = store.by_id(alice).await.unwrap_err();
    assert!(!error.to_string().contains("does not answer"), "{error}");
    store.by_id(alice).await.unwrap().unwrap();
    store.read_since(Some(Rv::ZERO)).await.unwrap();
    assert_eq!(relay.unheard(), 0);
    drop(store);
    database.drop().await;
}

/// A slow step must not have everybody connect again.
#[tokio::test(flavor = "multi_thread")]
async fn what_answered_meanwhile_goes_on_being_used() {
    let Some(database) = Database::new().await else { return };
    let (relay, store, alice) = at_rest(&database, 2, BOUND).await;
    relay.order(Fault::Silence);
    let late = {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.by_id(alice).await })
    };
    relay.somebody_is_unheard().await;
    store.by_id(alice).await.unwrap().unwrap();
    let late = late.await.unwrap();
    assert!(is_late(&late), "{late:?}");
    for _ in 0..3 {
        store.by_id(alice).await.unwrap().unwrap();
    }
    assert_eq!((relay.unheard(), relay.made()), (1, 2 + FEED), "nobody connected again");
    drop(store);
    database.drop().await;
}

/// The database's own no is an answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_not_given_is_no_silence() {
    let Some(database) = Database::new().await else { return };
    let (relay, store, alice) = at_rest(&database, 2, BOUND).await;
    let client = database.connect().await;
    client.batch_execute("BEGIN; SELECT 1 FROM users FOR UPDATE").await.unwrap();
    let roles = cloakroom_verify::Roles::from_iter(["x"]);
    let error = store.set_roles(alice, roles, now()).await.unwrap_err();
    assert!(!error.to_string().contains("does not answer"), "{error}");
    client.batch_execute("ROLLBACK").await.unwrap();
    for read in join_all([store.by_id(alice), store.by_id(alice)]).await {
        read.unwrap().unwrap();
    }
    store.read_since(Some(Rv::ZERO)).await.unwrap();
    assert_eq!(relay.made(), 2 + FEED, "nobody connected again");
    drop(store);
    database.drop().await;
}

/// Whoever hangs up before the bound of a step cannot tell; what he leaves behind does.
#[tokio::test(flavor = "multi_thread")]
async fn a_silence_is_noticed_though_everybody_hangs_up() {
    let Some(database) = Database::new().await else { return };
    let (relay, store, alice) = at_rest(&database, 1, "pool_timeout=10000&statement_timeout=1000").await;
    relay.fall_silent();
    tokio::select! {
        biased;
        read = store.by_id(alice) => panic!("it is silent: {read:?}"),
        () = relay.somebody_is_unheard() => {}
    }
    // After what was given up did not come to rest.
    store.by_id(alice).await.unwrap().unwrap();
    store.read_since(Some(Rv::ZERO)).await.unwrap();
    assert_eq!(relay.unheard(), 1, "that of the feed was not asked");
    drop(store);
    database.drop().await;
}
