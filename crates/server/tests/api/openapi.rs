//! `GET /openapi.json`

use super::common::*;

#[tokio::test]
async fn the_description_names_every_route_and_its_refusals() {
    let world = World::new().await;
    let answer = world.anonymous().get("/openapi.json").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["openapi"], "3.1.0");
    let mut routes: Vec<String> = Vec::new();
    for (path, item) in answer.body["paths"].as_object().unwrap() {
        routes.extend(
            item.as_object().unwrap().keys().map(|method| format!("{} {path}", method.to_uppercase())),
        );
    }
    routes.sort();
    insta::assert_json_snapshot!(routes, @r#"
    [
      "DELETE /v1/sessions",
      "DELETE /v1/sessions/{id}",
      "GET /.well-known/jwks.json",
      "GET /.well-known/oauth-authorization-server",
      "GET /v1/admin/users",
      "GET /v1/admin/users/{id}",
      "GET /v1/admin/users/{id}/sessions",
      "GET /v1/feed/snapshot",
      "GET /v1/feed/stream",
      "GET /v1/feed/sync",
      "GET /v1/me",
      "GET /v1/sessions",
      "GET /v1/sessions/ended",
      "GET /v1/verify",
      "POST /v1/admin/revocations",
      "POST /v1/admin/users/{id}/disable",
      "POST /v1/admin/users/{id}/enable",
      "POST /v1/exchange",
      "POST /v1/feed/touch",
      "POST /v1/introspect",
      "POST /v1/login",
      "POST /v1/logout",
      "POST /v1/password",
      "POST /v1/reauthenticate",
      "POST /v1/refresh",
      "POST /v1/revoke",
      "POST /v1/signup"
    ]
    "#);
    // Each route answers as described, and none is described that is not there.
    for route in &routes {
        let (method, path) = route.split_once(' ').unwrap();
        let path = path.replace("{id}", "00000000-0000-7000-8000-000000000000");
        let method = method.parse().unwrap();
        let answer = world.anonymous().send(method, &path, "", axum::body::Body::empty()).await;
        assert!(answer.status != 404 && answer.status != 405, "{route}: {}", answer.status);
    }
}

#[tokio::test]
async fn the_description_says_who_may_ask_and_that_every_refusal_is_a_problem() {
    let world = World::new().await;
    let document = world.anonymous().get("/openapi.json").await.body;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let answers = operation["responses"].as_object().unwrap();
            for status in ["400", "500", "503"] {
                assert!(answers.contains_key(status), "{method} {path}: {status}");
            }
            if method != "get" {
                assert!(answers.contains_key("403"), "{method} {path}: cross-site");
            }
            if operation["requestBody"].is_object() {
                assert!(answers.contains_key("413") && answers.contains_key("415"), "{method} {path}");
            }
            for (status, answer) in answers.iter().filter(|(status, _)| status.starts_with(['4', '5'])) {
                let schema = &answer["content"]["application/problem+json"]["schema"]["$ref"];
                assert_eq!(schema, "#/components/schemas/ProblemView", "{method} {path}: {status}");
            }
            let open =
                ["/v1/login", "/v1/signup"].contains(&path.as_str()) || path.starts_with("/.well-known/");
            assert_eq!(operation["security"].is_array(), !open, "{method} {path}");
        }
    }
}
