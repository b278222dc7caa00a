//! Requests that another site's page made a browser send, and origins that the operator named.

use axum::body::Body;
use http::Method;

use super::common::*;

under! {
    [SessionCookie]
    async fn an_unsafe_request_of_another_site_is_refused_and_changes_nothing(_world, alice) {
        for evil in [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "https://evil.test"), ("origin", "null")] {
            let forged = alice.clone().with(evil.0, evil.1);
            forged.post_empty("/v1/logout").await.assert_problem(403, "cross_site_request");
            forged.delete("/v1/sessions?scope=all").await.assert_problem(403, "cross_site_request");
            assert_eq!(forged.get("/v1/me").await.status, 200, "a safe method changes nothing");
        }
        assert_eq!(alice.clone().with("sec-fetch-site", "same-origin").post_empty("/v1/logout").await.status, 204);
    }
}

under! {
    [SessionHeader, SessionBearer, Jwt, Hybrid]
    async fn a_header_credential_is_sent_by_no_forged_form(_world, alice) {
        let other_site = alice.clone().with("sec-fetch-site", "cross-site").with("origin", "https://app.test");
        assert_eq!(other_site.delete("/v1/sessions?scope=all").await.status, 200);
    }
}

#[tokio::test]
async fn login_and_signup_obey_the_same_rule() {
    let world = World::new().await;
    world.user("alice").await;
    let login = json!({"email": "alice@example.com", "password": World::PASSWORD});
    let forged = world.anonymous().with("origin", "https://evil.test");
    forged.post("/v1/login", login.clone()).await.assert_problem(403, "cross_site_request");
    forged.post("/v1/signup", login.clone()).await.assert_problem(403, "cross_site_request");
    let own = world.anonymous().with("origin", "https://auth.example.com");
    assert_eq!(own.post("/v1/login", login).await.status, 200);
}

#[tokio::test]
async fn a_named_origin_gets_cors_and_others_get_none() {
    let world = World::with(&[("server.allowed_origins", r#"["https://app.example.com"]"#)]).await;
    let preflight = async |origin: &str| {
        let browser = world.anonymous().with("origin", origin).with("access-control-request-method", "POST");
        browser.send(Method::OPTIONS, "/v1/login", "", Body::empty()).await
    };
    let answer = preflight("https://app.example.com").await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.example.com"));
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    assert_eq!(answer.header("access-control-allow-methods"), Some("GET, POST, DELETE"));
    assert_eq!(
        answer.header("access-control-allow-headers"),
        Some("authorization, content-type, session-id, idempotency-key, x-request-id")
    );
    assert_eq!(answer.header("vary"), Some("Origin"));
    for other in ["https://app.example.com.evil.test", "http://app.example.com", "null"] {
        let answer = preflight(other).await;
        assert_eq!(answer.status, 405);
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
    world.user("alice").await;
    let browser =
        world.anonymous().with("origin", "https://app.example.com").with("sec-fetch-site", "cross-site");
    let login = json!({"email": "alice@example.com", "password": "wrong"});
    let answer = browser.post("/v1/login", login).await;
    answer.assert_problem(401, "invalid_credentials");
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.example.com"));
    let exposed = Some("retry-after, x-request-id, www-authenticate");
    assert_eq!(answer.header("access-control-expose-headers"), exposed);
}
