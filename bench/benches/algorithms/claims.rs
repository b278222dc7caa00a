//! The claims of one access token, as every contender writes and reads them.

use cloakroom_verify::clock::{Clock, SystemClock};
use serde::{Deserialize, Serialize};

pub const ISSUER: &str = "https://auth.example.com";
pub const AUDIENCE: &str = "cloakroom";
pub const LEEWAY: u64 = 5;
pub const TYPE: &str = "at+jwt";

/// What `jwt-simple` has no names of its own for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Private {
    pub rv: String,
    pub client_id: String,
    pub auth_time: u64,
    pub amr: Vec<String>,
    pub roles: Vec<String>,
    pub email: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claims {
    pub iss: String,
    pub aud: Vec<String>,
    pub sub: String,
    pub iat: u64,
    pub exp: u64,
    pub jti: String,
    pub rv: String,
    pub client_id: String,
    pub auth_time: u64,
    pub amr: Vec<String>,
    pub roles: Vec<String>,
    pub email: Option<String>,
}

impl Claims {
    pub fn new() -> Self {
        let now = u64::try_from(SystemClock.wall().as_seconds()).expect("after 1970");
        let Private { rv, client_id, auth_time, amr, roles, email } = Private::new();
        Self {
            iss: ISSUER.into(),
            aud: vec![AUDIENCE.into()],
            sub: "01010101-0101-0101-0101-010101010101".into(),
            iat: now,
            exp: now + 900,
            jti: "09090909-0909-0909-0909-090909090909".into(),
            rv,
            client_id,
            auth_time,
            amr,
            roles,
            email,
        }
    }
}

impl Private {
    pub fn new() -> Self {
        Self {
            rv: "0000000700000000".into(),
            client_id: "cloakroom".into(),
            auth_time: u64::try_from(SystemClock.wall().as_seconds()).expect("after 1970"),
            amr: vec!["pwd".into()],
            roles: vec!["editor".into()],
            email: Some("alice@example.com".into()),
        }
    }
}
