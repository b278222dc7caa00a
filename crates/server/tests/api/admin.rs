//! `/v1/admin/*`: what administrators do, and when it has bitten everywhere.

use cloakroom_auth::service_key::Scope;
use cloakroom_auth::session::EndReason;
use cloakroom_verify::{Rv, Timestamp};

use super::common::*;
use super::feed::{key, sync};

const REVOCATIONS: &str = "/v1/admin/revocations";
const WAITING: &str = "/v1/admin/revocations?wait=effective";

async fn admin(world: &World) -> Client {
    world.login("admin", Way::SessionBearer).await
}

fn session(client: &Client) -> String {
    client.grant["session"]["id"].as_str().unwrap().to_owned()
}

async fn revoked(admin: &Client, body: Value) -> Answer {
    let answer = admin.post(REVOCATIONS, body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.body.get("effective_at"), None, "nobody waited");
    answer
}

#[tokio::test]
async fn each_target_dies_and_the_receipt_says_where_the_feed_tells_of_it() {
    let world = World::new().await;
    let root = admin(&world).await;
    let mut seq = 0;
    for way in [Way::SessionHeader, Way::Hybrid, Way::Jwt] {
        let alice = world.login("alice", way).await;
        assert_eq!(alice.get("/v1/me").await.status, 200);
        let user = world.user("alice").await.id.to_string();
        let target = match way {
            Way::SessionHeader => json!({"session_id": session(&alice), "reason": "a stolen laptop"}),
            Way::SessionCookie | Way::SessionBearer | Way::Jwt | Way::Hybrid | Way::HybridCookie => {
                json!({"user_id": user})
            }
        };
        let receipt = revoked(&root, target).await;
        seq += 1;
        assert_eq!(receipt.body["seq"], seq);
        assert_eq!(receipt.text_at("committed_at"), cloakroom::view::rfc3339(world.now()));
        assert_eq!(receipt.body["verifiers"], json!({"registered": 0, "acknowledged": 0, "lapsed": 0}));
        alice.get("/v1/me").await.assert_problem(401, "invalid_token");
    }
    let alice = world.login("alice", Way::Jwt).await;
    let claims = alice.text("access_token");
    let payload = claims.split('.').nth(1).unwrap();
    let payload: Value = serde_json::from_slice(
        &base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, payload).unwrap(),
    )
    .unwrap();
    revoked(&root, json!({"token_id": payload["jti"]})).await;
    alice.get("/v1/me").await.assert_problem(401, "invalid_token");
    let alice = world.login("alice", Way::Hybrid).await;
    let kid = world.app().keyring.load().kid.to_string();
    revoked(&root, json!({"key_id": kid})).await;
    alice.get("/v1/me").await.assert_problem(401, "invalid_token");
    let alice = world.login("alice", Way::SessionHeader).await;
    revoked(&root, json!({"everything": true})).await;
    alice.get("/v1/me").await.assert_problem(401, "invalid_token");
    root.get("/v1/me").await.assert_problem(401, "invalid_token");
}

#[tokio::test]
async fn what_is_repeated_has_the_number_that_it_had() {
    let world = World::new().await;
    let root = admin(&world).await;
    let alice = world.login("alice", Way::SessionHeader).await;
    let body = json!({"session_id": session(&alice)});
    let first = revoked(&root, body.clone()).await;
    world.advance(Duration::from_secs(5));
    let again = revoked(&root, body).await;
    assert_eq!(first.body["seq"], again.body["seq"]);
    // When it was is not known so exactly that anything may count from there.
    assert_eq!(again.text_at("committed_at"), cloakroom::view::rfc3339(world.now()));
    // It ended with all logins of its user.
    let other = world.login("alice", Way::SessionHeader).await;
    let all = revoked(&root, json!({"user_id": world.user("alice").await.id.to_string()})).await;
    let one = revoked(&root, json!({"session_id": session(&other)})).await;
    assert_eq!(all.body["seq"], one.body["seq"]);
}

#[tokio::test]
async fn exactly_one_target_that_is_there() {
    let world = World::new().await;
    let root = admin(&world).await;
    let nobody = "01900000-0000-7000-8000-000000000000";
    for body in [
        json!({}),
        json!({"reason": "none"}),
        json!({"user_id": nobody, "everything": true}),
        json!({"user_id": nobody, "session_id": nobody}),
    ] {
        root.post(REVOCATIONS, body).await.assert_problem(422, "validation_failed");
    }
    for (body, field) in [
        (json!({"everything": false}), "everything"),
        (json!({"session_id": "x"}), "session_id"),
        (json!({"user_id": "x"}), "user_id"),
        (json!({"token_id": "x"}), "token_id"),
        (json!({"everything": true, "reason": "x".repeat(201)}), "reason"),
        (json!({"everything": true, "reason": "a\nb"}), "reason"),
    ] {
        root.post(REVOCATIONS, body).await.assert_field(field, "invalid");
    }
    root.post(REVOCATIONS, json!({"all": true})).await.assert_field("all", "unknown_field");
    for body in [json!({"session_id": nobody}), json!({"user_id": nobody}), json!({"key_id": "no-such-key"})]
    {
        root.post(REVOCATIONS, body).await.assert_problem(404, "not_found");
    }
    let wait = format!("{REVOCATIONS}?wait=long");
    root.post(&wait, json!({"everything": true})).await.assert_field("wait", "invalid");
    let wait = format!("{REVOCATIONS}?now=1");
    root.post(&wait, json!({"everything": true})).await.assert_problem(400, "invalid_request");
    assert_eq!(root.get("/v1/me").await.status, 200, "nothing happened");
}

#[tokio::test]
async fn only_administrators_may() {
    let world = World::new().await;
    let alice = world.login("alice", Way::SessionBearer).await;
    let program = key(&world, "program", &[Scope::Admin]).await;
    let other = key(&world, "other", &[Scope::Feed, Scope::Introspect, Scope::Revoke]).await;
    let user = world.user("alice").await.id;
    let one = format!("/v1/admin/users/{user}");
    for path in ["/v1/admin/users".to_owned(), one.clone(), format!("{one}/sessions")] {
        world.anonymous().get(&path).await.assert_problem(401, "unauthenticated");
        alice.get(&path).await.assert_problem(403, "forbidden");
        assert_eq!(other.get(&path).await.status, 403);
        assert_eq!(program.get(&path).await.status, 200);
    }
    for path in [REVOCATIONS.to_owned(), format!("{one}/disable"), format!("{one}/enable")] {
        let body = json!({"everything": true});
        world.anonymous().post(&path, body.clone()).await.assert_problem(401, "unauthenticated");
        alice.post(&path, body.clone()).await.assert_problem(403, "forbidden");
        assert_eq!(other.post(&path, body).await.status, 403);
    }
    assert_eq!(alice.get("/v1/me").await.status, 200, "nothing happened");
    assert_eq!(program.post(REVOCATIONS, json!({"session_id": session(&alice)})).await.status, 200);
    alice.get("/v1/me").await.assert_problem(401, "invalid_token");
}

/// Asks and waits; time goes on by `step` while nothing comes. How long it took by that time, as the receipt says: it may
/// have gone on while the answer was on its way.
async fn waited(world: &World, admin: &Client, body: Value, step: Duration) -> (Value, Duration) {
    let (admin, began) = (admin.clone(), world.now());
    let mut asked = tokio::spawn(async move { admin.post(WAITING, body).await });
    loop {
        if let Ok(answer) = tokio::time::timeout(Duration::from_millis(40), &mut asked).await {
            let answer = answer.unwrap();
            assert_eq!(answer.status, 200, "{}", answer.text);
            let effective: jiff::Timestamp = answer.text_at("effective_at").parse().unwrap();
            let effective = Timestamp::from_millis(effective.as_millisecond());
            assert!((began..=world.now()).contains(&effective), "{}", answer.text);
            return (answer.body, effective.since(began));
        }
        world.advance(step);
    }
}

#[tokio::test]
async fn a_receipt_waits_for_the_bound_unless_everybody_is_known_to_know() {
    let world = World::new().await;
    let program = key(&world, "program", &[Scope::Admin, Scope::Feed]).await;
    let user = json!({"user_id": world.user("alice").await.id.to_string()});
    let step = Duration::from_millis(100);
    // Who served before this process began may still be trusted.
    let (_, took) = waited(&world, &program, user.clone(), step).await;
    assert!(took >= Duration::from_secs(2), "{took:?}");
    world.advance(Duration::from_secs(3));
    let alone = crate::REPLICAS == 1;
    let step = if alone { Duration::from_millis(1) } else { step };
    let (receipt, took) = waited(&world, &program, user.clone(), step).await;
    assert_eq!(receipt["verifiers"], json!({"registered": 0, "acknowledged": 0, "lapsed": 0}));
    if alone {
        assert!(took < Duration::from_secs(2), "{took:?}");
    } else if world.is_on_postgres() {
        assert!(took >= Duration::from_secs(2), "another process serves, too: {took:?}");
    }
}

#[tokio::test]
async fn a_receipt_waits_for_the_longest_bound_of_all_whose_answers_may_still_be_trusted() {
    let world = World::new().await;
    let program = key(&world, "program", &[Scope::Admin]).await;
    let user = json!({"user_id": world.user("alice").await.id.to_string()});
    world.advance(Duration::from_secs(3));
    // Another process, with another `feed.bound`: beside this one, or on SQLite before it.
    let long = Duration::from_secs(10);
    world.app().store.announce(&[9; 16], long, Duration::ZERO).await.unwrap();
    let (_, took) = waited(&world, &program, user.clone(), Duration::from_millis(250)).await;
    assert!(took >= long, "{took:?}");
    if crate::REPLICAS == 1 {
        let (_, took) = waited(&world, &program, user, Duration::from_millis(1)).await;
        assert!(took < Duration::from_secs(2), "nobody can trust the other any more: {took:?}");
    }
}

#[tokio::test]
async fn nothing_is_promised_where_nobody_can_tell_who_else_serves() {
    let world = World::new().await;
    let program = key(&world, "program", &[Scope::Admin]).await;
    let user = json!({"user_id": world.user("alice").await.id.to_string()});
    world.sql("ALTER TABLE feed_nodes RENAME TO gone_nodes");
    // Time stands still: whoever waited for a bound would wait for ever.
    let answer = tokio::time::timeout(Duration::from_secs(20), program.post(WAITING, user.clone())).await;
    answer.expect("it does not wait").assert_problem(503, "unavailable");
    revoked(&program, user).await;
    world.sql("ALTER TABLE gone_nodes RENAME TO feed_nodes");
}

/// The bound counts from the end of the commit. (PostgreSQL has the same code before it.)
#[tokio::test]
async fn what_a_commit_takes_is_no_part_of_the_bound() {
    if crate::REPLICAS > 1 {
        return;
    }
    let world = World::new().await;
    let program = key(&world, "program", &[Scope::Admin]).await;
    let user = json!({"user_id": world.user("alice").await.id.to_string()});
    let other = rusqlite::Connection::open(world.database.url().trim_start_matches("sqlite:")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut asked = tokio::spawn(async move { program.post(WAITING, user).await });
    let early = tokio::time::timeout(Duration::from_millis(200), &mut asked).await;
    assert!(early.is_err(), "it waits for the other's lock: {early:?}");
    world.advance(Duration::from_millis(1500));
    let released = world.now();
    other.execute_batch("ROLLBACK").unwrap();
    let receipt = loop {
        if let Ok(receipt) = tokio::time::timeout(Duration::from_millis(40), &mut asked).await {
            break receipt.unwrap();
        }
        world.advance(Duration::from_millis(100));
    };
    let rfc3339 = cloakroom::view::rfc3339;
    assert!(receipt.text_at("committed_at") >= rfc3339(released), "{}", receipt.text);
    assert!(
        receipt.text_at("effective_at") >= rfc3339(released.after(Duration::from_secs(2))),
        "{}",
        receipt.text
    );
}

#[tokio::test]
async fn a_receipt_tells_who_acknowledged_and_who_lapsed() {
    if crate::REPLICAS > 1 {
        // Each server knows its own.
        return;
    }
    let world = World::new().await;
    let program = key(&world, "program", &[Scope::Admin, Scope::Feed]).await;
    let user = json!({"user_id": world.user("alice").await.id.to_string()});
    world.advance(Duration::from_secs(3));
    let start = sync(&program, "learns", None).await.head;
    sync(&program, "sleeps", None).await;
    let learns = {
        let program = program.clone();
        let clock = world.clock.clone();
        tokio::spawn(async move {
            let mut known = start;
            // It learns of the event by one answer, and tells so with the next question.
            while known == start {
                tokio::task::yield_now().await;
                clock.advance(Duration::from_millis(11));
                known = sync(&program, "learns", Some(known)).await.head;
            }
            sync(&program, "learns", Some(known)).await.head
        })
    };
    let (receipt, took) = waited(&world, &program, user, Duration::from_millis(100)).await;
    let head: Rv = learns.await.unwrap();
    assert_eq!(receipt["seq"], head.seq());
    assert_eq!(receipt["verifiers"], json!({"registered": 2, "acknowledged": 1, "lapsed": 1}));
    assert!(took >= Duration::from_millis(1900), "one of them could trust what it knew: {took:?}");
}

#[tokio::test]
async fn accounts_are_listed_shown_disabled_and_enabled() {
    let world = World::new().await;
    let root = admin(&world).await;
    // Ids are in the order of their milliseconds.
    world.advance(Duration::from_secs(1));
    let alice = world.login("alice", Way::SessionHeader).await;
    world.advance(Duration::from_secs(1));
    let bob = world.user("bob").await.id.to_string();
    let id = world.user("alice").await.id.to_string();
    let listed = |path: String| {
        let root = root.clone();
        async move {
            let answer = root.get(&path).await;
            let users = answer.body["users"].as_array().unwrap_or_else(|| panic!("{}", answer.text)).clone();
            users.into_iter().map(|user| user["email"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        }
    };
    let all = ["admin@example.com", "alice@example.com", "bob@example.com"];
    assert_eq!(listed("/v1/admin/users".into()).await, all);
    assert_eq!(listed("/v1/admin/users?limit=2".into()).await, all[..2]);
    assert_eq!(listed(format!("/v1/admin/users?after={id}")).await, all[2..]);
    assert_eq!(listed("/v1/admin/users?query=ALICE".into()).await, all[1..2]);
    for (query, field) in [("limit=0", "limit"), ("limit=501", "limit"), ("after=x", "after")] {
        root.get(&format!("/v1/admin/users?{query}")).await.assert_field(field, "invalid");
    }
    let shown = root.get(&format!("/v1/admin/users/{id}")).await;
    assert_eq!(
        shown.body,
        json!({
            "id": id, "email": "alice@example.com", "name": "ALICE", "roles": [], "status": "active",
            "created_at": cloakroom::view::rfc3339(world.user("alice").await.created_at),
        })
    );
    let sessions = root.get(&format!("/v1/admin/users/{id}/sessions")).await;
    assert_eq!(sessions.body["sessions"][0]["id"], session(&alice));
    assert_eq!(root.get(&format!("/v1/admin/users/{bob}/sessions")).await.body, json!({"sessions": []}));
    for _ in 0..2 {
        let disabled = root.post_empty(&format!("/v1/admin/users/{id}/disable")).await;
        assert_eq!(disabled.body["status"], "disabled", "{}", disabled.text);
    }
    alice.get("/v1/me").await.assert_problem(401, "invalid_token");
    let enabled = root.post_empty(&format!("/v1/admin/users/{id}/enable")).await;
    assert_eq!(enabled.body["status"], "active");
    world.login("alice", Way::SessionHeader).await;
    for nobody in ["x", "01900000-0000-7000-8000-000000000000"] {
        let one = format!("/v1/admin/users/{nobody}");
        root.get(&one).await.assert_problem(404, "not_found");
        root.get(&format!("{one}/sessions")).await.assert_problem(404, "not_found");
        root.post_empty(&format!("{one}/disable")).await.assert_problem(404, "not_found");
    }
}

#[tokio::test]
async fn without_its_store_nothing_is_said_to_be_ended() {
    let world = World::new().await;
    let root = admin(&world).await;
    let alice = world.login("alice", Way::SessionHeader).await;
    for _ in 0..crate::REPLICAS {
        assert_eq!(root.get("/v1/me").await.status, 200);
    }
    world.break_store();
    root.post(REVOCATIONS, json!({"session_id": session(&alice)})).await.assert_problem(503, "unavailable");
    world.mend_store();
    assert_eq!(alice.get("/v1/me").await.status, 200);
    // As another process would: the receipt tells of it all the same.
    let id = session(&alice).parse().unwrap();
    world.app().store.end(id, None, EndReason::EndedByUser, world.now()).await.unwrap();
    assert_eq!(revoked(&root, json!({"session_id": session(&alice)})).await.body["seq"], 1);
}
