//! What must not move a row: every bad refresh token, and a store that is down.
//!
//! Rows are read from the database itself, before and after: an answer alone does not tell what was written.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::common::*;

/// Where the fields of an opaque token begin.
const GENERATION: usize = 1 + 16;
const MAC: usize = GENERATION + 4;

fn bytes(token: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(&token[4..]).unwrap()
}

fn text(prefix: &str, bytes: &[u8]) -> String {
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// Refuses it in the body and in the cookie, with an attempt and without, and says nothing of why.
async fn refused(world: &World, token: &str) {
    for attempt in [None, Some("0123456789abcdef")] {
        let nobody = world.anonymous();
        let body = json!({"refresh_token": token, "attempt": attempt});
        let in_cookie = nobody.clone().with("cookie", &format!("__Host-cloakroom-refresh={token}"));
        for answer in [
            nobody.post("/v1/refresh", body).await,
            in_cookie.post("/v1/refresh", json!({"attempt": attempt})).await,
        ] {
            answer.assert_problem(401, "invalid_grant");
            assert!(answer.body["reason"].is_null(), "{token}: {}", answer.text);
        }
    }
}

/// Alice's two logins, and mallory's: all of their rows must stay as they are.
async fn logins(world: &World) -> [Client; 3] {
    [
        world.login("alice", Way::Hybrid).await,
        world.login("alice", Way::SessionHeader).await,
        world.login("mallory", Way::Hybrid).await,
    ]
}

async fn still_refreshes(world: &World, client: &Client) {
    let body = json!({"refresh_token": client.refresh_token});
    let answer = world.anonymous().post("/v1/refresh", body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test]
async fn a_token_of_another_kind_moves_no_row() {
    let world = World::new().await;
    let [hybrid, session, mallory] = logins(&world).await;
    let before = world.session_rows();
    let (refresh_token, session_token) = (hybrid.text("refresh_token"), session.text("session_token"));
    for token in [
        session_token.clone(),
        text("ckr_", &bytes(&session_token)),
        text("cks_", &bytes(&refresh_token)),
        text("cka_", &bytes(&refresh_token)),
        hybrid.text("access_token"),
        // The beginning of one and the mac of another.
        text(
            "ckr_",
            &[&bytes(&refresh_token)[..MAC], &bytes(&mallory.text("refresh_token"))[MAC..]].concat(),
        ),
    ] {
        refused(&world, &token).await;
    }
    assert_eq!(world.session_rows(), before);
    still_refreshes(&world, &hybrid).await;
}

#[tokio::test]
async fn a_token_cut_at_either_end_moves_no_row() {
    let world = World::new().await;
    let [hybrid, ..] = logins(&world).await;
    let before = world.session_rows();
    let token = hybrid.text("refresh_token");
    for cut in 1..token.len() {
        refused(&world, &token[..token.len() - cut]).await;
        refused(&world, &token[cut..]).await;
    }
    // As bytes under the text, too: each is spelled as a token would be.
    let whole = bytes(&token);
    for cut in 1..whole.len() {
        refused(&world, &text("ckr_", &whole[..whole.len() - cut])).await;
    }
    refused(&world, &text("ckr_", &[&whole[..], &[0]].concat())).await;
    assert_eq!(world.session_rows(), before);
    still_refreshes(&world, &hybrid).await;
}

#[tokio::test]
async fn a_flipped_bit_moves_no_row() {
    let world = World::new().await;
    let [hybrid, ..] = logins(&world).await;
    let before = world.session_rows();
    let token = hybrid.text("refresh_token");
    let whole = bytes(&token);
    // The first byte names the key: an unknown one is told to wait until the keys were read again, then refused.
    for bit in (0..8).flat_map(|bit| [bit; crate::REPLICAS]) {
        let mut other_key = whole.clone();
        other_key[0] ^= 1 << bit;
        let body = json!({"refresh_token": text("ckr_", &other_key)});
        world.anonymous().post("/v1/refresh", body).await.assert_problem(503, "unavailable");
    }
    assert_eq!(world.session_rows(), before);
    world.look_at_keys().unwrap();
    for bit in 0..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        refused(&world, &text("ckr_", &flipped)).await;
    }
    // Bits of the text that no byte under it has: a second spelling is no token.
    for bit in 0..4 {
        const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let last = DIGITS.iter().position(|digit| token.ends_with(*digit as char)).unwrap();
        let other = DIGITS[last ^ (1 << bit)] as char;
        refused(&world, &format!("{}{other}", &token[..token.len() - 1])).await;
    }
    assert_eq!(world.session_rows(), before);
    still_refreshes(&world, &hybrid).await;
}

#[tokio::test]
async fn a_generation_that_was_never_given_out_moves_no_row() {
    let world = World::new().await;
    let [hybrid, ..] = logins(&world).await;
    let before = world.session_rows();
    let token = hybrid.text("refresh_token");
    for ahead in [1_u32, 2, 64, 65, 1 << 16, u32::MAX] {
        let mut future = bytes(&token);
        let generation = u32::from_be_bytes(future[GENERATION..MAC].try_into().unwrap());
        future[GENERATION..MAC].copy_from_slice(&generation.wrapping_add(ahead).to_be_bytes());
        refused(&world, &text("ckr_", &future)).await;
    }
    assert_eq!(world.session_rows(), before);
    still_refreshes(&world, &hybrid).await;
}

/// The mac of such a token is right, which no forger can do: the row itself went back in time, in the same epoch.
#[tokio::test]
async fn an_authentic_token_ahead_of_its_row_moves_no_row() {
    let world = World::new().await;
    if crate::SESSIONS_IN_REDIS {
        // The suite of the store does that to a row there.
        return;
    }
    let [hybrid, ..] = logins(&world).await;
    let body = json!({"refresh_token": hybrid.refresh_token});
    let child = world.anonymous().post("/v1/refresh", body).await.text_at("refresh_token");
    let rotated = world.session_rows();
    world.sql("UPDATE sessions SET generation = generation - 1 WHERE strategy = 'hybrid' AND generation > 0");
    let before = world.session_rows();
    assert_ne!(before, rotated);
    refused(&world, &child).await;
    assert_eq!(world.session_rows(), before);
    still_refreshes(&world, &hybrid).await;
}

#[tokio::test]
async fn a_refresh_token_from_before_an_exchange_moves_no_row() {
    let world = World::new().await;
    let [hybrid, ..] = logins(&world).await;
    let token = hybrid.text("refresh_token");
    let exchange = json!({"strategy": "session", "transport": "body", "refresh_token": token});
    let session = world.anonymous().post("/v1/exchange", exchange).await;
    let before = world.session_rows();
    refused(&world, &token).await;
    assert_eq!(world.session_rows(), before);
    assert_eq!(world.client_of(&session, Way::SessionHeader).get("/v1/me").await.status, 200);
}

#[tokio::test]
async fn a_store_that_is_down_is_503_and_clears_nothing() {
    let world = World::new().await;
    let hybrid = world.login("alice", Way::HybridCookie).await;
    let before = world.session_rows();
    let cookie = format!("__Host-cloakroom-refresh={}", hybrid.refresh_token.clone().unwrap());
    let browser = world.anonymous().with("cookie", &cookie);
    world.break_store();
    for _ in 0..3 {
        let answer = browser.post("/v1/refresh", json!({"attempt": "0123456789abcdef"})).await;
        answer.assert_problem(503, "unavailable");
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    world.mend_store();
    assert_eq!(world.session_rows(), before);
    let answer = browser.post("/v1/refresh", json!({"attempt": "0123456789abcdef"})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

/// Nothing that a thief, a late duplicate or a stranger does takes the cookie from the browser that holds the child.
#[tokio::test]
async fn a_refused_refresh_never_touches_the_cookie() {
    let world = World::new().await;
    let hybrid = world.login("alice", Way::HybridCookie).await;
    let send = |token: String, attempt: &'static str| {
        let browser = world.anonymous().with("cookie", &format!("__Host-cloakroom-refresh={token}"));
        async move { browser.post("/v1/refresh", json!({"attempt": attempt})).await }
    };
    let parent = hybrid.refresh_token.unwrap();
    let child = send(parent.clone(), "the-first-attempt").await;
    let child = world.client_of(&child, Way::HybridCookie).refresh_token.unwrap();
    send(child.clone(), "the-second-attempt").await;
    // A late duplicate; `assert_problem` looks for cookies.
    send(parent.clone(), "the-first-attempt").await.assert_problem(401, "invalid_grant");
    world.advance(Duration::from_secs(11));
    let theft = send(child.clone(), "attempt-of-a-thief").await;
    theft.assert_problem(401, "invalid_grant");
    assert_eq!(theft.body["reason"], "refresh_token_reused");
    send(child, "the-second-attempt").await.assert_problem(401, "invalid_grant");
}
