//! `POST /v1/login`

use super::common::*;

fn body(strategy: &str, transport: &str) -> Value {
    json!({"email": "alice@example.com", "password": World::PASSWORD, "strategy": strategy, "transport": transport})
}

#[tokio::test]
async fn each_strategy_answers_as_the_contract_says() {
    let world = World::new().await;
    world.user("alice").await;
    let session = world.anonymous().post("/v1/login", body("session", "cookie")).await;
    insta::assert_json_snapshot!(session.shape(), @r#"
    {
      "session": {
        "created_at": "2027-01-15T08:00:00.000Z",
        "current": true,
        "device": "Unknown device",
        "expires_at": "2027-01-16T08:00:00.000Z",
        "id": "<id>",
        "idle_expires_at": "2027-01-15T09:00:00.000Z",
        "ip": null,
        "last_used_at": "2027-01-15T08:00:00.000Z",
        "strategy": "session"
      },
      "strategy": "session",
      "user": {
        "created_at": "2027-01-15T08:00:00.000Z",
        "email": "alice@example.com",
        "id": "<id>",
        "name": "ALICE",
        "roles": []
      }
    }
    "#);
    let cookie = session.cookies().join("\n");
    let token = cookie.strip_prefix("__Host-cloakroom=cks_").unwrap().split(';').next().unwrap();
    assert_eq!(cookie, format!("__Host-cloakroom=cks_{token}; Path=/; Secure; HttpOnly; SameSite=Lax"));
    assert_eq!(session.header("cache-control"), Some("no-store"));

    let session = world.anonymous().post("/v1/login", body("session", "body")).await;
    insta::assert_json_snapshot!(session.shape(), @r#"
    {
      "session": {
        "created_at": "2027-01-15T08:00:00.000Z",
        "current": true,
        "device": "Unknown device",
        "expires_at": "2027-01-16T08:00:00.000Z",
        "id": "<id>",
        "idle_expires_at": "2027-01-15T09:00:00.000Z",
        "ip": null,
        "last_used_at": "2027-01-15T08:00:00.000Z",
        "strategy": "session"
      },
      "session_token": "cks_..",
      "strategy": "session",
      "user": {
        "created_at": "2027-01-15T08:00:00.000Z",
        "email": "alice@example.com",
        "id": "<id>",
        "name": "ALICE",
        "roles": []
      }
    }
    "#);
    assert!(session.cookies().is_empty());

    let jwt = world.anonymous().post("/v1/login", body("jwt", "body")).await;
    insta::assert_json_snapshot!(jwt.shape(), @r#"
    {
      "access_token": "eyJ..",
      "expires_in": 900,
      "strategy": "jwt",
      "token_type": "Bearer",
      "user": {
        "created_at": "2027-01-15T08:00:00.000Z",
        "email": "alice@example.com",
        "id": "<id>",
        "name": "ALICE",
        "roles": []
      }
    }
    "#);
    assert!(jwt.cookies().is_empty());
    assert_eq!(jwt.header("cache-control"), Some("no-store"));

    let hybrid = world.anonymous().post("/v1/login", body("hybrid", "body")).await;
    insta::assert_json_snapshot!(hybrid.shape(), @r#"
    {
      "access_token": "eyJ..",
      "expires_in": 900,
      "refresh_expires_in": 604800,
      "refresh_token": "ckr_..",
      "session": {
        "created_at": "2027-01-15T08:00:00.000Z",
        "current": true,
        "device": "Unknown device",
        "expires_at": "2027-02-14T08:00:00.000Z",
        "id": "<id>",
        "idle_expires_at": "2027-01-22T08:00:00.000Z",
        "ip": null,
        "last_used_at": "2027-01-15T08:00:00.000Z",
        "strategy": "hybrid"
      },
      "strategy": "hybrid",
      "token_type": "Bearer",
      "user": {
        "created_at": "2027-01-15T08:00:00.000Z",
        "email": "alice@example.com",
        "id": "<id>",
        "name": "ALICE",
        "roles": []
      }
    }
    "#);
    assert!(hybrid.cookies().is_empty());

    let hybrid = world.anonymous().post("/v1/login", body("hybrid", "cookie")).await;
    insta::assert_json_snapshot!(hybrid.shape(), @r#"
    {
      "access_token": "eyJ..",
      "expires_in": 900,
      "refresh_expires_in": 604800,
      "session": {
        "created_at": "2027-01-15T08:00:00.000Z",
        "current": true,
        "device": "Unknown device",
        "expires_at": "2027-02-14T08:00:00.000Z",
        "id": "<id>",
        "idle_expires_at": "2027-01-22T08:00:00.000Z",
        "ip": null,
        "last_used_at": "2027-01-15T08:00:00.000Z",
        "strategy": "hybrid"
      },
      "strategy": "hybrid",
      "token_type": "Bearer",
      "user": {
        "created_at": "2027-01-15T08:00:00.000Z",
        "email": "alice@example.com",
        "id": "<id>",
        "name": "ALICE",
        "roles": []
      }
    }
    "#);
    let cookie = hybrid.cookies().join("\n");
    let token = cookie.strip_prefix("__Host-cloakroom-refresh=ckr_").unwrap().split(';').next().unwrap();
    assert_eq!(
        cookie,
        format!("__Host-cloakroom-refresh=ckr_{token}; Path=/; Secure; HttpOnly; SameSite=Strict")
    );

    world.anonymous().post("/v1/login", body("jwt", "cookie")).await.assert_field("transport", "invalid");
}

#[tokio::test]
async fn a_login_that_names_nothing_gets_the_default_strategy_and_its_transport() {
    let world = World::with(&[("strategies.default", "hybrid")]).await;
    world.user("alice").await;
    let login = json!({"email": "alice@example.com", "password": World::PASSWORD});
    let answer = world.anonymous().post("/v1/login", login).await;
    assert_eq!(answer.body["strategy"], "hybrid");
    assert!(answer.body["refresh_token"].is_string());
}

#[tokio::test]
async fn a_remembered_login_lasts_longer_than_the_browser() {
    let world = World::new().await;
    let month = 30 * 86_400;
    for (way, name) in [(Way::SessionCookie, "session"), (Way::HybridCookie, "hybrid")] {
        world.user("alice").await;
        let mut login = body(name, "cookie");
        login["remember"] = json!(true);
        let answer = world.anonymous().post("/v1/login", login).await;
        assert!(answer.cookies()[0].ends_with(&format!("; Max-Age={month}")), "{:?}", answer.cookies());
        let alice = world.client_of(&answer, way);
        assert_eq!(alice.get("/v1/me").await.status, 200);
    }
    let alice = world.login_with("alice", Way::SessionCookie, json!({"remember": true})).await;
    world.advance(Duration::from_secs(month - 1));
    assert_eq!(alice.get("/v1/me").await.status, 200);
}

#[tokio::test]
async fn unknown_disabled_and_wrong_answer_the_same() {
    let world = World::new().await;
    world.user("alice").await;
    world.disable("mallory").await;
    let login = async |email: &str, password: &str| {
        let body = json!({"email": email, "password": password});
        let mut answer = world.anonymous().post("/v1/login", body).await;
        answer.assert_problem(401, "invalid_credentials");
        answer.body["request_id"] = Value::Null;
        answer.body
    };
    let wrong = login("alice@example.com", "wrong").await;
    assert_eq!(login("nobody@example.com", "wrong").await, wrong);
    assert_eq!(login("mallory@example.com", World::PASSWORD).await, wrong);
}

#[tokio::test]
async fn an_email_is_one_account_however_it_is_typed() {
    let world = World::new().await;
    world.user("alice").await;
    for email in ["ALICE@Example.COM", "  alice@example.com\t", "ａlice@example.com"] {
        let answer =
            world.anonymous().post("/v1/login", json!({"email": email, "password": World::PASSWORD})).await;
        assert_eq!(answer.status, 200, "{email}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_password_is_never_trimmed_or_folded() {
    let world = World::new().await;
    world.user("alice").await;
    for password in [
        format!(" {}", World::PASSWORD),
        format!("{} ", World::PASSWORD),
        World::PASSWORD.to_uppercase(),
        World::PASSWORD[..World::PASSWORD.len() - 1].to_owned(),
    ] {
        let body = json!({"email": "alice@example.com", "password": password});
        world.anonymous().post("/v1/login", body).await.assert_problem(401, "invalid_credentials");
    }
}

#[tokio::test]
async fn what_is_not_as_it_must_be_is_named() {
    let world = World::new().await;
    world.user("alice").await;
    let good = body("session", "body");
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    let send = async |body: Value| world.anonymous().post("/v1/login", body).await;
    send(with("email", json!("no email"))).await.assert_field("email", "invalid");
    send(with("email", json!(7))).await.assert_field("email", "invalid_type");
    send(with("password", json!(null))).await.assert_field("password", "invalid_type");
    send(with("password", json!("x".repeat(1025)))).await.assert_field("password", "too_long");
    send(with("strategy", json!("cookie"))).await.assert_field("strategy", "invalid");
    send(with("remember", json!("yes"))).await.assert_field("remember", "invalid_type");
    send(with("device", json!("x".repeat(65)))).await.assert_field("device", "invalid");
    send(with("device", json!("a\nb"))).await.assert_field("device", "invalid");
    send(with("session_id", json!("chosen-by-mallory"))).await.assert_field("session_id", "unknown_field");
    send(json!({"password": World::PASSWORD})).await.assert_field("email", "missing");
}

#[tokio::test]
async fn a_strategy_outside_the_allowed_ones_is_refused() {
    let world = World::with(&[("strategies.allowed", r#"["session"]"#)]).await;
    world.user("alice").await;
    world
        .anonymous()
        .post("/v1/login", body("jwt", "body"))
        .await
        .assert_problem(422, "strategy_not_allowed");
    let alice = world.login("alice", Way::SessionHeader).await;
    let exchange = json!({"strategy": "hybrid", "transport": "body"});
    alice.post("/v1/exchange", exchange).await.assert_problem(422, "strategy_not_allowed");
}

#[tokio::test]
async fn a_client_supplied_id_is_never_adopted() {
    let world = World::new().await;
    let mallory = world.login("mallory", Way::SessionHeader).await;
    let fixed = mallory.grant["session_token"].as_str().unwrap();
    world.user("alice").await;
    let victim = world.anonymous().with("cookie", &format!("__Host-cloakroom={fixed}"));
    let answer = victim.post("/v1/login", body("session", "cookie")).await;
    assert_eq!(answer.status, 200);
    assert!(!answer.cookies()[0].contains(fixed), "a new token at every login");
    assert_ne!(answer.body["session"]["id"], mallory.grant["session"]["id"]);
    // The login that was there goes on; only the new credential is answered.
    assert_eq!(mallory.get("/v1/me").await.body["user"]["email"], "mallory@example.com");
    for made_up in ["cks_unknown", "../../etc/passwd"] {
        let answer =
            world.anonymous().with("session-id", made_up).post("/v1/login", body("session", "body")).await;
        assert!(!answer.text.contains(made_up));
    }
}

#[tokio::test]
async fn a_login_past_the_cap_ends_the_least_recently_used() {
    let world = World::with(&[("session.max_per_user", "2")]).await;
    let first = world.login("alice", Way::SessionHeader).await;
    world.advance(Duration::from_secs(60));
    let second = world.login("alice", Way::Hybrid).await;
    world.advance(Duration::from_secs(60));
    // The first one is used after the second: a use that the store does not know of yet counts as well.
    assert_eq!(first.get("/v1/me").await.status, 200);
    let third = world.login("alice", Way::SessionCookie).await;
    assert_eq!(first.get("/v1/me").await.status, 200);
    second.get("/v1/me").await.assert_problem(401, "invalid_token");
    assert_eq!(third.get("/v1/me").await.status, 200);
}

#[tokio::test]
async fn a_hash_is_raised_when_the_parameters_rise() {
    let world = World::with(&[("password.iterations", "2")]).await;
    let hash = async || world.user("alice").await.password_hash.as_str().to_owned();
    assert!(hash().await.contains("t=2"));
    let weak = cloakroom_auth::password::Hasher::new(cloakroom_auth::password::Params {
        memory_kib: 64,
        iterations: 1,
        parallelism: 1,
    });
    let password = secrecy::SecretString::from(World::PASSWORD);
    let password = cloakroom_auth::password::Password::parse(&password).unwrap();
    let mut memory = cloakroom_auth::password::Memory::default();
    let weak = weak.unwrap().hash(&password, [7; 16], &mut memory).unwrap();
    let user = world.user("alice").await;
    assert!(world.app().store.raise_hash(user.id, &user.password_hash, weak).await.unwrap());
    assert!(hash().await.contains("t=1"));
    world.login("alice", Way::Jwt).await;
    assert!(hash().await.contains("t=2"), "raised on login");
    world.login("alice", Way::Jwt).await;
}

/// A login that cannot be answered must not leave a row behind: what is too large is found out before.
#[tokio::test]
async fn who_has_as_many_roles_as_he_may_can_log_in_by_every_strategy() {
    let world = World::new().await;
    let alice = world.user("alice").await.id;
    let set = async |roles: &[String]| {
        let roles = roles.iter().map(String::as_str).collect();
        world.app.auth.set_roles(alice, roles, world.now()).await
    };
    let mut roles = vec![String::from("r")];
    // As long as they are long, then as short as they can be: the last that is taken is just small enough.
    for length in [64, 1] {
        let refused = loop {
            roles.push("r".repeat(length));
            if let Err(error) = set(&roles).await {
                break error;
            }
        };
        assert!(refused.to_string().contains("4 KiB"), "{refused}");
        roles.pop();
    }
    assert!(set(&roles).await.is_ok());
    for way in [Way::Jwt, Way::Hybrid, Way::SessionCookie] {
        assert_eq!(world.login("alice", way).await.get("/v1/me").await.status, 200, "{way:?}");
    }
}
