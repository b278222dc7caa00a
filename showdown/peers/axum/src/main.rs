//! Logins as people build them with axum today, one server a mode: `peer-axum MODE [URL [POOL]]`.
//!
//! Each offers `POST /signup`, `POST /login` and `GET /me`, which answers what `GET /v1/me` of Cloakroom does; those
//! with sessions `POST /logout` too. A login without a password proves nothing and hashes nothing, where what is
//! compared is only what comes after it.
//!
//! * `sessions`: tower-sessions on one of its stores
//! * `jwt`: jsonwebtoken, HS256
//! * `floor`: servers that look at nothing
//! * `accounts`: who can log in
//! * `answer`: what all of them tell

mod accounts;
mod answer;
mod floor;
mod jwt;
mod sessions;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const USAGE: &str = "usage: peer-axum MODE
  tower-sessions-postgres [URL [POOL]]    without URL: DATABASE_URL
  tower-sessions-redis [URL [POOL]]       without URL: REDIS_URL
  tower-sessions-memory
  jsonwebtoken [SECONDS]                  how long its tokens live; without SECRET: signed with one that all know
  floor-hyper
  floor-axum
without PORT: a free one";

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        // The size that sqlx's own default is.
        ["tower-sessions-postgres"] => serve(sessions::postgres(&said("DATABASE_URL")?, 10).await?).await,
        ["tower-sessions-postgres", url] => serve(sessions::postgres(url, 10).await?).await,
        ["tower-sessions-postgres", url, pool] => serve(sessions::postgres(url, pool.parse()?).await?).await,
        // The size in the store's README.
        ["tower-sessions-redis"] => serve(sessions::redis(&said("REDIS_URL")?, 6).await?).await,
        ["tower-sessions-redis", url] => serve(sessions::redis(url, 6).await?).await,
        ["tower-sessions-redis", url, pool] => serve(sessions::redis(url, pool.parse()?).await?).await,
        ["tower-sessions-memory"] => serve(sessions::memory()).await,
        ["jsonwebtoken"] => serve(jwt::router(3600)).await,
        ["jsonwebtoken", seconds] => serve(jwt::router(seconds.parse()?)).await,
        ["floor-hyper"] => floor::hyper(listen().await?).await,
        ["floor-axum"] => serve(floor::axum()).await,
        _ => Err(USAGE.into()),
    }
}

async fn serve(router: Router) -> Result<()> {
    let listener = listen().await?.tap_io(|connection| {
        let _ = connection.set_nodelay(true);
    });
    Ok(axum::serve(listener, router).await?)
}

fn said(variable: &str) -> Result<String> {
    std::env::var(variable).map_err(|_| format!("{variable} is not set\n{USAGE}").into())
}

async fn listen() -> Result<TcpListener> {
    let port = std::env::var("PORT").map_or(Ok(0), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(listener)
}
