//! tower-sessions, as its README and those of its stores say: the login lies in the session, which is loaded from the
//! store by the cookie at each request, and is written only when it was changed.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use fred::prelude::{ClientLike, Config, Pool, ReconnectPolicy};
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgPoolOptions;
use time::Duration;
use tower_sessions::{Expiry, MemoryStore, Session, SessionManagerLayer, SessionStore};
use tower_sessions_redis_store::RedisStore;
use tower_sessions_sqlx_store::PostgresStore;

use crate::Result;
use crate::accounts::Accounts;
use crate::answer::{Credentials, Login, Me, User};

const LOGIN: &str = "login";
/// How long a connection is waited for: without a database nobody should wait for half a minute, sqlx's default.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

#[derive(Serialize, Deserialize)]
struct Stored {
    user: User,
    login: Login,
}

/// All connections are made beforehand, and are not tried before each use.
pub async fn postgres(url: &str, pool: u32) -> Result<Router> {
    let options = PgPoolOptions::new().min_connections(pool).max_connections(pool);
    let options = options.test_before_acquire(false).acquire_timeout(PATIENCE);
    let store = PostgresStore::new(options.connect(url).await?);
    store.migrate().await?;
    Ok(router(store))
}

/// A connection that breaks is made again, which fred does not do unless it is asked to.
pub async fn redis(url: &str, pool: usize) -> Result<Router> {
    let pool = Pool::new(Config::from_url(url)?, None, None, Some(ReconnectPolicy::default()), pool)?;
    pool.init().await?;
    Ok(router(RedisStore::new(pool)))
}

/// The store that comes with it, which its documentation keeps for tests and development.
pub fn memory() -> Router {
    router(MemoryStore::default())
}

fn router(store: impl SessionStore + Clone) -> Router {
    let sessions = SessionManagerLayer::new(store)
        .with_secure(false)
        .with_expiry(Expiry::OnInactivity(Duration::hours(1)));
    let accounts = Accounts::default();
    let signup = accounts.router();
    let answered =
        Router::new().route("/login", post(login)).route("/me", get(me)).route("/logout", post(logout));
    answered.layer(sessions).with_state(accounts).merge(signup)
}

async fn login(
    State(accounts): State<Accounts>,
    session: Session,
    Json(credentials): Json<Credentials>,
) -> std::result::Result<(), StatusCode> {
    let login = Stored { user: accounts.log_in(credentials).await?, login: Login::new() };
    // Against session fixation, as the documentation asks.
    session.cycle_id().await.map_err(unavailable)?;
    session.insert(LOGIN, login).await.map_err(unavailable)
}

async fn me(session: Session) -> std::result::Result<Json<Me>, StatusCode> {
    let Stored { user, login } =
        session.get(LOGIN).await.map_err(unavailable)?.ok_or(StatusCode::UNAUTHORIZED)?;
    Ok(Json(Me { user, strategy: "session", session: login }))
}

async fn logout(session: Session) -> std::result::Result<StatusCode, StatusCode> {
    session.flush().await.map_err(unavailable)?;
    Ok(StatusCode::NO_CONTENT)
}

fn unavailable(_: tower_sessions::session::Error) -> StatusCode {
    StatusCode::SERVICE_UNAVAILABLE
}
