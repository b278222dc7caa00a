//! Statements that PostgreSQL is to plan once and not anew at each run.

use cloakroom_auth::session::RowStrategy;

use super::*;

/// Whenever a user is added, writes down what that connection has planned: only it is told.
const SPY: &str = "CREATE TABLE planned (statement TEXT, generic BIGINT, custom BIGINT); \
     CREATE FUNCTION spy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO planned \
     SELECT statement, generic_plans, custom_plans FROM pg_prepared_statements; RETURN NULL; END $$; \
     CREATE TRIGGER spy AFTER INSERT ON users FOR EACH STATEMENT EXECUTE FUNCTION spy()";

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_about_several_sessions_keeps_its_plan() {
    let Some(database) = Database::new().await else { return };
    drop(database.open().await);
    let client = database.connect().await;
    let version = "SELECT current_setting('server_version_num')::int";
    if client.query_one(version, &[]).await.unwrap().get::<_, i32>(0) < 140_000 {
        skip::skip("plans of PostgreSQL", "use version 14 or newer, which tells of them");
        return database.drop().await;
    }
    let store = open_with(&database, "pool_size=1").await;
    let alice = add(&store, 1, "alice@example.com").await;
    for n in 1..=2 {
        let login = row(&store, n, alice, RowStrategy::Session).await;
        start(&store, login).await;
    }
    let both = [session_id(1), session_id(2)];
    for _ in 0..12 {
        assert_eq!(store.for_check(&both).await.unwrap().len(), 2);
        assert_eq!(store.find_many(&both).await.unwrap().len(), 2);
    }
    client.batch_execute(SPY).await.unwrap();
    add(&store, 2, "bob@example.com").await;
    let planned = "SELECT statement, generic, custom FROM planned WHERE statement LIKE '%LATERAL%'";
    let planned = client.query(planned, &[]).await.unwrap();
    assert_eq!(planned.len(), 2, "one that checks, and one that finds");
    for row in planned {
        let (statement, generic, custom): (String, i64, i64) = (row.get(0), row.get(1), row.get(2));
        // PostgreSQL tries five before it compares.
        assert!(generic > 0 && custom <= 5, "{generic} {custom}: {statement}");
    }
    drop(store);
    database.drop().await;
}
