//! tower-sessions, as its README and those of its stores say: the login lies in the session, which is loaded from the
//! store by the cookie at each request, and is written only when it was changed.

use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use fred::prelude::{ClientLike, Config, Pool};
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgPoolOptions;
use time::Duration;
use tower_sessions::{Expiry, MemoryStore, Session, SessionManagerLayer, SessionStore};
use tower_sessions_redis_store::RedisStore;
use tower_sessions_sqlx_store::PostgresStore;

use crate::Result;
use crate::answer::{Credentials, Login, Me, User};

const LOGIN: &str = "login";

#[derive(Serialize, Deserialize)]
struct Stored {
    user: User,
    login: Login,
}

/// All connections are made beforehand, and are not tried before each use.
pub async fn postgres(url: &str, pool: u32) -> Result<Router> {
    let options = PgPoolOptions::new().min_connections(pool).max_connections(pool).test_before_acquire(false);
    let store = PostgresStore::new(options.connect(url).await?);
    store.migrate().await?;
    Ok(router(store))
}

pub async fn redis(url: &str, pool: usize) -> Result<Router> {
    let pool = Pool::new(Config::from_url(url)?, None, None, None, pool)?;
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
    Router::new().route("/login", post(login)).route("/me", get(me)).layer(sessions)
}

async fn login(
    session: Session,
    Json(credentials): Json<Credentials>,
) -> std::result::Result<(), StatusCode> {
    let login = Stored { user: User::new(credentials), login: Login::new() };
    // Against session fixation, as the documentation asks.
    session.cycle_id().await.map_err(unavailable)?;
    session.insert(LOGIN, login).await.map_err(unavailable)
}

async fn me(session: Session) -> std::result::Result<Json<Me>, StatusCode> {
    let Stored { user, login } =
        session.get(LOGIN).await.map_err(unavailable)?.ok_or(StatusCode::UNAUTHORIZED)?;
    Ok(Json(Me { user, strategy: "session", session: login }))
}

fn unavailable(_: tower_sessions::session::Error) -> StatusCode {
    StatusCode::SERVICE_UNAVAILABLE
}
