//! What every request must be, whatever it asks for.

use axum::body::Body;
use http::Method;

use super::common::*;

#[tokio::test]
async fn a_body_over_the_limit_is_413_before_anything_else_is_judged() {
    let world = World::new().await;
    let large = || Body::from(vec![b'x'; 64 * 1024 + 1]);
    let streamed = || {
        let chunk = || Ok::<_, std::io::Error>(bytes::Bytes::from(vec![b'x'; 1024]));
        Body::from_stream(futures_util::stream::iter((0..65).map(move |_| chunk())))
    };
    for (method, path) in [
        (Method::POST, "/v1/login"),
        (Method::DELETE, "/v1/sessions"),
        (Method::GET, "/v1/me"),
        (Method::POST, "/nowhere"),
    ] {
        for body in [large(), streamed()] {
            let forged = world.anonymous().directly().with("origin", "https://evil.test");
            let answer = forged.send(method.clone(), path, "text/plain", body).await;
            answer.assert_problem(413, "content_too_large");
            assert_eq!(answer.header("connection"), Some("close"));
        }
    }
    let fits = Body::from(vec![b' '; 64 * 1024]);
    let answer = world.anonymous().send(Method::POST, "/v1/login", "application/json", fits).await;
    answer.assert_problem(400, "invalid_request");
}

#[tokio::test]
async fn a_header_block_over_the_limit_is_431() {
    let world = World::new().await;
    let large = world.anonymous().directly().with("x-filler", &"x".repeat(33_000)).get("/v1/me").await;
    large.assert_problem(431, "headers_too_large");
    world
        .anonymous()
        .with("x-filler", &"x".repeat(32_000))
        .get("/v1/me")
        .await
        .assert_problem(401, "unauthenticated");
}

#[tokio::test]
async fn only_json_is_json() {
    let world = World::new().await;
    for content_type in
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "application/jsonx"]
    {
        let body = Body::from(r#"{"email":"a@b.c","password":"x"}"#);
        let answer = world.anonymous().send(Method::POST, "/v1/login", content_type, body).await;
        answer.assert_problem(415, "unsupported_media_type");
    }
    for content_type in ["application/json", "application/json; charset=utf-8", "Application/JSON"] {
        let body = Body::from(r#"{"email":"a@b.c","password":"x"}"#);
        let answer = world.anonymous().send(Method::POST, "/v1/login", content_type, body).await;
        answer.assert_problem(401, "invalid_credentials");
    }
}

#[tokio::test]
async fn malformed_json_is_400_and_a_wrong_shape_422() {
    let world = World::new().await;
    let send = async |text: &str| {
        let body = Body::from(text.to_owned());
        world.anonymous().send(Method::POST, "/v1/login", "application/json", body).await
    };
    for malformed in ["{", "{\"email\":}", "nonsense", "{} {}", "\u{feff}{}", "{\"email\":\"\\ud800\"}", "[1"]
    {
        send(malformed).await.assert_problem(400, "invalid_request");
    }
    for shape in ["[]", "7", "\"text\"", "null", "[\"alice@example.com\",\"a password, as a list\"]"] {
        send(shape).await.assert_problem(422, "validation_failed");
    }
    let deep = format!("{{\"email\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(send(&deep).await.status.is_client_error());
}

#[tokio::test]
async fn nothing_that_was_sent_comes_back() {
    let world = World::new().await;
    let secret = "correct horse battery staple 99";
    for body in [
        json!({"email": "alice@example.com", "password": secret}),
        json!({"email": secret, "password": secret}),
        json!({"email": 1, "password": secret}),
        json!({"email": "alice@example.com", "password": [secret]}),
        json!({"email": "alice@example.com", "password": secret, "strategy": secret}),
        json!({"email": "alice@example.com", "password": secret, "device": "\n", "remember": secret}),
    ] {
        let answer = world.anonymous().post("/v1/login", body.clone()).await;
        assert!(!answer.text.contains("horse"), "{body}: {}", answer.text);
    }
}

#[tokio::test]
async fn unknown_routes_are_404_and_wrong_methods_405_with_allow() {
    let world = World::new().await;
    for path in ["/", "/v1", "/v1/", "/v1/me/", "/v1/login/x", "/v2/me", "/.env", "//v1/me", "/v1/%6de"] {
        world.anonymous().get(path).await.assert_problem(404, "not_found");
    }
    world.anonymous().directly().get("/v1/%6de%00").await.assert_problem(404, "not_found");
    let answer = world.anonymous().get("/v1/login").await;
    answer.assert_problem(405, "method_not_allowed");
    assert_eq!(answer.header("allow"), Some("POST"));
    let answer = world.anonymous().send(Method::PUT, "/v1/sessions", "", Body::empty()).await;
    answer.assert_problem(405, "method_not_allowed");
    let allow = answer.header("allow").unwrap_or_default();
    assert!(allow.contains("GET") && allow.contains("DELETE"), "{allow}");
}

#[tokio::test]
async fn a_request_keeps_its_name() {
    let world = World::new().await;
    let answer = world.anonymous().directly().with("x-request-id", "trace-1/2").get("/v1/me").await;
    assert_eq!(answer.header("x-request-id"), Some("trace-1/2"));
    assert_eq!(answer.body["request_id"], "trace-1/2");
    for unfit in ["has space", &"x".repeat(129), ""] {
        let answer = world.anonymous().directly().with("x-request-id", unfit).get("/v1/me").await;
        assert_ne!(answer.header("x-request-id"), Some(unfit));
    }
}

#[tokio::test]
async fn tokens_in_a_url_are_never_read() {
    let world = World::new().await;
    let alice = world.login("alice", Way::Jwt).await;
    let token = alice.grant["access_token"].as_str().unwrap();
    for path in [format!("/v1/me?access_token={token}"), format!("/v1/me?token={token}#x")] {
        world.anonymous().get(&path).await.assert_problem(401, "unauthenticated");
    }
}

#[tokio::test]
async fn a_panic_is_500_and_the_next_request_is_answered() {
    let world = World::new().await;
    let router: axum::Router = axum::Router::new().route(
        "/v1/panic",
        axum::routing::get(async || -> &'static str { panic!("a bug with a secret in it") }),
    );
    let mut client = world.anonymous();
    client.doors = Doors::one(&world.app, router);
    let answer = client.get("/v1/panic").await;
    answer.assert_problem(500, "internal");
    assert!(!answer.text.contains("secret"));
    client.get("/v1/panic").await.assert_problem(500, "internal");
}
