//! A refresh while SQLite does something in the middle of it. PostgreSQL's own ways to do so are tested with its store.

use super::common::*;

async fn refresh(world: &World, token: &str, attempt: Option<&str>) -> Answer {
    world.anonymous().post("/v1/refresh", json!({"refresh_token": token, "attempt": attempt})).await
}

/// The row can be read and not be written: the client must keep its token and try again.
#[tokio::test]
async fn a_write_that_fails_is_503_and_the_token_stays_good() {
    let world = World::new().await;
    let token = world.login("alice", Way::Hybrid).await.refresh_token.unwrap();
    let attempt = Some("0123456789abcdef");
    world.sql(
        "CREATE TRIGGER full BEFORE UPDATE ON sessions BEGIN SELECT RAISE(ABORT, 'the disk is full'); END",
    );
    refresh(&world, &token, attempt).await.assert_problem(503, "unavailable");
    world.sql("DROP TRIGGER full");
    assert_eq!(refresh(&world, &token, attempt).await.status, 200);
}

/// The trigger is a revocation right after the row is written: the access token must be older.
#[tokio::test]
async fn an_access_token_is_stamped_with_the_head_of_its_rotation() {
    let world = World::new().await;
    let alice = world.login("alice", Way::Hybrid).await;
    let before = rv_of(&alice.text("access_token"));
    world.sql(
        "CREATE TRIGGER later AFTER UPDATE OF generation ON sessions BEGIN \
         UPDATE feed_head SET head = head + 1; END",
    );
    let answer = refresh(&world, alice.refresh_token.as_deref().unwrap(), None).await;
    assert_eq!(rv_of(&answer.text_at("access_token")), before);
}

fn rv_of(access_token: &str) -> String {
    use base64::Engine;
    let payload = access_token.split('.').nth(1).expect("a payload");
    let json = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    let claims: Value = serde_json::from_slice(&json).expect("claims");
    claims["rv"].as_str().expect("its rv").to_owned()
}

/// The store waits three seconds for another process, then gives up. What was not written is not answered as if it
/// had been, and the same attempt works afterwards.
#[tokio::test]
async fn a_locked_database_is_503_and_clears_nothing() {
    let world = World::new().await;
    let hybrid = world.login("alice", Way::HybridCookie).await;
    let before = world.session_rows();
    let cookie = format!("__Host-cloakroom-refresh={}", hybrid.refresh_token.clone().unwrap());
    let browser = world.anonymous().with("cookie", &cookie).with("idempotency-key", "0123456789abcdef");

    let other = rusqlite::Connection::open(world.database.url().trim_start_matches("sqlite:")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // All at once: they share one transaction, and so one wait.
    let (refresh, logout) = tokio::join!(browser.post_empty("/v1/refresh"), browser.post_empty("/v1/logout"));
    for answer in [refresh, logout] {
        answer.assert_problem(503, "unavailable");
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert_eq!(answer.cookies(), Vec::<&str>::new());
    }
    other.execute_batch("ROLLBACK").unwrap();

    assert_eq!(world.session_rows(), before);
    assert_eq!(hybrid.get("/v1/me").await.status, 200);
    let first = browser.post_empty("/v1/refresh").await;
    assert_eq!(first.status, 200, "{}", first.text);
    world.advance(Duration::from_secs(3600));
    let again = browser.post_empty("/v1/refresh").await;
    assert_eq!(again.cookies(), first.cookies(), "one lineage");
}
