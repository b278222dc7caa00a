//! `GET /v1/verify`: a proxy asks whether a request may pass, and as whom.

use axum::body::Body;
use cloakroom::client_address::Peer;
use cloakroom_auth::email::Email;
use cloakroom_auth::password::NewPassword;
use http::{HeaderName, HeaderValue, Method};
use secrecy::SecretString;

use super::common::*;

const IDENTITY: [&str; 6] =
    ["remote-user", "remote-email", "remote-name", "remote-groups", "x-auth-session", "x-auth-strategy"];
const PROXY: [u8; 4] = [10, 0, 0, 1];
const STRANGER: [u8; 4] = [192, 0, 2, 1];

/// The identity headers of an answer, in the order of [`IDENTITY`]; each must be there once.
fn identity(answer: &Answer) -> [&str; 6] {
    assert_eq!(answer.status, 200, "{}", answer.text);
    IDENTITY.map(|name| {
        assert_eq!(answer.headers.get_all(name).iter().count(), 1, "{name}");
        answer.header(name).unwrap()
    })
}

#[track_caller]
fn assert_tells_nobody(answer: &Answer) {
    assert!(!answer.status.is_success(), "{}", answer.status);
    assert!(IDENTITY.iter().all(|name| !answer.headers.contains_key(*name)), "{:?}", answer.headers);
}

/// One proxy is trusted.
async fn world() -> World {
    World::with(&[("server.trusted_proxies", r#"["10.0.0.0/8"]"#)]).await
}

/// The same client, seen at this address.
fn at(client: &Client, peer: [u8; 4]) -> Client {
    Client { peer: Some(Peer((peer, 4711).into())), ..client.clone().directly() }
}

/// What the trusted proxy asks when this client sends a request to our host with this method.
fn asked(client: &Client, method: &str) -> Client {
    at(client, PROXY).with("x-forwarded-method", method).with("x-forwarded-host", "auth.example.com")
}

under! {
    [SessionCookie, SessionHeader, SessionBearer, Jwt, Hybrid, HybridCookie]
    async fn a_proxy_is_told_who_it_is(world, alice) {
        let id = world.user("alice").await.id.to_string();
        let answer = alice.get("/v1/verify").await;
        let session = alice.grant["session"]["id"].as_str().unwrap_or_default();
        let strategy = alice.grant["strategy"].as_str().unwrap();
        assert_eq!(identity(&answer), [id.as_str(), "alice@example.com", "ALICE", "", session, strategy]);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.text, "");
    }
}

#[tokio::test]
async fn every_header_is_there_even_when_it_is_empty() {
    let world = World::with(&[("token.claims", "[]")]).await;
    let id = world.user("alice").await.id.to_string();
    let jwt = world.login("alice", Way::Jwt).await.get("/v1/verify").await;
    assert_eq!(identity(&jwt), [&id, "", "", "", "", "jwt"]);
}

#[tokio::test]
async fn roles_are_separated_by_commas() {
    let world = World::new().await;
    let id = world.user("alice").await.id;
    let roles = ["editor", "billing.read-only_2"].into_iter().collect();
    world.app().set_roles(id, roles, world.now()).await.unwrap().unwrap();
    for way in [Way::SessionCookie, Way::Jwt, Way::Hybrid] {
        let answer = world.login("alice", way).await.get("/v1/verify").await;
        assert_eq!(identity(&answer)[3], "editor,billing.read-only_2");
    }
}

#[tokio::test]
async fn names_and_emails_are_percent_encoded() {
    let world = World::new().await;
    let email = Email::parse("björn+100%@example.com").unwrap();
    let password = NewPassword::parse(&SecretString::from(World::PASSWORD), 15, &[]).unwrap();
    // The last byte of the code of `Ċ` is a line feed, and U+2028 separates lines.
    let name = Some(String::from("Björn 100% \u{10a}\u{2028}Remote-Groups: admin"));
    let roles = cloakroom_verify::Roles::default();
    world.app().add_user(email, password, name, roles, world.now()).await.unwrap();
    for (strategy, way) in [("session", Way::SessionHeader), ("jwt", Way::Jwt)] {
        let login = json!({
            "email": "björn+100%@example.com", "password": World::PASSWORD, "strategy": strategy, "transport": "body",
        });
        let login = world.anonymous().post("/v1/login", login).await;
        let answer = world.client_of(&login, way).get("/v1/verify").await;
        let [_, email, name, groups, ..] = identity(&answer);
        assert_eq!(email, "bj%C3%B6rn+100%25@example.com");
        assert_eq!(name, "Bj%C3%B6rn 100%25 %C4%8A%E2%80%A8Remote-Groups: admin");
        assert_eq!(groups, "");
    }
}

#[tokio::test]
async fn who_is_refused_elsewhere_is_refused_here() {
    let world = World::new().await;
    let alice = world.login("alice", Way::SessionCookie).await;
    let mallory = world.login("mallory", Way::Jwt).await;
    let access = mallory.text("access_token");
    let nobody = world.anonymous();
    for (client, status, code) in [
        (nobody.clone(), 401, "unauthenticated"),
        (nobody.clone().bearer("cks_garbage"), 401, "invalid_token"),
        (nobody.clone().with("session-id", &access), 401, "invalid_token"),
        (nobody.clone().with("cookie", "__Host-cloakroom=cks_garbage"), 401, "invalid_token"),
        (alice.clone().bearer("cks_garbage"), 401, "invalid_token"),
        (alice.clone().bearer(&access), 400, "invalid_request"),
        (mallory.clone().directly().bearer(&access), 400, "invalid_request"),
        (nobody.clone().with("authorization", "Basic YWxpY2U6cGFzc3dvcmQ="), 400, "invalid_request"),
    ] {
        let (told, me) = (client.get("/v1/verify").await, client.get("/v1/me").await);
        told.assert_problem(status, code);
        assert_tells_nobody(&told);
        assert_eq!(told.header("www-authenticate"), me.header("www-authenticate"));
    }
}

#[tokio::test]
async fn no_bytes_in_a_cookie_let_anybody_pass() {
    let world = world().await;
    let alice = world.login("alice", Way::SessionHeader).await;
    let token = alice.text("session_token");
    let cookies = [
        format!("__Host-cloakroom=\"{token}\""),
        format!("__Host-cloakroom={token}%20"),
        format!("__Host-cloakroom={token}\u{0}"),
        format!("__Host-cloakroom={token},"),
        format!("__Host-cloakroom ={token}"),
        format!("__host-cloakroom={token}"),
        format!("cloakroom={token}"),
        format!("__Host-cloakroom-refresh={token}"),
        format!("__Host-cloakroom={token}; __Host-cloakroom={token}"),
        String::from("__Host-cloakroom="),
        String::from("__Host-cloakroom"),
        String::from("=;;=\u{ff}"),
    ];
    for cookie in cookies {
        // What no header can carry never comes here.
        let Ok(value) = HeaderValue::from_bytes(cookie.as_bytes()) else { continue };
        let mut client = asked(&world.anonymous(), "GET");
        client.headers.push((HeaderName::from_static("cookie"), value));
        assert_tells_nobody(&client.get("/v1/verify").await);
    }
}

under! {
    [SessionCookie, SessionHeader, Jwt, Hybrid]
    async fn what_is_revoked_passes_no_more(_world, alice) {
        assert_eq!(alice.get("/v1/verify").await.status, 200);
        assert_eq!(alice.post_empty("/v1/logout").await.status, 204);
        let answer = alice.get("/v1/verify").await;
        answer.assert_problem(401, "invalid_token");
        assert_tells_nobody(&answer);
    }
}

under! {
    [SessionCookie, SessionHeader, Jwt, Hybrid]
    async fn a_known_credential_needs_no_store_until_the_lease_runs_out(world, alice) {
        for _ in 0..crate::REPLICAS {
            assert_eq!(alice.get("/v1/verify").await.status, 200);
        }
        world.break_store();
        world.advance(Duration::from_secs(1));
        assert_eq!(alice.get("/v1/verify").await.status, 200, "zero database calls");
        world.advance(Duration::from_secs(2));
        let answer = alice.get("/v1/verify").await;
        answer.assert_problem(503, "unavailable");
        assert_tells_nobody(&answer);
    }
}

#[tokio::test]
async fn by_cookie_an_unsafe_request_of_another_site_is_refused() {
    let world = world().await;
    let alice = world.login("alice", Way::SessionCookie).await;
    let evil = [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.test"),
        ("origin", "null"),
    ];
    for (name, value) in evil {
        let forged = alice.clone().with(name, value);
        for method in ["POST", "PUT", "PATCH", "DELETE", "CONNECT", "PROPFIND"] {
            let answer = asked(&forged, method).get("/v1/verify").await;
            answer.assert_problem(403, "cross_site_request");
            assert_tells_nobody(&answer);
        }
        for method in ["GET", "HEAD", "OPTIONS"] {
            assert_eq!(asked(&forged, method).get("/v1/verify").await.status, 200, "a link: {method}");
        }
    }
    let own = [
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-site", "none"),
        ("origin", "https://auth.example.com"),
    ];
    for (name, value) in own {
        let own = alice.clone().with(name, value);
        assert_eq!(asked(&own, "POST").get("/v1/verify").await.status, 200, "{name}: {value}");
    }
    assert_eq!(asked(&alice, "POST").get("/v1/verify").await.status, 200, "from no browser");
}

#[tokio::test]
async fn a_method_that_is_not_named_or_cannot_be_read_may_be_any() {
    let world = world().await;
    let alice = world.login("alice", Way::SessionCookie).await.with("sec-fetch-site", "cross-site");
    for method in ["", "get", "GET, POST", "POST, GET", "G E T"] {
        let answer = asked(&alice, method).get("/v1/verify").await;
        answer.assert_problem(403, "cross_site_request");
    }
    let mut bytes = at(&alice, PROXY);
    let method = HeaderValue::from_bytes(b"GET\xff").unwrap();
    bytes.headers.push((HeaderName::from_static("x-forwarded-method"), method));
    bytes.get("/v1/verify").await.assert_problem(403, "cross_site_request");
    at(&alice, PROXY).get("/v1/verify").await.assert_problem(403, "cross_site_request");
}

#[tokio::test]
async fn by_cookie_no_other_site_opens_a_websocket() {
    let world = world().await;
    let alice = world.login("alice", Way::SessionCookie).await.with("sec-websocket-version", "13");
    let evil = asked(&alice.clone().with("origin", "https://evil.example.com"), "GET");
    evil.get("/v1/verify").await.assert_problem(403, "cross_site_request");
    let own = asked(&alice.with("origin", "https://auth.example.com"), "GET");
    assert_eq!(own.get("/v1/verify").await.status, 200);
}

#[tokio::test]
async fn a_header_credential_is_sent_by_no_forged_form_and_is_good_for_every_host() {
    let world = world().await;
    for way in [Way::SessionHeader, Way::SessionBearer, Way::Jwt, Way::Hybrid] {
        let alice = at(&world.login("alice", way).await, PROXY);
        let forged = alice.with("sec-fetch-site", "cross-site").with("origin", "https://evil.test");
        let elsewhere = forged.with("x-forwarded-method", "POST").with("x-forwarded-host", "app.test");
        assert_eq!(elsewhere.get("/v1/verify").await.status, 200, "{way:?}");
    }
}

#[tokio::test]
async fn a_named_origin_may_send_unsafe_requests() {
    let world = World::with(&[
        ("server.allowed_origins", r#"["https://app.example.com"]"#),
        ("server.trusted_proxies", r#"["10.0.0.0/8"]"#),
    ])
    .await;
    let alice = world.login("alice", Way::SessionCookie).await.with("sec-fetch-site", "cross-site");
    let app = asked(&alice.clone().with("origin", "https://app.example.com"), "POST");
    assert_eq!(app.get("/v1/verify").await.status, 200);
    let other = asked(&alice.with("origin", "https://app.example.com.evil.test"), "POST");
    other.get("/v1/verify").await.assert_problem(403, "cross_site_request");
}

#[tokio::test]
async fn the_cookie_protects_our_own_host_only() {
    let world = world().await;
    let alice = world.login("alice", Way::SessionCookie).await;
    let to = |host: &str| at(&alice, PROXY).with("x-forwarded-method", "GET").with("x-forwarded-host", host);
    for host in ["auth.example.com", "AUTH.example.com", "auth.example.com:443", "auth.example.com:8443"] {
        assert_eq!(to(host).get("/v1/verify").await.status, 200, "{host}");
    }
    for host in
        ["app.example.com", "example.com", "auth.example.com.", "", "auth.example.com, app.example.com"]
    {
        let answer = to(host).get("/v1/verify").await;
        answer.assert_problem(403, "forbidden");
        assert_tells_nobody(&answer);
    }
    // The same login in a header is good everywhere, whatever else is shown.
    let token = world.login("alice", Way::SessionHeader).await.text("session_token");
    let both = world.anonymous().bearer(&token).with("cookie", &format!("__Host-cloakroom={token}"));
    let elsewhere = asked(&both, "POST").with("sec-fetch-site", "cross-site");
    assert_eq!(elsewhere.get("/v1/verify").await.status, 200);
}

#[tokio::test]
async fn a_header_of_the_proxy_that_is_there_twice_is_refused() {
    let world = world().await;
    for way in [Way::SessionCookie, Way::Jwt] {
        let alice = world.login("alice", way).await;
        for (name, value) in [
            ("x-forwarded-method", "GET"),
            ("x-forwarded-host", "auth.example.com"),
            ("x-forwarded-uri", "/"),
        ] {
            let twice = at(&alice, PROXY).with(name, value).with(name, value);
            let answer = twice.get("/v1/verify").await;
            answer.assert_problem(400, "invalid_request");
            assert_tells_nobody(&answer);
        }
    }
}

#[tokio::test]
async fn what_a_stranger_says_of_a_request_changes_nothing() {
    let world = world().await;
    let alice = world.login("alice", Way::SessionCookie).await;
    for peer in [Some(Peer((STRANGER, 4711).into())), None] {
        let alice = Client { peer, ..alice.clone() };
        let says = |client: &Client, method: &str| {
            let says = client.clone().with("x-forwarded-method", method);
            says.with("x-forwarded-host", "app.test").with("x-forwarded-host", "other.test")
        };
        assert_eq!(says(&alice, "POST").get("/v1/verify").await.status, 200);
        // Nor does it depend on another header who is believed.
        let link = alice.with("sec-fetch-site", "cross-site").with("x-forwarded-for", "10.0.0.1");
        assert_eq!(says(&link, "POST").get("/v1/verify").await.status, 200, "what is asked is a GET");
        assert_eq!(link.get("/v1/verify").await.status, 200);
    }
}

#[tokio::test]
async fn no_spelling_of_a_path_changes_the_answer() {
    let world = world().await;
    let alice = world.login("alice", Way::SessionCookie).await;
    for uri in [
        "/",
        "",
        "//",
        "/../v1/login",
        "/%2e%2e/",
        "/%",
        "/%zz",
        "/a b",
        "/;a",
        "*",
        "http://evil.test/",
        "/\\x",
    ] {
        let known = asked(&alice, "GET").with("x-forwarded-uri", uri).get("/v1/verify").await;
        assert_eq!(known.status, 200, "{uri}");
        let nobody = asked(&world.anonymous(), "GET").with("x-forwarded-uri", uri).get("/v1/verify").await;
        nobody.assert_problem(401, "unauthenticated");
    }
}

#[tokio::test]
async fn past_the_router_and_through_it_the_answer_is_the_same() {
    let world = world().await;
    let alice = world.login("alice", Way::SessionCookie).await;
    let forged = asked(&alice, "POST").with("sec-fetch-site", "cross-site");
    let jwt = world.login("alice", Way::Jwt).await;
    for client in [asked(&alice, "GET"), forged, jwt, world.anonymous()] {
        let got = client.get("/v1/verify").await;
        // Only GET passes the router by.
        let head = client.send(Method::HEAD, "/v1/verify", "", Body::empty()).await;
        assert_eq!(head.status, got.status);
        for name in IDENTITY.into_iter().chain(["www-authenticate", "content-type", "cache-control"]) {
            assert_eq!(head.header(name), got.header(name), "{name}");
        }
    }
}

#[tokio::test]
async fn only_reading_is_offered() {
    let world = World::new().await;
    let alice = world.login("alice", Way::SessionHeader).await;
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS] {
        let answer = alice.send(method, "/v1/verify", "", Body::empty()).await;
        answer.assert_problem(405, "method_not_allowed");
        assert_eq!(answer.header("allow"), Some("GET,HEAD"));
        assert_tells_nobody(&answer);
    }
    for path in ["/v1/verify/", "/v1/verify/x", "/v1//verify", "/V1/verify"] {
        let answer = alice.get(path).await;
        answer.assert_problem(404, "not_found");
        assert_tells_nobody(&answer);
    }
}
