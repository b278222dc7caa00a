//! The SQL database moves, the Redis stays: logins go on, and what ended stays ended.

use cloakroom_auth::refresh::Refusal;
use cloakroom_auth::session::EndReason;
use cloakroom_auth::store::{Ended, SteppedUp};
use cloakroom_store::copy::{Copied, Table, copy};
use cloakroom_verify::Timestamp;

use super::*;

/// Copies one database into another one, and tells how many marks went along.
async fn moved(from: &str, to: &str) -> u64 {
    cloakroom_store::migrate(to, false, now()).await.unwrap();
    let from = cloakroom_store::open_shelf(from, now()).await.unwrap();
    let to = cloakroom_store::open_shelf(to, now()).await.unwrap();
    let copied = copy(&*from, &*to, &|_, _| ()).await.unwrap();
    let of_marks = |copied: &&Copied| copied.table == Table::Marks;
    let marks = copied.iter().find(of_marks).unwrap();
    assert_eq!(from.count(Table::Marks).await.unwrap(), marks.rows);
    marks.rows
}

/// Redis has the rows of before all endings and changes: whatever still holds is known to SQL.
#[tokio::test(flavor = "multi_thread")]
async fn what_ended_stays_ended_in_the_next_database_and_the_one_after() {
    let Some(world) = World::new(&[]).await else { return };
    let (sessions, last) = (world.redis.url(), File::new());
    let at = async |url: &str| {
        cloakroom_store::open_with_sessions(url, &sessions, Purpose::Serve, now()).await.unwrap()
    };
    let store = world.serve().await;
    let alice = add(&store, 1, "alice@example.com").await;
    let live = login(&store, 1, alice, RowStrategy::Session).await;
    let ended = login(&store, 2, alice, RowStrategy::Session).await;
    let changed = login(&store, 3, alice, RowStrategy::Hybrid).await;
    let later = login(&store, 4, alice, RowStrategy::Hybrid).await;
    let old = [ended, changed, later].map(|id| (id, world.row(id)));
    assert!(matches!(store.end(ended, None, EndReason::Logout, now()).await.unwrap(), Ended::Now(_)));
    assert!(matches!(store.step_up(&step_up(alice, changed)).await.unwrap(), SteppedUp::Done(..)));
    drop(store);
    old.iter().for_each(|(id, row)| world.put_back(*id, row));

    let between = between().await;
    assert_eq!(moved(&world.file.url(), &between.url()).await, 2);
    let store = at(&between.url()).await;
    assert!(lives(&store, live).await && lives(&store, later).await);
    assert!(!lives(&store, ended).await, "its row says that it lives");
    let before_it = store.rotate(&ask(changed, 0)).await.unwrap();
    assert!(matches!(before_it, Rotation::Refused(Refusal::BelowFloor)), "{before_it:?}");
    rotate(&store, changed, 1).await;
    assert!(matches!(store.end(later, None, EndReason::Logout, now()).await.unwrap(), Ended::Now(_)));
    drop(store);
    world.put_back(later, &old[2].1);

    assert_eq!(moved(&between.url(), &last.url()).await, 3);
    let store = at(&last.url()).await;
    assert!(lives(&store, live).await);
    assert!(!lives(&store, ended).await && !lives(&store, later).await);
    rotate(&store, changed, 2).await;
    let again = login(&store, 5, alice, RowStrategy::Hybrid).await;
    rotate(&store, again, 0).await;
    drop(store);
    between.drop().await;
}

/// They are of no use any more, and tell where somebody logged in from.
#[tokio::test(flavor = "multi_thread")]
async fn rows_and_marks_that_sessions_left_behind_are_deleted_once_they_are_over() {
    let Some(world) = World::new(&[]).await else { return };
    let between = between().await;
    cloakroom_store::migrate(&between.url(), false, now()).await.unwrap();
    let long_ago = Timestamp::from_seconds(1_500_000_000);
    let add_old = async |store: &Arc<dyn Store>, n: u8, user| {
        let mut row = row(store, n, user, RowStrategy::Session).await;
        (row.created_at, row.expires_at) = (long_ago, long_ago.after(u32::from(n) * DAY));
        let id = row.id;
        start(store, row).await;
        id
    };
    let in_sql = async || cloakroom_store::open(&between.url(), Purpose::Serve, now()).await.unwrap();
    let store = in_sql().await;
    let alice = add(&store, 1, "alice@example.com").await;
    for n in 1..=4 {
        add_old(&store, n, alice).await;
    }
    drop(store);

    let (url, sessions) = (between.url(), world.redis.url());
    let store = cloakroom_store::open_with_sessions(&url, &sessions, Purpose::Serve, now()).await.unwrap();
    let on_the_fourth_day = long_ago.after(4 * DAY);
    for deleted in [2, 1, 0] {
        assert_eq!(store.purge_left_behind(on_the_fourth_day, 2).await.unwrap(), deleted);
    }
    assert_eq!(store.purge_sessions(now(), 10).await.unwrap(), 0, "none of them was in Redis");
    for n in 5..=7 {
        let ended = add_old(&store, n, alice).await;
        assert!(matches!(store.end(ended, None, EndReason::Logout, long_ago).await.unwrap(), Ended::Now(_)));
    }
    // A mark outlives its session by a day.
    let on_the_eighth_day = long_ago.after(8 * DAY);
    assert_eq!(store.purge_marks(on_the_eighth_day, 1).await.unwrap(), 1);
    drop(store);

    // And back again.
    let store = in_sql().await;
    assert_eq!(store.purge_marks(on_the_eighth_day, 10).await.unwrap(), 1);
    assert_eq!(store.purge_marks(on_the_eighth_day.after(DAY), 10).await.unwrap(), 1);
    assert_eq!(store.purge_sessions(now(), 10).await.unwrap(), 1, "it is over by now");
    drop(store);
    between.drop().await;
}

/// A PostgreSQL where there is one, else another file.
enum Between {
    #[cfg(feature = "postgres")]
    Postgres(database::Database),
    File(File),
}

async fn between() -> Between {
    #[cfg(feature = "postgres")]
    if let Some(database) = database::Database::new().await {
        return Between::Postgres(database);
    }
    Between::File(File::new())
}

impl Between {
    fn url(&self) -> String {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(database) => database.url(),
            Self::File(file) => file.url(),
        }
    }

    async fn drop(self) {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(database) => database.drop().await,
            Self::File(_) => {}
        }
    }
}
