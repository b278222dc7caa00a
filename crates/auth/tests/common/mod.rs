//! A row and its user, as the rules of a test start with them.
#![expect(dead_code, unreachable_pub, reason = "each test binary uses its own part")]

use std::time::Duration;

use cloakroom_auth::email::Email;
use cloakroom_auth::password::PhcString;
use cloakroom_auth::refresh::Spent;
use cloakroom_auth::session::{RowSecret, RowStrategy, Session};
use cloakroom_auth::user::{Status, User};
use cloakroom_verify::{Roles, Rv, SessionId, Timestamp, Transport, UserId};

pub const HEAD: Rv = Rv::new(7, 100);
pub const GRACE: Duration = Duration::from_secs(10);
pub const LIVES: u32 = 3;
pub const HOUR: Duration = Duration::from_secs(3600);
pub const DAY: Duration = Duration::from_secs(86_400);

pub fn now() -> Timestamp {
    Timestamp::from_seconds(1_800_000_000)
}

pub fn user() -> User {
    let email = Email::parse("alice@example.com").expect("an email");
    User {
        id: UserId::from_bytes([1; 16]),
        email: email.typed,
        email_key: email.key,
        name: None,
        password_hash: PhcString::from_store(String::from("$argon2id$")),
        roles: Roles::default(),
        status: Status::Active,
        logins_ended: None,
        min_rv: Rv::ZERO,
        created_at: now(),
    }
}

pub fn row(strategy: RowStrategy) -> Session {
    Session {
        id: SessionId::from_bytes([2; 16]),
        user: user().id,
        strategy,
        transport: Transport::Body,
        remember: false,
        secret: RowSecret([3; 16]),
        generation: 0,
        floor: 0,
        spent: Spent::default(),
        keyed: false,
        strikes: 0,
        jkt: None,
        rv: HEAD,
        written_epoch: HEAD.epoch(),
        device: String::from("Firefox on Linux"),
        ip: None,
        user_agent: None,
        auth_time: now(),
        created_at: now(),
        last_used_at: now(),
        idle_timeout: 7 * DAY,
        expires_at: now().after(30 * DAY),
        revoked: None,
    }
}
