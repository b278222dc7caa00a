//! The attack list through HTTP: the same tokens as in the tests of the verifier, forged by the server's own key, sent
//! wherever a token is read. Each answer is the same for all of them, and nothing that is good ends by them.

#[path = "../../../verify/tests/common/forge.rs"]
#[expect(dead_code, reason = "this suite uses a part of it")]
mod forge;
#[path = "../../../verify/tests/common/attacks/mod.rs"]
mod list;

use std::collections::BTreeSet;
use std::net::TcpListener;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cloakroom_auth::service_key::{Scope, ServiceKey};
use cloakroom_verify::algorithm::Algorithm;
use forge::{Forge, encode};
use http::Method;
use list::{Attack, Target, every_attack, negated, unknown_kid};
use secrecy::ExposeSecret;

use super::common::*;
use list as attacks;

const SECRET: &str = "q7Jp0Zr3vXk1Yb8Wm5Nd2Tf6Hs4Lc9Ga+eUoRi/xKw=";

async fn world(algorithm: Algorithm) -> World {
    World::with(&[("token.algorithm", algorithm.as_str())]).await
}

/// The key that this deployment signs with, from its directory.
fn stolen(world: &World) -> Forge {
    let files = std::fs::read_dir(&world.config.keys.path).unwrap().map(|entry| entry.unwrap().path());
    let file = files
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("signing-"))
        .map(|path| serde_json::from_slice::<Value>(&std::fs::read(path).unwrap()).unwrap());
    let file = file.into_iter().next().unwrap();
    let pkcs8 = URL_SAFE_NO_PAD.decode(file["pkcs8"].as_str().unwrap()).unwrap();
    Forge::of(file["algorithm"].as_str().unwrap().parse().unwrap(), &pkcs8)
}

async fn service(world: &World) -> Client {
    let scopes = vec![Scope::Introspect, Scope::Revoke];
    let (key, text) = ServiceKey::make(String::from("shop"), scopes, world.now());
    assert!(world.app().store.add_service_key(key).await.unwrap());
    world.anonymous().bearer(text.expose_secret())
}

async fn form(client: &Client, path: &str, token: &str) -> Answer {
    let token: String = token.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let body = format!("token={token}");
    client.send(Method::POST, path, "application/x-www-form-urlencoded", body.into()).await
}

/// Whether a token can follow `Bearer` at all (RFC 9110 section 11.2); another is 400 whatever is in it.
fn is_token68(token: &str) -> bool {
    let body = token.trim_end_matches('=');
    !body.is_empty() && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
}

/// All that is told apart, when the same is told to everybody.
#[derive(Default)]
struct Told(BTreeSet<String>);

impl Told {
    #[track_caller]
    fn problem(&mut self, answer: &Answer, code: &str, token: &str) {
        assert_eq!((answer.status.as_u16(), answer.code()), (401, code), "{}: {token}", answer.text);
        answer.assert_problem(401, code);
        let mut body = answer.body.clone();
        body["request_id"] = Value::Null;
        let challenge = answer.header("www-authenticate").unwrap_or_default();
        self.0.insert(format!("{body} {challenge}"));
    }
}

/// Sends a token wherever one is read: `told` is what `/v1/me`, `/v1/exchange` and `/v1/refresh` have said.
async fn send(nobody: &Client, service: &Client, token: &str, told: &mut [Told; 2]) {
    let [invalid, ungranted] = told;
    let anonymous = || nobody.clone();
    let (to_session, to_hybrid) = (json!({"strategy": "session"}), json!({"strategy": "hybrid"}));
    if is_token68(token) {
        let client = anonymous().bearer(token);
        invalid.problem(&client.get("/v1/me").await, "invalid_token", token);
        invalid.problem(&client.get("/v1/sessions").await, "invalid_token", token);
        for body in [&to_session, &to_hybrid] {
            let exchange = client.post("/v1/exchange", body.clone()).await;
            invalid.problem(&exchange, "invalid_token", token);
        }
        assert_eq!(client.post_empty("/v1/logout").await.status, 204, "{token}");
        let as_service = form(&client, "/v1/introspect", token).await;
        invalid.problem(&as_service, "invalid_token", token);
    } else if http::HeaderValue::from_str(token).is_ok() {
        anonymous().bearer(token).get("/v1/me").await.assert_problem(400, "invalid_request");
    }
    if token.bytes().all(|byte| byte.is_ascii_graphic() && byte != b';') {
        let session = anonymous().with("session-id", token).get("/v1/me").await;
        invalid.problem(&session, "invalid_token", token);
        let cookie = anonymous().with("cookie", &format!("__Host-cloakroom={token}"));
        invalid.problem(&cookie.get("/v1/me").await, "invalid_token", token);
        let cookie = anonymous().with("cookie", &format!("__Host-cloakroom-refresh={token}"));
        ungranted.problem(&cookie.post_empty("/v1/refresh").await, "invalid_grant", token);
        assert_eq!(cookie.post_empty("/v1/logout").await.status, 204, "{token}");
    }
    let body = json!({"refresh_token": token});
    let refresh = anonymous().post("/v1/refresh", body.clone()).await;
    ungranted.problem(&refresh, "invalid_grant", token);
    let exchange =
        anonymous().post("/v1/exchange", json!({"strategy": "session", "refresh_token": token})).await;
    ungranted.problem(&exchange, "invalid_grant", token);
    assert_eq!(anonymous().post("/v1/logout", body).await.status, 204, "{token}");
    assert_eq!(form(service, "/v1/introspect", token).await.text, r#"{"active":false}"#, "{token}");
    assert_eq!(form(service, "/v1/revoke", token).await.status, 200, "{token}");
}

/// Everything of an attack is refused everywhere by one answer, and alice stays logged in.
async fn refused(algorithm: Algorithm, attack: Attack) {
    let lure = TcpListener::bind("127.0.0.1:0").unwrap();
    lure.set_nonblocking(true).unwrap();
    let world = world(algorithm).await;
    let (nobody, service) = (world.anonymous(), service(&world).await);
    let alice = world.login("alice", Way::Hybrid).await;
    let address = format!("http://{}", lure.local_addr().unwrap());
    let target = Target::of(stolen(&world), &alice.text("access_token"), address);
    let good = world.anonymous().bearer(&target.good());
    assert_eq!(good.get("/v1/me").await.status, 200, "the forge is right");
    assert_eq!(form(&service, "/v1/introspect", &target.good()).await.body["active"], true);

    let ended = world.revocations().await;
    let mut told = <[Told; 2]>::default();
    let tokens = attack(&target);
    assert!(!tokens.is_empty());
    for token in tokens {
        if token.len() < 16 * 1024 {
            send(&nobody, &service, &token, &mut told).await;
        }
    }
    for told in told {
        assert!(told.0.len() == 1, "one answer for all: {:?}", told.0);
    }
    assert_eq!(world.revocations().await, ended, "nothing was ended");
    assert_eq!(good.get("/v1/me").await.status, 200);
    let body = json!({"refresh_token": alice.refresh_token});
    assert_eq!(world.anonymous().post("/v1/refresh", body).await.status, 200);
    assert!(lure.accept().is_err(), "nobody was called");
}

every_attack!(refused);

/// CVE-2025-30204 and its kin: what is longer than all headers may be is refused unread.
#[tokio::test]
async fn a_bearer_token_of_a_megabyte_is_431() {
    let world = World::new().await;
    let nobody = world.anonymous().directly();
    for token in ["a".repeat(1 << 20), ".".repeat(1 << 20)] {
        nobody.clone().bearer(&token).get("/v1/me").await.assert_problem(431, "headers_too_large");
        let body = json!({"refresh_token": token});
        nobody.post("/v1/refresh", body).await.assert_problem(413, "content_too_large");
    }
}

/// CVE-2026-48524 (PyJWT).
#[tokio::test]
async fn a_flood_of_unknown_kids_harms_no_good_token() {
    let world = World::new().await;
    let alice = world.login("alice", Way::Jwt).await;
    let target = Target::of(stolen(&world), &alice.text("access_token"), "");
    let nobody = world.anonymous();
    for hundred in 0..100 {
        let ask = |n: u32| {
            let client = nobody.clone().bearer(&unknown_kid(&target, 100 * hundred + n));
            tokio::spawn(async move { client.get("/v1/me").await.status })
        };
        let asked: Vec<_> = (0..100).map(ask).collect();
        for answer in asked {
            assert_eq!(answer.await.unwrap(), 401);
        }
    }
    assert_eq!(alice.get("/v1/me").await.status, 200);
    assert_eq!(world.app().keys.all().len(), 1);
}

/// CVE-2026-27840 (ZITADEL).
#[tokio::test]
async fn every_beginning_of_an_opaque_token_is_refused_everywhere() {
    let world = World::new().await;
    let (nobody, service) = (world.anonymous(), service(&world).await);
    let (session, hybrid) =
        (world.login("alice", Way::SessionHeader).await, world.login("alice", Way::Hybrid).await);
    let ended = world.revocations().await;
    for good in [session.text("session_token"), hybrid.text("refresh_token")] {
        for length in 1..good.len() {
            send_opaque(&nobody, &service, &good[..length]).await;
        }
    }
    assert_eq!(world.revocations().await, ended, "nothing was ended");
    assert_eq!(session.get("/v1/me").await.status, 200);
}

async fn send_opaque(nobody: &Client, service: &Client, token: &str) {
    for (name, value) in [
        ("authorization", format!("Bearer {token}")),
        ("session-id", token.to_owned()),
        ("cookie", format!("__Host-cloakroom={token}")),
    ] {
        let client = nobody.clone().with(name, &value);
        client.get("/v1/me").await.assert_problem(401, "invalid_token");
        assert_eq!(client.post_empty("/v1/logout").await.status, 204);
    }
    let (body, cookie) = (json!({"refresh_token": token}), format!("__Host-cloakroom-refresh={token}"));
    nobody.post("/v1/refresh", body.clone()).await.assert_problem(401, "invalid_grant");
    let browser = nobody.clone().with("cookie", &cookie);
    browser.post_empty("/v1/refresh").await.assert_problem(401, "invalid_grant");
    assert_eq!(browser.post_empty("/v1/logout").await.status, 204);
    assert_eq!(nobody.post("/v1/logout", body).await.status, 204);
    assert_eq!(form(service, "/v1/introspect", token).await.text, r#"{"active":false}"#, "{token}");
}

/// Storm-0558, CVE-2025-55241: two deployments that were given the same secret, which is wrong but happens.
#[tokio::test]
async fn a_deployment_with_the_same_secret_is_another_deployment() {
    let shared = [("token.algorithm", "HS256"), ("token.secret", SECRET)];
    let world = World::with(&shared).await;
    let elsewhere = [&shared[..], &[("public_url", "https://other.example.com")]].concat();
    let elsewhere = World::with(&elsewhere).await;
    let (nobody, service) = (world.anonymous(), service(&world).await);
    let alice = world.login("alice", Way::Hybrid).await;
    let ended = world.revocations().await;
    for way in [Way::Jwt, Way::Hybrid] {
        let stranger = elsewhere.login("mallory", way).await;
        assert_eq!(stranger.get("/v1/me").await.status, 200, "good where it is from");
        send(&nobody, &service, &stranger.text("access_token"), &mut Default::default()).await;
    }
    // Even in the name of alice's own login.
    let forge = Forge::hs256(SECRET.as_bytes());
    let target = Target::of(forge, &alice.text("access_token"), "");
    assert_eq!(
        world.anonymous().bearer(&target.good()).get("/v1/me").await.status,
        200,
        "the forge is right"
    );
    for token in attacks::another_issuer_or_audience(&target) {
        send(&nobody, &service, &token, &mut Default::default()).await;
    }
    assert_eq!(world.revocations().await, ended, "nothing was ended");
    assert_eq!(alice.get("/v1/me").await.status, 200);
}

/// OWASP's JWT cheat sheet (2026): log out, then show the same token by its second signature; and the other way round.
#[tokio::test]
async fn a_logged_out_token_is_refused_under_its_second_signature_too() {
    let world = world(Algorithm::Es256).await;
    let service = service(&world).await;
    for way in [Way::Jwt, Way::Hybrid] {
        for by_its_twin in [false, true] {
            let alice = world.login("alice", way).await;
            let twin = world.anonymous().bearer(&negated(&alice.text("access_token")));
            assert_eq!(twin.get("/v1/me").await.status, 200, "both signatures are right");
            let shown = if by_its_twin { &twin } else { &alice };
            assert_eq!(shown.post_empty("/v1/logout").await.status, 204);
            for client in [&alice, &twin] {
                client.get("/v1/me").await.assert_problem(401, "invalid_token");
            }
            let twin = negated(&alice.text("access_token"));
            assert_eq!(form(&service, "/v1/introspect", &twin).await.text, r#"{"active":false}"#);
        }
    }
}
