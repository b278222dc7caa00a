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
    let next_kid = next.strip_prefix("signing-").and_then(|name| name.strip_suffix(".json")).unwrap();
    let (mut last_published, mut refused) = (String::new(), false);
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        // What others would have read just before the token was made.
        let published = server.get("/.well-known/jwks.json", &[]).text;
        let token = server.login("alice", "jwt");
        assert_eq!((server.me(&token), server.me(&first)), (200, 200));
        if kid(&token) != kid(&first) {
            assert_eq!(kid(&token), next_kid);
            assert!(last_published.contains(next_kid) && refused, "published before it was used");
            break;
        }
        if published.contains(next_kid) && !last_published.contains(next_kid) {
            // Not before: while these run the key may begin to sign.
            place.run(&["key", "retire", &next, "--dev"]).fails(4, "still needed");
            place.run(&["key", "rotate", "--after", "1s", "--dev"]).fails(2, "at least 4s");
            place.run(&["key", "retire", "nobody", "--dev"]).fails(3, "there is no key nobody");
            refused = true;
        }
        last_published = published;
        assert!(Instant::now() < end, "the new key was never used");
    }
}
