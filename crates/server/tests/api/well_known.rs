//! `GET /.well-known/jwks.json`, `GET /.well-known/oauth-authorization-server`

use cloakroom_verify::jwk::parse::public_keys;
use cloakroom_verify::jwt::{Rules, verify};
use cloakroom_verify::keys::KeySet;

use super::common::*;

const JWKS: &str = "/.well-known/jwks.json";

#[tokio::test]
async fn whoever_reads_the_keys_can_prove_our_tokens() {
    let world = World::new().await;
    let answer = world.anonymous().get(JWKS).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/jwk-set+json"));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
    let keys = public_keys(answer.text.as_bytes()).unwrap();
    assert_eq!(keys[0].0, keys[0].1.key_id(), "named by its RFC 7638 thumbprint");
    let alice = world.login("alice", Way::Jwt).await;
    let token = alice.grant["access_token"].as_str().unwrap().to_owned();
    let rules = Rules::new(&world.app().rules.issuer, "cloakroom");
    assert!(verify(&token, &KeySet::new(keys), &rules, world.now()).is_ok());
}

#[tokio::test]
async fn nothing_but_public_members_is_published() {
    let answer = World::new().await.anonymous().get(JWKS).await;
    for key in answer.body["keys"].as_array().unwrap() {
        let names: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x"]);
    }
}

#[tokio::test]
async fn a_shared_secret_is_never_published() {
    let secret = "q7Jp0Zr3vXk1Yb8Wm5Nd2Tf6Hs4Lc9Ga+eUoRi/xKw=";
    let world = World::with(&[("token.algorithm", "HS256"), ("token.secret", secret)]).await;
    let alice = world.login("alice", Way::Jwt).await;
    assert_eq!(alice.get("/v1/me").await.status, 200);
    let answer = world.anonymous().get(JWKS).await;
    assert!(!answer.text.contains("oct") && !answer.text.contains("\"k\""), "{}", answer.text);
}

#[tokio::test]
async fn who_has_the_current_keys_is_told_so() {
    let world = World::new().await;
    let tag = world.anonymous().get(JWKS).await.header("etag").unwrap().to_owned();
    for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), String::from("*")] {
        let again = world.anonymous().with("if-none-match", &known).get(JWKS).await;
        assert_eq!(again.status, 304, "{known}");
        assert_eq!(again.text, "");
        assert_eq!(again.header("etag"), Some(tag.as_str()));
    }
    assert_eq!(world.anonymous().with("if-none-match", "\"other\"").get(JWKS).await.status, 200);
}

#[tokio::test]
async fn the_metadata_lead_to_the_keys_and_to_no_authorization_or_token_endpoint() {
    let world = World::new().await;
    let answer = world.anonymous().get("/.well-known/oauth-authorization-server").await;
    assert_eq!(answer.status, 200);
    let issuer = world.app().rules.issuer.clone();
    assert_eq!(answer.body["issuer"], issuer);
    assert_eq!(answer.body["jwks_uri"], format!("{issuer}{JWKS}"));
    assert_eq!(answer.body["response_types_supported"], serde_json::json!([]));
    for absent in ["token_endpoint", "authorization_endpoint"] {
        assert!(answer.body.get(absent).is_none(), "{absent}");
    }
}
