//! `POST /v1/signup`

use super::common::*;

fn body() -> Value {
    json!({"email": " Alice@Example.com", "password": World::PASSWORD, "name": "Alice"})
}

#[tokio::test]
async fn an_account_is_made_and_nobody_is_logged_in() {
    let world = World::new().await;
    let answer = world.anonymous().post("/v1/signup", body()).await;
    assert_eq!(answer.status, 201);
    insta::assert_json_snapshot!(answer.shape(), @r#"
    {
      "user": {
        "created_at": "2027-01-15T08:00:00.000Z",
        "email": "Alice@Example.com",
        "id": "<id>",
        "name": "Alice",
        "roles": []
      }
    }
    "#);
    assert!(answer.cookies().is_empty());
    assert!(!answer.text.contains("argon2"));
    let login = json!({"email": "alice@example.com", "password": World::PASSWORD});
    assert_eq!(world.anonymous().post("/v1/login", login).await.status, 200);
}

#[tokio::test]
async fn an_email_is_taken_once_however_it_is_spelled() {
    let world = World::new().await;
    assert_eq!(world.anonymous().post("/v1/signup", body()).await.status, 201);
    for email in ["alice@example.com", "ALICE@EXAMPLE.COM", "ａlice@example.com"] {
        let mut again = body();
        again["email"] = json!(email);
        world.anonymous().post("/v1/signup", again).await.assert_problem(409, "email_taken");
    }
}

#[tokio::test]
async fn of_many_at_once_one_succeeds() {
    let world = World::new().await;
    let tries = (0..32).map(|_| {
        let anonymous = world.anonymous();
        tokio::spawn(async move { anonymous.post("/v1/signup", body()).await.status.as_u16() })
    });
    let mut statuses = Vec::new();
    for attempt in tries.collect::<Vec<_>>() {
        statuses.push(attempt.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!(statuses[0], 201);
    assert!(statuses[1..].iter().all(|status| *status == 409), "{statuses:?}");
}

#[tokio::test]
async fn a_closed_deployment_makes_no_accounts() {
    let world = World::with(&[("signup.open", "false")]).await;
    world.anonymous().post("/v1/signup", body()).await.assert_problem(403, "signup_closed");
}

#[tokio::test]
async fn what_is_not_as_it_must_be_is_named() {
    let world = World::new().await;
    let send = async |name: &str, value: Value| {
        let mut changed = body();
        changed[name] = value;
        world.anonymous().post("/v1/signup", changed).await
    };
    send("email", json!("alice")).await.assert_field("email", "invalid");
    send("email", json!("a@b@c")).await.assert_field("email", "invalid");
    send("password", json!("too short, this")).await;
    send("password", json!("fourteen chars")).await.assert_field("password", "too_short");
    send("password", json!("x".repeat(1025))).await.assert_field("password", "too_long");
    send("password", json!("alice@example.com")).await.assert_field("password", "password_blocklisted");
    send("password", json!("aaaaaaaaaaaaaaaaaaaa")).await.assert_field("password", "password_blocklisted");
    send("name", json!("a\u{0}b")).await.assert_field("name", "invalid");
    send("name", json!("x".repeat(129))).await.assert_field("name", "invalid");
    send("roles", json!(["admin"])).await.assert_field("roles", "unknown_field");
}

#[tokio::test]
async fn a_password_of_a_megabyte_is_refused_before_anything_is_hashed() {
    let world = World::new().await;
    // Within the limit of bodies, far over the limit of passwords.
    let mut long = body();
    long["password"] = json!("x".repeat(60_000));
    world.anonymous().post("/v1/signup", long.clone()).await.assert_field("password", "too_long");
    world
        .anonymous()
        .post("/v1/login", json!({"email": "a@b.c", "password": "x".repeat(60_000)}))
        .await
        .assert_field("password", "too_long");
    long["password"] = json!("x".repeat(1_000_000));
    world.anonymous().directly().post("/v1/signup", long).await.assert_problem(413, "content_too_large");
}
