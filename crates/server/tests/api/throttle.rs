//! Guessing is slow, and nobody is locked out by somebody else's guesses.

use cloakroom::client_address::Peer;

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
