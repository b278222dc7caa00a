//! Guessing is slow, and nobody is locked out by somebody else's guesses.

use axum::body::Body;
use cloakroom::client_address::Peer;
use cloakroom_auth::service_key::{Scope, ServiceKey};
use cloakroom_verify::strangers::{AT_ONCE, EVERY};
use cloakroom_verify::{OpaqueToken, SessionId};
use http::Method;
use secrecy::ExposeSecret;

use super::common::*;

/// A login from an address.
async fn login(world: &World, from: &str, email: &str, password: &str) -> Answer {
    let peer = Peer(std::net::SocketAddr::new(from.parse().expect("an address"), 4711));
    let mut client = world.anonymous();
    client.peer = Some(peer);
    client.post("/v1/login", json!({"email": email, "password": password})).await
}

#[tokio::test]
async fn the_eleventh_guess_waits_for_existing_and_missing_accounts_alike() {
    let world = World::new().await;
    world.user("alice").await;
    let mut answers = Vec::new();
    for email in ["alice@example.com", "nobody@example.com"] {
        for n in 0..10 {
            // Each from another address: the account is what is guarded.
            let answer = login(&world, &format!("192.0.2.{n}"), email, "wrong").await;
            answer.assert_problem(401, "invalid_credentials");
        }
        let mut answer = login(&world, "192.0.2.99", email, World::PASSWORD).await;
        answer.assert_problem(429, "too_many_requests");
        answer.body["request_id"] = Value::Null;
        answers.push((answer.body.clone(), answer.header("retry-after").map(String::from)));
    }
    assert_eq!(answers[0], answers[1]);
    let wait: u64 = answers[0].1.clone().unwrap().parse().unwrap();
    world.advance(Duration::from_secs(wait));
    assert_eq!(login(&world, "192.0.2.99", "alice@example.com", World::PASSWORD).await.status, 200);
}

#[tokio::test]
async fn the_owner_comes_in_from_where_it_was_before() {
    let world = World::new().await;
    world.user("alice").await;
    assert_eq!(login(&world, "198.51.100.7", "alice@example.com", World::PASSWORD).await.status, 200);
    for n in 0..50 {
        login(&world, &format!("192.0.2.{n}"), "alice@example.com", "wrong").await;
    }
    login(&world, "192.0.2.200", "alice@example.com", World::PASSWORD)
        .await
        .assert_problem(429, "too_many_requests");
    let owner = login(&world, "198.51.100.7", "alice@example.com", World::PASSWORD).await;
    assert_eq!(owner.status, 200, "a known address has a budget of its own");
}

#[tokio::test]
async fn an_address_that_tries_many_accounts_waits_and_its_network_with_it() {
    let world = World::with(&[("throttle.per_address", "5/15m")]).await;
    for n in 0..5 {
        // IPv6: one customer has a whole /64.
        let from = format!("2001:db8:1:2::{n}");
        login(&world, &from, &format!("user{n}@example.com"), "wrong")
            .await
            .assert_problem(401, "invalid_credentials");
    }
    login(&world, "2001:db8:1:2:ffff::1", "another@example.com", "wrong")
        .await
        .assert_problem(429, "too_many_requests");
    login(&world, "2001:db8:1:3::1", "another@example.com", "wrong")
        .await
        .assert_problem(401, "invalid_credentials");
}

#[tokio::test]
async fn right_passwords_are_not_charged() {
    let world = World::with(&[("throttle.per_account", "3/15m"), ("throttle.per_address", "3/15m")]).await;
    world.user("alice").await;
    for _ in 0..10 {
        assert_eq!(login(&world, "192.0.2.1", "alice@example.com", World::PASSWORD).await.status, 200);
    }
}

#[tokio::test]
async fn parallel_guesses_do_not_outrun_the_counter() {
    let world = World::new().await;
    world.user("alice").await;
    let guesses: Vec<_> = (0..100)
        .map(|n| {
            let mut client = world.anonymous();
            let address = std::net::IpAddr::from([192, 0, 2, n]);
            client.peer = Some(Peer(std::net::SocketAddr::new(address, 1)));
            let body = json!({"email": "alice@example.com", "password": format!("guess number {n}")});
            tokio::spawn(async move { client.post("/v1/login", body).await.status.as_u16() })
        })
        .collect();
    let mut hashed = 0;
    for guess in guesses {
        if guess.await.unwrap() == 401 {
            hashed += 1;
        }
    }
    assert_eq!(hashed, 10);
}

#[tokio::test]
async fn signups_count_against_the_address() {
    let world = World::with(&[("throttle.per_address", "2/15m")]).await;
    for n in 0..3 {
        let mut client = world.anonymous();
        client.peer = Some(Peer(([192, 0, 2, 1], 1).into()));
        let body = json!({"email": format!("user{n}@example.com"), "password": World::PASSWORD});
        let answer = client.post("/v1/signup", body).await;
        if n < 2 {
            assert_eq!(answer.status, 201);
        } else {
            answer.assert_problem(429, "too_many_requests");
        }
    }
}

#[tokio::test]
async fn only_a_trusted_proxy_says_where_a_client_is() {
    let world =
        World::with(&[("throttle.per_address", "1/15m"), ("server.trusted_proxies", r#"["10.0.0.0/8"]"#)])
            .await;
    let login = async |peer: [u8; 4], forwarded: &str, n: u32| {
        let mut client = world.anonymous().with("x-forwarded-for", forwarded);
        client.peer = Some(Peer((peer, 1).into()));
        let body = json!({"email": format!("user{n}@example.com"), "password": "wrong"});
        client.post("/v1/login", body).await.status.as_u16()
    };
    assert_eq!(login([10, 0, 0, 1], "192.0.2.1", 1).await, 401);
    assert_eq!(login([10, 0, 0, 1], "192.0.2.2", 2).await, 401, "another client behind the proxy");
    assert_eq!(login([10, 0, 0, 1], "192.0.2.1", 3).await, 429);
    assert_eq!(login([192, 0, 2, 50], "192.0.2.51", 4).await, 401);
    assert_eq!(login([192, 0, 2, 50], "192.0.2.52", 5).await, 429, "a stranger cannot make up addresses");
}

/// At its own address.
fn from(client: Client, address: &str) -> Client {
    Client { peer: Some(Peer(std::net::SocketAddr::new(address.parse().unwrap(), 4711))), ..client }
}

#[tokio::test]
async fn made_up_service_keys_are_limited_by_their_source_and_known_ones_are_not() {
    let world = World::new().await;
    let made = |name: &str| ServiceKey::make(name.to_owned(), vec![Scope::Introspect], world.now());
    let (known, shows_known) = made("known");
    let (late, shows_late) = made("late");
    for key in [known, late] {
        assert!(world.app().store.add_service_key(key).await.unwrap());
    }
    let ask = async |address: &str, key: &str| {
        let client = from(world.anonymous().bearer(key), address);
        let body = Body::from("token=x");
        client.send(Method::POST, "/v1/introspect", "application/x-www-form-urlencoded", body).await
    };
    let (home, elsewhere) = ("192.0.2.1", "192.0.2.2");
    let (known, late) = (shows_known.expose_secret(), shows_late.expose_secret());
    assert_eq!(ask(home, known).await.status, 200);
    for _ in 0..AT_ONCE {
        let (_, made_up) = made("made up");
        ask(home, made_up.expose_secret()).await.assert_problem(401, "invalid_token");
    }
    let (_, made_up) = made("made up");
    ask(home, made_up.expose_secret()).await.assert_problem(429, "too_many_requests");
    ask(home, late).await.assert_problem(429, "too_many_requests");
    assert_eq!(ask(home, known).await.status, 200, "it was proved before");
    assert_eq!(ask(elsewhere, late).await.status, 200);
    assert_eq!(ask(home, late).await.status, 200, "wherever it was proved");
    world.advance(EVERY);
    ask(home, made_up.expose_secret()).await.assert_problem(401, "invalid_token");
}

#[tokio::test]
async fn made_up_sessions_are_limited_by_their_source_and_log_nobody_out() {
    let world = World::new().await;
    let (warm, cold) =
        (world.login("alice", Way::SessionHeader).await, world.login("bob", Way::SessionHeader).await);
    let (home, elsewhere) = ("192.0.2.1", "2001:db8::1");
    assert_eq!(from(warm.clone(), home).get("/v1/me").await.status, 200);
    let mut token = OpaqueToken::parse(&warm.text("session_token")).unwrap();
    for n in 0..=AT_ONCE {
        token.session = SessionId::from_bytes(u128::from(n).to_be_bytes());
        let made_up = from(world.anonymous().with("session-id", &token.to_text()), home);
        let answer = made_up.get("/v1/me").await;
        let expected = if n < AT_ONCE { (401, "invalid_token") } else { (503, "unavailable") };
        answer.assert_problem(expected.0, expected.1);
    }
    from(cold.clone(), home).get("/v1/me").await.assert_problem(503, "unavailable");
    assert_eq!(from(warm, home).get("/v1/me").await.status, 200);
    assert_eq!(from(cold.clone(), elsewhere).get("/v1/me").await.status, 200);
    assert_eq!(from(cold, home).get("/v1/me").await.status, 200, "it is known now");
}
