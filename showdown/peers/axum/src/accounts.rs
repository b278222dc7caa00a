//! Accounts, in memory: what is compared is what comes after a login. Their passwords are hashed as OWASP asks for all
//! the same, because that is what a login costs.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};

use crate::answer::{Credentials, User};

#[derive(Clone, Default)]
pub struct Accounts(Arc<RwLock<HashMap<String, Account>>>);

#[derive(Clone)]
struct Account {
    user: User,
    hash: String,
}

impl Accounts {
    /// `POST /signup`.
    pub fn router(&self) -> Router {
        Router::new().route("/signup", post(signup)).with_state(self.clone())
    }

    /// Without a password nothing is proved, and the login is that of an account of its own.
    pub async fn log_in(&self, credentials: Credentials) -> Result<User, StatusCode> {
        let Some(password) = credentials.password.clone() else { return Ok(User::new(credentials)) };
        let account = self.find(&credentials.email).ok_or(StatusCode::UNAUTHORIZED)?;
        let right = hashing(move || {
            let hash = PasswordHash::new(&account.hash);
            hash.is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
                .then_some(account.user)
        });
        right.await?.ok_or(StatusCode::UNAUTHORIZED)
    }

    fn find(&self, email: &str) -> Option<Account> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(email).cloned()
    }

    fn add(&self, email: String, account: Account) -> bool {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let new = !all.contains_key(&email);
        if new {
            all.insert(email, account);
        }
        new
    }
}

async fn signup(
    State(accounts): State<Accounts>,
    Json(credentials): Json<Credentials>,
) -> Result<StatusCode, StatusCode> {
    let password = credentials.password.clone().ok_or(StatusCode::UNPROCESSABLE_ENTITY)?;
    let hash =
        hashing(move || Argon2::default().hash_password(password.as_bytes()).map(|hash| hash.to_string()));
    let hash = hash.await?.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let email = credentials.email.clone();
    let new = accounts.add(email, Account { user: User::new(credentials), hash });
    Ok(if new { StatusCode::CREATED } else { StatusCode::CONFLICT })
}

/// Away from the threads that answer requests.
async fn hashing<T: Send + 'static>(hash: impl FnOnce() -> T + Send + 'static) -> Result<T, StatusCode> {
    tokio::task::spawn_blocking(hash).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}
