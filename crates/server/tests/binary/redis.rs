//! Sessions in Redis: a real server, commands beside it, and a Redis that forgets.

use std::io::Read;
use std::time::Duration;

use serde_json::json;

use super::common::skip::skip;
use super::common::*;
use super::load::{now, refused_within_the_bound, until};
use super::postgres::CONFIG;
use super::throwaway_redis::ThrowawayRedis;

/// A server that keeps its sessions in a Redis of its own, both with these settings more, and alice; `None`, said loudly,
/// where there is none to be had.
pub fn served(settings: &[&str], config: &str) -> Option<(ThrowawayRedis, Place, Server)> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let program = std::env::split_paths(&path).map(|folder| folder.join("redis-server"));
    let Some(program) = program.into_iter().find(|file| file.is_file()) else {
        skip("Redis", "apt-get install redis-server");
        return None;
    };
    let redis = ThrowawayRedis::start(&program, settings).unwrap();
    let place = Place::new();
    let url = redis.url();
    place.write("cloakroom.toml", &format!("{CONFIG}{config}[store]\nsessions = \"{url}\"\n"));
    assert_eq!(place.run(&["key", "generate"]).code, 0);
    let server = Server::start(place.command(&["serve", "--migrate"]));
    server.signup("alice");
    Some((redis, place, server))
}

#[test]
fn a_server_and_its_commands_share_the_sessions_in_redis() {
    let Some((redis, place, server)) = served(&[], "") else { return };
    let (one, other) = (server.login("alice", "session"), server.login("alice", "hybrid"));
    assert_eq!((server.me(&one), server.me(&other)), (200, 200));
    let listed = place.run(&["session", "list", "alice@example.com", "--output", "json"]).json();
    let ids: Vec<_> = listed.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 2);
    for id in ids {
        assert_eq!(place.run(&["session", "end", id]).code, 0);
    }
    refused_within_the_bound(&[server.listen], &[one, other]);
    let password = redis.url().split([':', '@']).nth(2).unwrap().to_owned();
    let shown = place.run(&["config", "show"]);
    assert!(shown.code == 0 && !shown.stdout.contains(&password), "{shown:?}");
}

#[test]
fn while_redis_is_away_an_account_is_logged_out_and_stays_so() {
    let Some((mut redis, place, server)) = served(&[], "") else { return };
    let token = server.login("alice", "session");
    assert_eq!(server.me(&token), 200);
    redis.kill().unwrap();
    let body = json!({"email": "alice@example.com", "password": PASSWORD, "strategy": "session", "transport": "body"});
    let unavailable = server.post("/v1/login", &body);
    assert_eq!((unavailable.status, unavailable.body["code"].as_str()), (503, Some("unavailable")));
    assert_eq!(place.run(&["revoke", "user", "alice@example.com"]).code, 0);
    let revoked = now();
    until("nobody is let in", || {
        let begun = revoked.elapsed();
        let status = server.me(&token);
        assert!(status != 200 || begun <= Duration::from_secs(2), "{begun:?}: it lives on");
        status != 200
    });
    redis.resume().unwrap();
    refused_within_the_bound(&[server.listen], &[token]);
    until("logins go on", || server.post("/v1/login", &body).status == 200);
}

#[test]
fn a_redis_that_may_throw_sessions_away_is_warned_of() {
    for (policy, warned) in [("allkeys-lru", true), ("noeviction", false)] {
        let Some((_redis, _place, mut server)) = served(&["--maxmemory-policy", policy], "") else { return };
        server.kill();
        let mut log = String::new();
        server.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        let line = log.lines().find(|line| line.contains("maxmemory-policy"));
        assert_eq!(
            line.is_some_and(|line| line.contains("noeviction") && line.contains(policy)),
            warned,
            "{log}"
        );
    }
}
