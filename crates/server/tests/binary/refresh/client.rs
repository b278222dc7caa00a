//! A client as docs/refresh.md demands: token and attempt in one store that all its tabs share.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::common::*;

/// Never the same twice in one run.
pub fn new_attempt() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("attempt-number-{:08}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// The session and the generation that a refresh token names.
pub fn look(token: &str) -> (Uuid, u32) {
    let bytes = URL_SAFE_NO_PAD.decode(token.strip_prefix("ckr_").unwrap()).unwrap();
    (Uuid::from_slice(&bytes[1..17]).unwrap(), u32::from_be_bytes(bytes[17..21].try_into().unwrap()))
}

#[derive(Debug, Clone)]
struct Kept {
    token: String,
    /// Made before the first send of this token, gone with it.
    attempt: Option<String>,
    access: String,
}

/// One login.
#[derive(Debug)]
pub struct Client(Mutex<Kept>);

impl Client {
    pub fn log_in(server: &Server, name: &str) -> Self {
        let email = format!("{name}@example.com");
        let signup = server.post("/v1/signup", &json!({"email": email, "password": PASSWORD})).status;
        assert!(signup == 201 || signup == 409);
        let login = json!({"email": email, "password": PASSWORD, "strategy": "hybrid", "transport": "body"});
        let reply = server.post("/v1/login", &login);
        assert_eq!(reply.status, 200, "{reply:?}");
        Self(Mutex::new(Kept {
            token: text(&reply, "refresh_token"),
            attempt: None,
            access: text(&reply, "access_token"),
        }))
    }

    pub fn session(&self) -> Uuid {
        look(&self.token()).0
    }

    pub fn generation(&self) -> u32 {
        look(&self.token()).1
    }

    pub fn token(&self) -> String {
        self.0.lock().unwrap().token.clone()
    }

    pub fn access(&self) -> String {
        self.0.lock().unwrap().access.clone()
    }

    /// What to send: the attempt is put where all tabs see it, unless another tab did, before anything is sent.
    pub fn ask(&self) -> Value {
        let mut kept = self.0.lock().unwrap();
        let attempt = kept.attempt.get_or_insert_with(new_attempt).clone();
        json!({"refresh_token": kept.token, "attempt": attempt})
    }

    /// Stores the child in place of the token that was asked with, attempt and all; a straggler changes nothing.
    pub fn keep(&self, asked: &Value, reply: &Reply) {
        assert_eq!(reply.status, 200, "an honest client is never logged out: {reply:?}");
        let child = text(reply, "refresh_token");
        let mut kept = self.0.lock().unwrap();
        if asked["refresh_token"] == *kept.token {
            assert_eq!(look(&child).1, look(&kept.token).1 + 1, "one lineage");
            *kept = Kept { token: child, attempt: None, access: text(reply, "access_token") };
        }
    }

    /// One try. Without a whole answer nothing is known, and nothing changes.
    pub fn try_refresh(&self, to: SocketAddr) -> Option<Reply> {
        let asked = self.ask();
        let reply = try_post(to, "/v1/refresh", &asked).ok()?;
        self.keep(&asked, &reply);
        Some(reply)
    }

    /// Tries until it is answered.
    pub fn refresh(&self, to: SocketAddr) {
        let answered = (0..20).find_map(|_| self.try_refresh(to));
        assert!(answered.is_some(), "never answered");
    }
}

fn text(reply: &Reply, member: &str) -> String {
    reply.body[member].as_str().unwrap_or_else(|| panic!("no {member}: {reply:?}")).to_owned()
}
