//! Two parties that hold the same token: the session ends at the second refresh, whoever comes first.

use cloakroom_verify::clock::{Clock, SystemClock};
use serde_json::json;

use super::client::{Client, look, new_attempt};
use super::*;

/// The grace is none, which is to say the millisecond in which the token was spent.
pub fn let_the_grace_pass() {
    let then = SystemClock.wall();
    while SystemClock.wall() <= then {
        std::thread::yield_now();
    }
}

/// The first takes the child; the second is refused, and both are out at once.
fn the_second_ends_it(server: &Server, place: &Place, stolen: &str, attempts: [Option<String>; 2]) {
    let [first, second] = attempts.map(|attempt| json!({"refresh_token": stolen, "attempt": attempt}));
    let first = server.post("/v1/refresh", &first);
    assert_eq!(first.status, 200, "{first:?}");
    let taken = first.body["access_token"].as_str().unwrap();
    assert_eq!(server.me(taken), 200);
    let_the_grace_pass();

    let refused = server.post("/v1/refresh", &second);
    assert_eq!((refused.status, refused.body["code"].as_str()), (401, Some("invalid_grant")), "{refused:?}");
    assert_eq!(refused.body["reason"], "refresh_token_reused");
    assert_eq!(server.me(taken), 401, "no waiting for its exp");
    let child = json!({"refresh_token": first.body["refresh_token"], "attempt": new_attempt()});
    let child = server.post("/v1/refresh", &child);
    assert_eq!((child.status, child.body["reason"].as_str()), (401, Some("refresh_token_reused")));
    let (_, reason) = File::of(place).row(look(stolen).0);
    assert_eq!(reason.as_deref(), Some("refresh_token_reused"));
}

#[test]
fn a_thief_with_the_token_alone_is_found_out_by_the_second_refresh() {
    let place = Place::new();
    let server = start_without_grace(&place);
    for thief_has_an_attempt in [true, false] {
        for thief_is_first in [true, false] {
            let victim = Client::log_in(&server, "alice");
            let other_login = Client::log_in(&server, "alice");
            // The session is keyed: whoever leaves the attempt out has no lives to take.
            victim.refresh(server.listen);
            let (stolen, access) = (victim.token(), victim.access());
            let mine = Some(victim.ask()["attempt"].as_str().unwrap().to_owned());
            let theirs = thief_has_an_attempt.then(new_attempt);
            let order = if thief_is_first { [theirs, mine] } else { [mine, theirs] };
            the_second_ends_it(&server, &place, &stolen, order);
            assert_eq!(server.me(&access), 401, "the access token from before the theft too");
            other_login.refresh(server.listen);
            assert_eq!(server.me(&other_login.access()), 200, "only what was stolen ends");
        }
    }
}

/// Whoever copies the store while a refresh is under way shares that one answer, and is caught at the next.
#[test]
fn a_thief_with_a_pending_attempt_is_found_out_one_refresh_later() {
    let place = Place::new();
    let server = start_without_grace(&place);
    let victim = Client::log_in(&server, "alice");
    let copied = victim.ask();
    let shared = server.post("/v1/refresh", &copied);
    let_the_grace_pass();
    victim.refresh(server.listen);
    assert_eq!(shared.body["refresh_token"], *victim.token(), "one child");
    let mine = Some(victim.ask()["attempt"].as_str().unwrap().to_owned());
    the_second_ends_it(&server, &place, &victim.token(), [Some(new_attempt()), mine]);
    assert_eq!(server.me(&victim.access()), 401);
}
