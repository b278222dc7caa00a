//! Keys are rotated beside a running server under load, and nobody notices.

use std::time::{Duration, Instant};

use super::common::*;

fn kid(token: &str) -> String {
    let (header, _) = cloakroom_verify::jws::look(token).unwrap();
    let header: serde_json::Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "it waits for a process with a clock of its own, up to a bound"
)]
fn not_one_token_is_refused_across_a_rotation() {
    let place = Place::new();
    let server =
        place.dev(&["--set", "session.max_per_user=100000", "--set", "throttle.per_address=100000/1m"]);
    server.signup("alice");
    let first = server.login("alice", "jwt");
    let rotated = place.run(&["key", "rotate", "--after", "4s", "--dev", "--output", "json"]).json();
    let next = rotated[0]["file"].as_str().unwrap().to_owned();
    place.run(&["key", "rotate", "--after", "1s", "--dev"]).fails(2, "at least 4s");
    place.run(&["key", "retire", &next, "--dev"]).fails(4, "still needed");
    place.run(&["key", "retire", "nobody", "--dev"]).fails(3, "there is no key nobody");
    let mut last_published = String::new();
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        // What others would have read just before the token was made.
        let published = server.get("/.well-known/jwks.json", &[]).text;
        let token = server.login("alice", "jwt");
        assert_eq!((server.me(&token), server.me(&first)), (200, 200));
        if kid(&token) != kid(&first) {
            assert_eq!(next, format!("signing-{}.json", kid(&token)));
            assert!(last_published.contains(&kid(&token)), "published before it was used");
            break;
        }
        last_published = published;
        assert!(Instant::now() < end, "the new key was never used");
    }
}
