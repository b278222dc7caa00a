//! jsonwebtoken, HS256: keys and rules are made once, issuer and audience are checked, as Cloakroom does.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::State;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

use crate::accounts::Accounts;
use crate::answer::{self, Credentials, id};

const ISSUER: &str = "https://auth.example.com";
const AUDIENCE: &str = "cloakroom";
/// Where the environment has no `SECRET`.
const SECRET: &str = "a secret for measurements, and for nothing else";

struct Tokens {
    accounts: Accounts,
    lifetime: u64,
    sign: EncodingKey,
    verify: DecodingKey,
    rules: Validation,
}

/// What Cloakroom puts into an access token without a row.
#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: Vec<String>,
    sub: String,
    iat: u64,
    exp: u64,
    jti: String,
    client_id: String,
    auth_time: u64,
    amr: Vec<String>,
    roles: Vec<String>,
    email: String,
    name: Option<String>,
}

#[derive(Serialize)]
struct Granted {
    access_token: String,
}

#[derive(Serialize)]
struct Me {
    user: User,
    strategy: &'static str,
}

#[derive(Serialize)]
struct User {
    id: String,
    roles: Vec<String>,
    email: String,
    name: Option<String>,
}

/// Its access tokens live for so many seconds.
pub fn router(lifetime: u64) -> Router {
    let mut rules = Validation::new(Algorithm::HS256);
    rules.set_issuer(&[ISSUER]);
    rules.set_audience(&[AUDIENCE]);
    let secret = std::env::var("SECRET").unwrap_or_else(|_| SECRET.to_owned());
    let secret = secret.as_bytes();
    let (sign, verify) = (EncodingKey::from_secret(secret), DecodingKey::from_secret(secret));
    let accounts = Accounts::default();
    let signup = accounts.router();
    let tokens = Arc::new(Tokens { accounts, lifetime, sign, verify, rules });
    Router::new().route("/login", post(login)).route("/me", get(me)).with_state(tokens).merge(signup)
}

async fn login(
    State(tokens): State<Arc<Tokens>>,
    Json(credentials): Json<Credentials>,
) -> Result<Json<Granted>, StatusCode> {
    let answer::User { id: sub, roles, email, name, created_at: _ } =
        tokens.accounts.log_in(credentials).await?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let claims = Claims {
        iss: ISSUER.to_owned(),
        aud: vec![AUDIENCE.to_owned()],
        sub,
        iat: now,
        exp: now + tokens.lifetime,
        jti: id(),
        client_id: String::from("cloakroom"),
        auth_time: now,
        amr: vec![String::from("pwd")],
        roles,
        email,
        name,
    };
    let access_token = encode(&Header::default(), &claims, &tokens.sign);
    Ok(Json(Granted { access_token: access_token.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)? }))
}

async fn me(State(tokens): State<Arc<Tokens>>, headers: HeaderMap) -> Result<Json<Me>, StatusCode> {
    let shown = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = shown.and_then(|value| value.strip_prefix("Bearer ")).ok_or(StatusCode::UNAUTHORIZED)?;
    let claims =
        decode::<Claims>(token, &tokens.verify, &tokens.rules).map_err(|_| StatusCode::UNAUTHORIZED)?.claims;
    let Claims { sub: id, roles, email, name, .. } = claims;
    Ok(Json(Me { user: User { id, roles, email, name }, strategy: "jwt" }))
}
