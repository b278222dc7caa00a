//! `/v1/feed/*`: what verifiers in other services ask of this one.

use axum::body::Body;
use cloakroom_auth::service_key::{Scope, ServiceKey};
use cloakroom_auth::session::EndReason;
use cloakroom_verify::authenticate::Found;
use cloakroom_verify::feed::wire::sync::{News, SyncAnswer};
use cloakroom_verify::feed::wire::{passport, snapshot};
use cloakroom_verify::{Event, OpaqueToken, Revocation, Rv, SessionId, TokenId};
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use secrecy::ExposeSecret;

use super::common::*;

pub async fn key(world: &World, name: &str, scopes: &[Scope]) -> Client {
    let (key, text) = ServiceKey::make(name.to_owned(), scopes.to_vec(), world.now());
    assert!(world.app().store.add_service_key(key).await.unwrap());
    world.anonymous().bearer(text.expose_secret())
}

/// As a verifier of this name, which knows everything up to `since`. It asks again if the store took too long.
pub async fn sync(service: &Client, name: &str, since: Option<Rv>) -> SyncAnswer {
    let position = since.map_or_else(String::new, |rv| format!("&epoch={}&since={}", rv.epoch(), rv.seq()));
    let question = format!("/v1/feed/sync?verifier={name}&bound=2000&nonce=n-1{position}");
    let (begun, mut answer) = (tokio::time::Instant::now(), service.get(&question).await);
    if answer.status == 503 && begun.elapsed() >= Duration::from_millis(300) {
        answer = service.get(&question).await;
    }
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    SyncAnswer::from_json(answer.text.as_bytes()).unwrap()
}

fn events(answer: &SyncAnswer) -> Vec<Revocation> {
    let News::Events(events) = &answer.news else { panic!("a snapshot: {answer:?}") };
    events.iter().map(|event| event.revocation.clone()).collect()
}

/// As another process would.
async fn end(world: &World, client: &Client) -> SessionId {
    let id: SessionId = client.grant["session"]["id"].as_str().unwrap().parse().unwrap();
    world.app().store.end(id, None, EndReason::EndedByAdmin, world.now()).await.unwrap();
    id
}

/// Longer than a round is shared.
fn later(world: &World) {
    world.advance(Duration::from_millis(20));
}

#[tokio::test]
async fn a_sync_tells_what_happened_since_and_up_to_where() {
    let world = World::new().await;
    let service = key(&world, "shop", &[Scope::Feed]).await;
    let alice = world.login("alice", Way::SessionHeader).await;
    let before = sync(&service, "v1", None).await;
    assert_eq!((events(&before), before.nonce.as_str()), (vec![], "n-1"));
    assert_eq!((before.bound, before.age), (Duration::from_secs(2), Duration::ZERO));
    assert_eq!(before.server_time, world.now());
    assert!(before.retain >= Duration::from_secs(900));
    let id = end(&world, &alice).await;
    later(&world);
    let after = sync(&service, "v1", Some(before.head)).await;
    assert_eq!(events(&after), [Revocation::SessionRevoked(id)]);
    assert_eq!(after.head, before.head.next());
    later(&world);
    assert_eq!(events(&sync(&service, "v1", Some(after.head)).await), []);
    assert_eq!(events(&sync(&service, "v2", None).await), [Revocation::SessionRevoked(id)]);
}

#[tokio::test]
async fn only_a_live_key_with_the_scope_may_ask_and_only_what_makes_sense() {
    let world = World::new().await;
    let feed = key(&world, "feed", &[Scope::Feed]).await;
    let other = key(&world, "other", &[Scope::Introspect, Scope::Revoke, Scope::Admin]).await;
    let admin = world.login("admin", Way::SessionBearer).await;
    let question = "/v1/feed/sync?verifier=v&bound=2000&nonce=n";
    for path in [question, "/v1/feed/stream", "/v1/feed/snapshot"] {
        world.anonymous().get(path).await.assert_problem(401, "unauthenticated");
        admin.get(path).await.assert_problem(401, "invalid_token");
        let forged = world.anonymous().bearer(&format!("cka_{}", "A".repeat(64)));
        forged.get(path).await.assert_problem(401, "invalid_token");
        let answer = other.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (403, "forbidden"));
        assert!(answer.header("www-authenticate").unwrap().contains("insufficient_scope"));
    }
    for garbage in [
        "",
        "verifier=v&bound=2000",
        "verifier=v&bound=many&nonce=n",
        "verifier=v&bound=2000&nonce=n&epoch=-1&since=0",
        "verifier=v&bound=2000&nonce=n&depth=1",
        "verifier=v&verifier=w&bound=2000&nonce=n",
    ] {
        let answer = feed.get(&format!("/v1/feed/sync?{garbage}")).await;
        answer.assert_problem(400, "invalid_request");
    }
    for (query, field) in [
        ("verifier=a%20b&bound=2000&nonce=n", "verifier"),
        ("verifier=v&bound=2000&nonce=", "nonce"),
        ("verifier=v&bound=0&nonce=n", "bound"),
        ("verifier=v&bound=2000&nonce=n&epoch=1", "since"),
        ("verifier=v&bound=2000&nonce=n&epoch=4294967295&since=0", "since"),
    ] {
        feed.get(&format!("/v1/feed/sync?{query}")).await.assert_field(field, "invalid");
    }
    for id in ["x", "1", "1.x", "4294967295.1", "1.2.3"] {
        let answer = feed.clone().with("last-event-id", id).get("/v1/feed/stream").await;
        answer.assert_problem(400, "invalid_request");
    }
}

#[tokio::test]
async fn without_its_store_there_is_no_old_answer() {
    let world = World::new().await;
    let service = key(&world, "shop", &[Scope::Feed]).await;
    for _ in 0..crate::REPLICAS {
        sync(&service, "v1", None).await;
    }
    world.break_store();
    later(&world);
    let question = "/v1/feed/sync?verifier=v1&bound=2000&nonce=n";
    for _ in 0..2 {
        service.get(question).await.assert_problem(503, "unavailable");
        service.get("/v1/feed/snapshot").await.assert_problem(503, "unavailable");
    }
    world.advance(Duration::from_secs(3));
    service.get(question).await.assert_problem(503, "unavailable");
    world.mend_store();
    sync(&service, "v1", None).await;
}

#[tokio::test]
async fn who_asks_together_shares_a_round_and_no_key_is_read_again() {
    let world = World::new().await;
    let service = key(&world, "shop", &[Scope::Feed]).await;
    for _ in 0..crate::REPLICAS {
        sync(&service, "v", None).await;
    }
    world.sql("ALTER TABLE service_keys RENAME TO gone_keys");
    let before = world.app.follower.rounds();
    let asked: Vec<_> = (0..64)
        .map(|n| {
            let service = service.clone();
            tokio::spawn(async move { sync(&service, &format!("v{n}"), None).await })
        })
        .collect();
    for answer in asked {
        assert_eq!(answer.await.unwrap().age, Duration::ZERO);
    }
    if crate::REPLICAS == 1 {
        let rounds = world.app.follower.rounds() - before;
        assert!((1..=3).contains(&rounds), "{rounds} rounds for 64 questions");
    }
    world.sql("ALTER TABLE gone_keys RENAME TO service_keys");
}

#[tokio::test]
async fn a_known_verifier_shares_the_last_round_by_its_age_and_a_new_one_does_not() {
    let world = World::new().await;
    let service = key(&world, "shop", &[Scope::Feed]).await;
    let alice = world.login("alice", Way::SessionHeader).await;
    for _ in 0..crate::REPLICAS {
        sync(&service, "known", None).await;
    }
    let id = end(&world, &alice).await;
    if crate::REPLICAS == 1 {
        // The round began before the end of the session; so did what its answer is credited to.
        world.advance(Duration::from_millis(4));
        let shared = sync(&service, "known", None).await;
        assert_eq!((events(&shared), shared.age), (vec![], Duration::from_millis(4)));
    }
    // Nobody waits for one who is not registered: it must not be vouched to by what was read before it was.
    let new = sync(&service, "new", None).await;
    assert_eq!((events(&new), new.age), (vec![Revocation::SessionRevoked(id)], Duration::ZERO));
}

#[tokio::test]
async fn another_epoch_is_told_whole() {
    let world = World::new().await;
    let service = key(&world, "shop", &[Scope::Feed]).await;
    let alice = world.login("alice", Way::SessionHeader).await;
    let id = end(&world, &alice).await;
    let before = sync(&service, "v1", None).await;
    world.sql("UPDATE feed_head SET head = ((head >> 32) + 1) << 32");
    later(&world);
    let after = sync(&service, "v1", Some(before.head)).await;
    assert!(after.head.epoch() > before.head.epoch());
    assert_eq!(events(&after), [Revocation::SessionRevoked(id)], "every live event at all");
}

#[tokio::test]
async fn a_snapshot_brings_everything_that_is_live() {
    let world = World::new().await;
    let service = key(&world, "shop", &[Scope::Feed]).await;
    let alice = world.login("alice", Way::SessionHeader).await;
    let id = end(&world, &alice).await;
    let user = world.user("alice").await.id;
    world.app().end_all(user, None, EndReason::EndedByAdmin, world.now()).await.unwrap();
    let answer = service.get("/v1/feed/snapshot").await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("content-type"), Some(snapshot::MEDIA_TYPE));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let mut lines = answer.text.lines();
    let head = snapshot::SnapshotHead::from_line(lines.next().unwrap()).unwrap();
    let told: Vec<_> = lines.map(|line| snapshot::from_line(line).unwrap().revocation).collect();
    assert_eq!(told, [Revocation::SessionRevoked(id), Revocation::UserBefore(user)]);
    assert_eq!((head.entries, head.head().seq()), (2, 2));
}

#[tokio::test]
async fn slow_readers_keep_nobody_out_while_a_sync_goes_on_from_what_they_read() {
    let world = World::new().await;
    let doors = Doors::of(&world.apps()[..1]);
    let mut open = Vec::new();
    for name in ["one", "two", "three", "four"] {
        let service = key(&world, name, &[Scope::Feed]).await;
        let mut request = Request::builder().uri("/v1/feed/snapshot");
        for (name, value) in &service.headers {
            request = request.header(name, value);
        }
        // Nobody reads it.
        let response = doors.answer(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::OK, "{name}");
        open.push(response);
        world.advance(Duration::from_secs(60));
        tell(&world, 1 + open.len() as u8, 1).await;
    }
    let first = open.swap_remove(0).into_body().collect().await.unwrap().to_bytes();
    assert!(first.starts_with(b"{"), "whoever reads it at last gets it");
}

/// An open stream, read event by event.
struct Stream {
    body: Body,
    /// What has come of it and is not read yet.
    rest: String,
}

impl Stream {
    async fn open(service: &Client, last: Option<Rv>) -> Self {
        let mut request = Request::builder().uri("/v1/feed/stream");
        for (name, value) in &service.headers {
            request = request.header(name, value);
        }
        if let Some(last) = last {
            request = request.header("last-event-id", format!("{}.{}", last.epoch(), last.seq()));
        }
        let response = service.doors.answer(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: response.into_body(), rest: String::new() }
    }

    /// The next event, whole, and no comment; `None` at the end.
    async fn next(&mut self) -> Option<String> {
        loop {
            while let Some(end) = self.rest.find("\n\n") {
                let event: String = self.rest.drain(..end + 2).collect();
                if !event.starts_with(':') {
                    return Some(event);
                }
            }
            let frame = tokio::time::timeout(Duration::from_secs(20), self.body.frame()).await;
            let bytes = frame.expect("it goes on or ends")?.unwrap().into_data().unwrap();
            self.rest.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }
}

fn ids(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.strip_prefix("id: ")).collect()
}

#[tokio::test]
async fn a_revocation_appears_in_the_stream_and_a_stream_goes_on_where_it_was() {
    let world = World::new().await;
    let service = key(&world, "shop", &[Scope::Feed]).await;
    let logins = [world.login("alice", Way::SessionHeader).await, world.login("alice", Way::Jwt).await];
    let start = sync(&service, "v1", None).await.head;
    let mut stream = Stream::open(&service, None).await;
    let id = end(&world, &logins[0]).await;
    world.follow().await;
    let first = start.next();
    let name = |rv: Rv| format!("{}.{}", rv.epoch(), rv.seq());
    let told = stream.next().await.unwrap();
    assert_eq!(ids(&told), [name(first)]);
    assert!(told.contains(&id.to_string()) && told.ends_with("\n\n"), "{told}");
    drop(stream);
    let user = world.user("alice").await.id;
    world.app().end_all(user, None, EndReason::EndedByAdmin, world.now()).await.unwrap();
    world.follow().await;
    let mut resumed = Stream::open(&service, Some(first)).await;
    let missed = resumed.next().await.unwrap();
    assert_eq!(ids(&missed), [name(first.next())], "what was missed, once");
    world.disable("mallory").await;
    world.follow().await;
    assert_eq!(ids(&resumed.next().await.unwrap()), [name(first.next().next())], "and goes on");
}

/// `n` events that another process tells of.
async fn tell(world: &World, from: u8, n: u16) {
    for number in 0..n {
        let mut id = [from; 16];
        id[..2].copy_from_slice(&number.to_be_bytes());
        let revocation = Revocation::TokenRevoked(TokenId::from_bytes(id));
        world.app().store.append(revocation, None, world.now()).await.unwrap();
    }
    world.follow().await;
}

#[tokio::test]
async fn a_stream_replays_256_events_and_to_one_who_missed_more_nothing() {
    let world = World::new().await;
    let service = key(&world, "shop", &[Scope::Feed]).await;
    let start = sync(&service, "v1", None).await.head;
    tell(&world, 1, 256).await;
    let mut close = Stream::open(&service, Some(start)).await;
    for seq in 1..=256 {
        let event = format!("{}.{}", start.epoch(), start.seq() + seq);
        assert_eq!(ids(&close.next().await.unwrap()), [event]);
    }
    tell(&world, 2, 1).await;
    let mut far = Stream::open(&service, Some(start)).await;
    tell(&world, 3, 1).await;
    let newest = format!("{}.{}", start.epoch(), start.seq() + 258);
    assert_eq!(ids(&far.next().await.unwrap()), [newest], "it asks for the others");
}

#[tokio::test]
async fn a_revocation_of_this_process_rings_at_once() {
    let world = World::new().await;
    let user = world.user("alice").await.id;
    world.app().end_all(user, None, EndReason::EndedByAdmin, world.now()).await.unwrap();
    let rung = tokio::time::timeout(Duration::from_secs(5), world.app().doorbell.rung()).await;
    assert!(rung.is_ok(), "the next turn is not waited for");
}

#[tokio::test]
async fn who_is_too_far_behind_is_cut_off_and_so_is_everybody_at_the_end() {
    let world = World::new().await;
    let service = key(&world, "shop", &[Scope::Feed]).await;
    // The first server answers the first request.
    let mut behind = Stream::open(&service, None).await;
    assert_eq!(world.app.streams.count(), 1);
    let event = Event {
        rv: Rv::new(1, 1),
        revocation: Revocation::SessionRevoked(SessionId::from_bytes([1; 16])),
        keep_until: world.now(),
    };
    (0..300).for_each(|_| world.app.streams.push(std::slice::from_ref(&event)));
    assert_eq!(behind.next().await, None, "it comes back with what it knew last");
    drop(behind);
    assert_eq!(world.app.streams.count(), 0);
    let mut open = [Stream::open(&service, None).await, Stream::open(&service, None).await];
    world.drain();
    for stream in &mut open {
        assert_eq!(stream.next().await, None);
    }
}

#[tokio::test]
async fn a_stream_outlives_its_database() {
    let world = World::new().await;
    let service = key(&world, "shop", &[Scope::Feed]).await;
    let alice = world.login("alice", Way::SessionHeader).await;
    let mut stream = Stream::open(&service, None).await;
    world.break_store();
    world.advance(Duration::from_secs(10));
    service.get("/v1/feed/sync?verifier=v&bound=2000&nonce=n").await.assert_problem(503, "unavailable");
    world.mend_store();
    end(&world, &alice).await;
    world.follow().await;
    assert!(stream.next().await.unwrap().contains("session_revoked"));
}

#[tokio::test]
async fn a_revoked_key_closes_its_streams_and_is_refused() {
    let world = World::new().await;
    let revoked = key(&world, "revoked", &[Scope::Feed]).await;
    let other = key(&world, "other", &[Scope::Feed]).await;
    for _ in 0..crate::REPLICAS {
        sync(&revoked, "v1", None).await;
    }
    let mut streams = Vec::new();
    for service in [&revoked, &revoked, &other, &other] {
        streams.push(Stream::open(service, None).await);
    }
    // Another process did it.
    world.app().store.revoke_service_key("revoked", world.now()).await.unwrap().unwrap();
    later(&world);
    // The round that would answer it tells of the revocation.
    let question = "/v1/feed/sync?verifier=v1&bound=2000&nonce=n";
    revoked.get(question).await.assert_problem(401, "invalid_token");
    world.follow().await;
    for (number, stream) in streams.iter_mut().enumerate() {
        assert!(stream.next().await.unwrap().contains("service_key_revoked"));
        if number < 2 {
            assert_eq!(stream.next().await, None);
        }
    }
    for path in [question, "/v1/feed/stream", "/v1/feed/snapshot"] {
        revoked.get(path).await.assert_problem(401, "invalid_token");
    }
    sync(&other, "v1", None).await;
}

async fn touch(service: &Client, session: &str, at: &str) -> Answer {
    service.post("/v1/feed/touch", json!([{"session": session, "at": at}])).await
}

#[tokio::test]
async fn a_use_elsewhere_keeps_a_session_and_never_wakes_one() {
    let world = World::with(&[("session.idle_timeout", "10m")]).await;
    let service = key(&world, "shop", &[Scope::Feed]).await;
    let alice = world.login("alice", Way::SessionHeader).await;
    let id = alice.grant["session"]["id"].as_str().unwrap().to_owned();
    let found = || async {
        let found = world.app().store.find(id.parse().unwrap()).await.unwrap().unwrap();
        found.session.last_used_at
    };
    world.advance(Duration::from_secs(9 * 60));
    // Time of a wrong clock is time of ours.
    assert_eq!(touch(&service, &id, "2100-01-01T00:00:00.000Z").await.status, 204);
    assert_eq!(found().await, world.now());
    world.advance(Duration::from_secs(9 * 60));
    assert_eq!(alice.get("/v1/me").await.status, 200, "it was used elsewhere");
    let other = world.login("alice", Way::SessionHeader).await;
    let id = other.grant["session"]["id"].as_str().unwrap().to_owned();
    let asleep = world.now().after(Duration::from_secs(601));
    world.advance(Duration::from_secs(700));
    let at = cloakroom::view::rfc3339(asleep);
    assert_eq!(touch(&service, &id, &at).await.status, 204);
    other.get("/v1/me").await.assert_problem(401, "invalid_token");
}

#[tokio::test]
async fn uses_that_make_no_sense_are_refused() {
    let world = World::new().await;
    let service = key(&world, "shop", &[Scope::Feed]).await;
    let id = "01900000-0000-7000-8000-000000000000";
    let at = "2027-01-15T08:00:00.000Z";
    assert_eq!(touch(&service, id, at).await.status, 204, "an unknown session says nothing");
    let many = vec![json!({"session": id, "at": at}); 501];
    service.post("/v1/feed/touch", json!(many)).await.assert_field("body", "too_many");
    assert_eq!(service.post("/v1/feed/touch", json!([])).await.status, 204);
    touch(&service, "nobody", at).await.assert_problem(422, "validation_failed");
    touch(&service, id, "yesterday").await.assert_problem(422, "validation_failed");
    service.post("/v1/feed/touch", json!({"session": id})).await.assert_problem(422, "validation_failed");
    let body = || Body::from("[");
    let answer = service.send(Method::POST, "/v1/feed/touch", "application/json", body()).await;
    answer.assert_problem(400, "invalid_request");
    let answer = service.send(Method::POST, "/v1/feed/touch", "text/plain", body()).await;
    answer.assert_problem(415, "unsupported_media_type");
    let other = key(&world, "other", &[Scope::Introspect]).await;
    assert_eq!(touch(&other, id, at).await.status, 403);
}

#[tokio::test]
async fn who_follows_the_feed_may_remember_a_session() {
    let world = World::new().await;
    let service = key(&world, "shop", &[Scope::Introspect, Scope::Feed]).await;
    let plain = key(&world, "plain", &[Scope::Introspect]).await;
    let introspect = |service: &Client, token: &str| {
        let (service, body) = (service.clone(), Body::from(format!("token={token}")));
        async move {
            service.send(Method::POST, "/v1/introspect", "application/x-www-form-urlencoded", body).await
        }
    };
    let alice = world.login("alice", Way::SessionHeader).await;
    let text = alice.text("session_token");
    let token = OpaqueToken::parse(&text).unwrap();
    let told = introspect(&service, &text).await;
    let Ok(Found::Valid(fill)) = passport::found(told.text.as_bytes(), &token, world.now()) else {
        panic!("{}", told.text)
    };
    let row = world.app().store.find(token.session).await.unwrap().unwrap();
    assert_eq!((fill.generation, fill.as_of), (row.session.generation, row.as_of.head()));
    assert_eq!((fill.last_used_at, fill.expires_at), (row.session.last_used_at, row.session.expires_at));
    assert_eq!((fill.principal.user, fill.principal.rv), (row.user.id, row.session.rv));
    assert_eq!(fill.fill_until, world.now().after(Duration::from_secs(900)));
    assert_eq!(introspect(&plain, &text).await.body.get("passport"), None, "it could not know when it ends");
    let hybrid = world.login("alice", Way::Hybrid).await;
    for name in ["access_token", "refresh_token"] {
        let told = introspect(&service, &hybrid.text(name)).await;
        assert_eq!((&told.body["active"], told.body.get("passport")), (&json!(true), None), "{name}");
    }
    end(&world, &alice).await;
    let told = introspect(&service, &text).await;
    assert_eq!(told.text, r#"{"active":false}"#, "by the store, not by memory");
}
