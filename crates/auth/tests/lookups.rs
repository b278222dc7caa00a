//! Lookups that wait together are one query, and none joins a query that was sent before it came.

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloakroom_auth::feed::AsOf;
use cloakroom_auth::lookups::Lookups;
use cloakroom_auth::session::RowStrategy;
use cloakroom_auth::store::{Found, StoreError};
use cloakroom_verify::{Rv, SessionId};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// A database that answers when the test lets it, and that knows the sessions 1 to 99.
struct Database {
    queries: Arc<Mutex<Vec<Vec<SessionId>>>>,
    answers: Arc<Semaphore>,
    lookups: Lookups<Found>,
}

impl Database {
    fn new() -> Self {
        let (queries, answers) = (Arc::<Mutex<Vec<_>>>::default(), Arc::new(Semaphore::new(0)));
        let (asked, allowed) = (Arc::clone(&queries), Arc::clone(&answers));
        let lookups = Lookups::start(move |sessions: Vec<SessionId>| {
            asked.lock().expect("no test panics with it").push(sessions.clone());
            let allowed = Arc::clone(&allowed);
            async move {
                allowed.acquire().await.expect("it is never closed").forget();
                assert!(!sessions.contains(&id(201)), "on purpose");
                if sessions.contains(&id(200)) {
                    return Err(StoreError::new("down"));
                }
                Ok(sessions.into_iter().filter(|session| *session != id(100)).map(found).collect())
            }
        });
        Self { queries, answers, lookups }
    }

    fn look_up(&self, n: u8) -> JoinHandle<Option<Option<SessionId>>> {
        let lookups = self.lookups.clone();
        tokio::spawn(async move {
            let found = lookups.find(id(n)).await.ok()?;
            Some(found.map(|found| found.session.id))
        })
    }

    /// Lets everything run until it waits.
    async fn settle(&self) {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }

    fn asked(&self) -> Vec<usize> {
        self.queries.lock().expect("no test panics with it").iter().map(Vec::len).collect()
    }
}

fn id(n: u8) -> SessionId {
    SessionId::from_bytes([n; 16])
}

fn found(id: SessionId) -> Found {
    let mut session = common::row(RowStrategy::Session);
    session.id = id;
    Found { session, user: common::user(), as_of: AsOf::read_with_row(Rv::ZERO, Rv::ZERO) }
}

#[tokio::test]
async fn those_who_wait_share_the_next_query_and_each_gets_its_own_row() {
    let database = Database::new();
    let first = database.look_up(1);
    database.settle().await;
    assert_eq!(database.asked(), [1], "alone: sent at once");
    let together: Vec<_> = (1..=64).map(|n| (n, database.look_up(n))).collect();
    let again = database.look_up(7);
    let unknown = database.look_up(100);
    database.settle().await;
    assert_eq!(database.asked(), [1], "nobody joins a query that is under way, and nobody overtakes it");
    database.answers.add_permits(2);
    assert_eq!(first.await.unwrap(), Some(Some(id(1))));
    for (n, one) in together {
        assert_eq!(one.await.unwrap(), Some(Some(id(n))));
    }
    assert_eq!((again.await.unwrap(), unknown.await.unwrap()), (Some(Some(id(7))), Some(None)));
    assert_eq!(database.asked(), [1, 65], "each session once");
}

#[tokio::test]
async fn nothing_is_asked_for_those_who_have_gone() {
    let database = Database::new();
    let first = database.look_up(1);
    database.settle().await;
    let gone = [database.look_up(2), database.look_up(3)];
    let stays = database.look_up(4);
    database.settle().await;
    gone.iter().for_each(JoinHandle::abort);
    database.settle().await;
    database.answers.add_permits(2);
    assert_eq!((first.await.unwrap(), stays.await.unwrap()), (Some(Some(id(1))), Some(Some(id(4)))));
    assert_eq!(database.asked(), [1, 1]);
    let under_way = database.look_up(5);
    database.settle().await;
    let gone = database.look_up(6);
    database.settle().await;
    gone.abort();
    database.settle().await;
    database.answers.add_permits(1);
    under_way.await.unwrap();
    database.settle().await;
    assert_eq!(database.asked(), [1, 1, 1], "where all have gone no query is sent");
}

#[tokio::test]
async fn nobody_waits_for_the_future_of_another() {
    let database = Database::new();
    // Polled once, and then held.
    let mut held = std::pin::pin!(database.lookups.find(id(1)));
    assert!(tokio::time::timeout(Duration::ZERO, held.as_mut()).await.is_err());
    let gone = database.look_up(2);
    database.settle().await;
    gone.abort();
    let stay = [database.look_up(3), database.look_up(4)];
    database.answers.add_permits(2);
    for (n, one) in (3..).zip(stay) {
        assert_eq!(one.await.unwrap(), Some(Some(id(n))));
    }
    assert_eq!(database.asked(), [1, 2]);
}

/// However many they are, more than one query answers.
#[test]
fn a_runtime_that_ends_leaves_nobody_waiting() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (theirs, ours) = (runtime(), runtime());
    let database = theirs.block_on(async { Database::new() });
    ours.block_on(async {
        let waiting: Vec<_> = (0..2_000).map(|_| database.look_up(2)).collect();
        database.settle().await;
        theirs.shutdown_background();
        for one in waiting {
            assert_eq!(one.await.unwrap(), None);
        }
        assert_eq!(database.look_up(1).await.unwrap(), None, "nor whoever comes later");
    });
    assert_eq!(database.asked(), [0; 0]);
}

#[tokio::test]
async fn a_failed_query_fails_those_who_waited_for_it_and_no_one_else() {
    let database = Database::new();
    let down = database.look_up(200);
    database.settle().await;
    let next = database.look_up(1);
    database.answers.add_permits(2);
    assert_eq!((down.await.unwrap(), next.await.unwrap()), (None, Some(Some(id(1)))));
}

#[tokio::test(start_paused = true)]
async fn a_database_that_does_not_answer_is_waited_for_with_an_end() {
    let database = Database::new();
    let waiting: Vec<_> = (1..=10).map(|n| database.look_up(n)).collect();
    for one in waiting {
        assert_eq!(one.await.unwrap(), None);
    }
}

/// One timer serves them all, and the time of each counts from its own beginning.
#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_for_coming_late_nor_shorter_for_coming_with_others() {
    let database = Database::new();
    let began = tokio::time::Instant::now();
    let early = [database.look_up(1), database.look_up(2)];
    database.settle().await;
    tokio::time::advance(Duration::from_millis(1_500)).await;
    let late = database.look_up(3);
    for one in early {
        assert_eq!(one.await.unwrap(), None);
    }
    assert!((2_000..2_100).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    assert_eq!(
        database.asked(),
        [1],
        "what is under way is not given up: the store would see more and more of it"
    );
    database.answers.add_permits(2);
    assert_eq!(late.await.unwrap(), Some(Some(id(3))), "those before it took too long, not this one");
    let never = database.look_up(4);
    let began = tokio::time::Instant::now();
    assert_eq!(never.await.unwrap(), None);
    assert!((2_000..2_100).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_query_that_panics_is_not_the_last() {
    let database = Database::new();
    let first = database.look_up(201);
    database.settle().await;
    let next = database.look_up(1);
    database.settle().await;
    database.answers.add_permits(2);
    assert_eq!((first.await.unwrap(), next.await.unwrap()), (None, Some(Some(id(1)))));
}
