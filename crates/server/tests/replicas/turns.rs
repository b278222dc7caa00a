//! Who answers: nginx, by one server and the other.

use super::common::*;

#[tokio::test]
async fn requests_go_through_nginx_to_one_server_and_the_other_in_turn() {
    let required = std::env::var("CLOAKROOM_TEST_REQUIRE").is_ok_and(|value| value == "all");
    let mut world = World::new().await;
    for _ in 0..2 {
        for n in 1..=6 {
            let answer = world.anonymous().get("/v1/me").await;
            answer.assert_problem(401, "unauthenticated");
            // Where nginx may be missing, they take turns all the same.
            let proxy = answer.header("server");
            assert!(proxy.map_or(!required, |name| name.starts_with("nginx")), "{proxy:?}");
            let half = [n / 2 + n % 2, n / 2];
            assert_eq!(world.apps().iter().map(refusals).collect::<Vec<_>>(), half);
        }
        world.crash().await;
    }
}

/// How many callers this server did not know.
fn refusals(app: &cloakroom::app::App) -> usize {
    let line = r#"http_requests_total{method="GET",route="/v1/me",status="401"} "#;
    let text = app.metrics.text(app);
    let found = text.lines().find_map(|told| told.split_once(line));
    found.map_or(0, |(_, count)| count.parse().unwrap())
}
