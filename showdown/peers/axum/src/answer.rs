//! What `GET /me` tells: the members that `GET /v1/me` of Cloakroom has, of the same length.

use serde::{Deserialize, Serialize};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// What `POST /signup` and `POST /login` are given.
#[derive(Deserialize)]
pub struct Credentials {
    pub email: String,
    pub name: Option<String>,
    pub password: Option<String>,
}

/// Told from a session.
#[derive(Serialize)]
pub struct Me {
    pub user: User,
    pub strategy: &'static str,
    pub session: Login,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct User {
    pub id: String,
    pub email: String,
    pub name: Option<String>,
    pub roles: Vec<String>,
    pub created_at: String,
}

#[derive(Serialize, Deserialize)]
pub struct Login {
    pub id: String,
    pub strategy: String,
    pub device: String,
    pub ip: Option<String>,
    pub created_at: String,
    pub last_used_at: String,
    pub expires_at: String,
    pub idle_expires_at: String,
    pub current: bool,
}

impl User {
    pub fn new(credentials: Credentials) -> Self {
        let Credentials { email, name, password: _ } = credentials;
        Self { id: id(), email, name, roles: Vec::new(), created_at: written(Duration::ZERO) }
    }
}

impl Login {
    pub fn new() -> Self {
        Self {
            id: id(),
            strategy: String::from("session"),
            device: String::from("Unknown device"),
            ip: Some(String::from("127.0.0.1")),
            created_at: written(Duration::ZERO),
            last_used_at: written(Duration::ZERO),
            expires_at: written(Duration::DAY),
            idle_expires_at: written(Duration::HOUR),
            current: true,
        }
    }
}

pub fn id() -> String {
    Uuid::now_v7().to_string()
}

fn written(from_now: Duration) -> String {
    let time = OffsetDateTime::now_utc() + from_now;
    let time = time.replace_millisecond(time.millisecond()).unwrap_or(time);
    time.format(&Rfc3339).unwrap_or_default()
}
