//! What rows and tables must be like.

use cloakroom_auth::session::{EndReason, RowStrategy};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_reason_of_a_newer_version_is_an_end_all_the_same() {
    let Some(database) = Database::new().await else { return };
    let store = database.open().await;
    let client = database.connect().await;
    let alice = add(&store, 1, "alice@example.com").await;
    let login = row(&store, 1, alice, RowStrategy::Session).await;
    start(&store, login).await;
    store.end(session_id(1), None, EndReason::Logout, now()).await.unwrap();
    store.end_all(alice, None, EndReason::EndedByUser, now()).await.unwrap();
    for word in ["'of_a_newer_version'", "NULL"] {
        let sql = format!(
            "UPDATE sessions SET revoked_reason = {word}; UPDATE users SET logins_ended_reason = {word}"
        );
        client.batch_execute(&sql).await.unwrap();
        let found = store.find(session_id(1)).await.unwrap().unwrap();
        assert_eq!(found.session.revoked.unwrap().reason, EndReason::EndedByAdmin, "{word}");
        assert_eq!(found.user.logins_ended.unwrap().reason, EndReason::EndedByAdmin, "{word}");
    }
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rotations_and_uses_change_no_column_of_an_index() {
    let Some(database) = Database::new().await else { return };
    database.migrate().await;
    let client = database.connect().await;
    // Of partial indexes, too: whether a row is in one does not count when its new version could stay in the page.
    let indexed = "SELECT DISTINCT a.attname::text FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid \
         AND a.attnum = ANY (i.indkey) WHERE i.indrelid = 'sessions'::regclass ORDER BY 1";
    let indexed: Vec<String> =
        client.query(indexed, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert_eq!(indexed, ["expires_at", "id", "ip", "revoked_rv", "rv", "user_id"]);
    database.drop().await;
}
