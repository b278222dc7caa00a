//! Steps that lock what another program locks in the opposite order: PostgreSQL ends one of them, and it is run again.

use std::time::Duration;

use cloakroom_auth::privilege::{Holder, PasswordChange, StepUp};
use cloakroom_auth::refresh::Ask;
use cloakroom_auth::session::{EndReason, RowStrategy};
use cloakroom_auth::store::{PasswordChanged, Rotation, SteppedUp};

use super::refreshes::ask;
use super::sharing::{so_many_wait, somebody_waits};
use super::*;

/// Whoever waits last looks first, and so it is the step that is ended. It waits for no lock as long as it may.
const STEPS: &str = "options=-cdeadlock_timeout%3D10&statement_timeout=30000&pool_timeout=30000";

/// Steps that lock a session, most of them with its user before it, and then the head of the feed.
#[derive(Debug, Clone, Copy)]
enum Deed {
    StepUp,
    ChangePassword,
    EndOthers,
    End,
    CatchThief,
}

const ALL: [Deed; 5] = [Deed::StepUp, Deed::ChangePassword, Deed::EndOthers, Deed::End, Deed::CatchThief];

impl Deed {
    /// Does it, to its end.
    async fn run(self, store: &Shared, n: u8) {
        let user = cloakroom_verify::UserId::from_bytes([n; 16]);
        let holder = Holder { session: session_id(n), generation: None };
        match self {
            Self::StepUp => {
                let step = StepUp { user, proved: hash("$1"), holder, now: now() };
                let done = store.step_up(&step).await.unwrap();
                assert!(matches!(done, SteppedUp::Done(..)), "{done:?}");
            }
            Self::ChangePassword => {
                let (_, as_of) = store.by_id(user).await.unwrap().unwrap();
                let (proved, new) = (hash("$1"), hash("$2"));
                let change = PasswordChange { user, proved, new, as_of, keep: Some(holder), now: now() };
                let done = store.change_password(&change).await.unwrap();
                assert!(matches!(done, PasswordChanged::Done { .. }), "{done:?}");
            }
            Self::EndOthers => {
                let keep = Some(holder.session);
                let done = store.end_all(user, keep, EndReason::EndedByUser, now()).await.unwrap();
                assert!(done.is_some());
            }
            Self::End => {
                let done = store.end(holder.session, None, EndReason::Logout, now()).await.unwrap();
                assert!(matches!(done, cloakroom_auth::store::Ended::Now(_)), "{done:?}");
            }
            Self::CatchThief => {
                let reused = Ask { now: now().after(HOUR), lives: 0, ..ask(holder.session) };
                let done = store.rotate(&reused).await.unwrap();
                assert!(matches!(done, Rotation::Revoked(_)), "{done:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_is_ended_by_a_deadlock_is_run_again_and_done() {
    let Some(database) = Database::new().await else { return };
    drop(database.open().await);
    let store = open_with(&database, STEPS).await;
    // One that the step waits for first, and one that waits for the step.
    let (first, other) = (database.connect().await, database.connect().await);
    other.batch_execute("SET deadlock_timeout = '10min'").await.unwrap();
    for (n, deed) in (1..).zip(ALL) {
        let user = add(&store, n, &format!("user{n}@example.com")).await;
        let row = row(&store, n, user, RowStrategy::Hybrid).await;
        let id = row.id;
        start(&store, row).await;
        // What makes its first token one that was spent.
        let rotated = store.rotate(&ask(id)).await.unwrap();
        assert!(matches!(rotated, Rotation::Rotated(_)), "{rotated:?}");
        let (before, _) = numbers(&store).await;

        let id: &[u8] = id.as_bytes();
        first.batch_execute("BEGIN").await.unwrap();
        // A lock of the session: the step has its user's by then, or will have the session's and nothing else.
        first.execute("SELECT 1 FROM sessions WHERE id = $1 FOR UPDATE", &[&id]).await.unwrap();
        let stepping = {
            let store = Arc::clone(&store);
            tokio::spawn(async move { deed.run(&store, n).await })
        };
        somebody_waits(&first).await;
        other.batch_execute("BEGIN; SELECT 1 FROM feed_head FOR UPDATE").await.unwrap();
        let crossing = async {
            let sql = match deed {
                Deed::StepUp | Deed::ChangePassword | Deed::EndOthers => {
                    "SELECT 1 FROM users WHERE id = $1 FOR UPDATE"
                }
                // Behind the step, which waits for the same row and comes before.
                Deed::End | Deed::CatchThief => "SELECT 1 FROM sessions WHERE id = $1 FOR UPDATE",
            };
            other.execute(sql, &[&id]).await.unwrap();
        };
        let release = async {
            so_many_wait(&first, 2).await;
            first.batch_execute("ROLLBACK").await.unwrap();
        };
        // The step goes on to the head, and there it is: it has what is waited for, and waits for what the other has.
        let ((), ()) = tokio::join!(crossing, release);
        // The other one got what it wanted, so the step was ended.
        other.batch_execute("COMMIT").await.unwrap();
        let done = tokio::time::timeout(Duration::from_secs(60), stepping).await;
        done.unwrap_or_else(|_| panic!("{deed:?}: not run again")).unwrap();
        let (head, _) = numbers(&store).await;
        assert_eq!(head, before.next(), "{deed:?}: once, and what was ended took no number");
    }
    drop(store);
    let count = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    let counted = async {
        loop {
            // Each connection tells of its own when it is closed, if not before.
            let deadlocks: i64 = other.query_one(count, &[]).await.unwrap().get(0);
            if deadlocks >= ALL.len() as i64 {
                return;
            }
            other.batch_execute("SELECT pg_stat_clear_snapshot()").await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(60), counted).await.expect("PostgreSQL saw as many deadlocks");
    database.drop().await;
}
