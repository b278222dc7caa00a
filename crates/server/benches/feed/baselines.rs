//! What people use instead, in the same run: what a check costs, and what it overlooks.

use std::collections::HashMap;
use std::time::Duration;

use cloakroom_verify::authenticate::{Authenticate, Proof};
use cloakroom_verify::clock::{BootInstant, Clock, SystemClock};
use cloakroom_verify::jwk::parse::public_keys;
use cloakroom_verify::jwt::{self, Rules};
use cloakroom_verify::keys::KeySet;
use cloakroom_verify::remote;
use redis::AsyncCommands;

use crate::http::Connection;
use crate::world::{ISSUER, World, at, log_in, log_out, until};

const LOGINS: usize = 100;
const CHECKS: usize = 20;
const TTL: Duration = Duration::from_secs(60);
/// A little more than the bound.
const LATER: Duration = Duration::from_millis(2100);

enum Contender {
    Ours(remote::Verifier),
    Introspection(Connection, String),
    TtlCache(Connection, String, HashMap<String, (BootInstant, bool)>),
    PlainJwt(KeySet, Rules),
    RedisGet(redis::aio::MultiplexedConnection),
}

pub async fn run() {
    let world = World::start();
    let verifier = world.verifiers(1).remove(0);
    until(|| verifier.ready()).await;
    let jwks = world.server.get("/.well-known/jwks.json", &[]).text;
    let keys = KeySet::new(public_keys(jwks.as_bytes()).expect("keys"));
    let mut contenders = vec![
        ("Cloakroom, session", "session", Contender::Ours(verifier.clone())),
        ("Cloakroom, access token", "jwt", Contender::Ours(verifier)),
        (
            "introspection per request",
            "session",
            Contender::Introspection(world.connection().await, world.key.clone()),
        ),
        (
            "introspection, cached 60 s",
            "session",
            Contender::TtlCache(world.connection().await, world.key.clone(), HashMap::new()),
        ),
        ("JWT by JWKS alone", "jwt", Contender::PlainJwt(keys, Rules::new(ISSUER, "cloakroom"))),
    ];
    match redis_connection().await {
        Some(redis) => contenders.push(("Redis GET per request", "session", Contender::RedisGet(redis))),
        None => println!("Redis is left out: name a server by CLOAKROOM_TEST_REDIS_URL"),
    }
    println!("\n{LOGINS} logins, {CHECKS} checks each; then every one is ended and checked again\n");
    println!(
        "| | check p50 us | p99 us | accepted right after its end | accepted {LATER:?} after | answered while the server stands still |"
    );
    println!("|---|--:|--:|--:|--:|--:|");
    for (name, strategy, contender) in &mut contenders {
        measure(&world, name, strategy, contender).await;
    }
}

async fn measure(world: &World, name: &str, strategy: &str, contender: &mut Contender) {
    let mut connection = world.connection().await;
    let mut tokens = Vec::new();
    for _ in 0..LOGINS {
        let token = log_in(&mut connection, strategy).await;
        contender.begins(&token).await;
        assert_eq!(contender.check(&token).await, Some(true), "{name}");
        tokens.push(token);
    }
    let mut took = Vec::new();
    for _ in 0..CHECKS {
        for token in &tokens {
            let begun = SystemClock.boot();
            let answer = contender.check(token).await;
            took.push(u64::try_from(SystemClock.boot().since(begun).as_nanos()).unwrap_or(u64::MAX));
            assert_eq!(answer, Some(true), "{name}");
        }
    }
    took.sort_unstable();
    // What a service can still say while nobody can be asked: within the bound.
    world.server.signal("STOP");
    let mut answered = 0;
    for token in &tokens {
        let answer = tokio::time::timeout(Duration::from_millis(5), contender.check(token)).await;
        answered += usize::from(matches!(answer, Ok(Some(true))));
    }
    world.server.signal("CONT");
    contender.anew(world).await;
    let (mut at_once, mut later) = (0, 0);
    for token in &tokens {
        log_out(&mut connection, token).await;
        contender.ends(token).await;
        at_once += usize::from(contender.check(token).await == Some(true));
    }
    tokio::time::sleep(LATER).await;
    for token in &tokens {
        later += usize::from(contender.check(token).await == Some(true));
    }
    let [p50, p99] = [50_000, 99_000].map(|part| at(&took, part) * 1e3);
    println!(
        "| {name} | {p50:.2} | {p99:.2} | {at_once} of {LOGINS} | {later} of {LOGINS} | {answered} of {LOGINS} |"
    );
}

impl Contender {
    /// Is told of a login, where that is its way.
    async fn begins(&mut self, token: &str) {
        if let Self::RedisGet(redis) = self {
            let () = redis.set(redis_key(token), 1).await.expect("it answers");
        }
    }

    /// Is told of its end, where that is its way.
    async fn ends(&mut self, token: &str) {
        if let Self::RedisGet(redis) = self {
            let () = redis.del(redis_key(token)).await.expect("it answers");
        }
    }

    /// A connection that was given up in the middle of an answer is no good.
    async fn anew(&mut self, world: &World) {
        match self {
            Self::Introspection(connection, _) | Self::TtlCache(connection, ..) => {
                *connection = world.connection().await
            }
            Self::Ours(_) | Self::PlainJwt(..) | Self::RedisGet(_) => {}
        }
    }

    /// `None`: it cannot tell.
    async fn check(&mut self, token: &str) -> Option<bool> {
        match self {
            Self::Ours(verifier) => Some(verifier.authenticate(Proof::Bearer(token)).await.is_ok()),
            Self::Introspection(connection, key) => introspect(connection, key, token).await,
            Self::TtlCache(connection, key, cache) => {
                let now = SystemClock.boot();
                if let Some((asked, active)) = cache.get(token).filter(|(asked, _)| now.since(*asked) < TTL) {
                    let _ = asked;
                    return Some(*active);
                }
                let active = introspect(connection, key, token).await?;
                cache.insert(token.to_owned(), (now, active));
                Some(active)
            }
            Self::PlainJwt(keys, rules) => Some(jwt::verify(token, keys, rules, SystemClock.wall()).is_ok()),
            Self::RedisGet(redis) => {
                redis.get(redis_key(token)).await.ok().map(|found: Option<u32>| found.is_some())
            }
        }
    }
}

async fn introspect(connection: &mut Connection, key: &str, token: &str) -> Option<bool> {
    let form = format!("token={token}");
    let kind = "application/x-www-form-urlencoded";
    let (status, body) = connection.post("/v1/introspect", key, kind, &form).await.ok()?;
    (status == 200).then(|| body.contains("\"active\":true"))
}

/// What others may have there is left alone.
fn redis_key(token: &str) -> String {
    format!("cloakroom-bench-feed:{token}")
}

async fn redis_connection() -> Option<redis::aio::MultiplexedConnection> {
    let client = redis::Client::open(std::env::var("CLOAKROOM_TEST_REDIS_URL").ok()?).ok()?;
    client.get_multiplexed_async_connection().await.ok()
}
