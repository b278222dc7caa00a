//! Logins as people build them with axum today, one server a mode: `peer-axum MODE [URL [POOL]]`.
//!
//! Each offers `POST /login`, which proves nothing (no password is hashed: what is compared is what comes after), and
//! `GET /me`, which answers what `GET /v1/me` of Cloakroom does.
//!
//! * `sessions`: tower-sessions on one of its stores
//! * `jwt`: jsonwebtoken, HS256
//! * `floor`: servers that look at nothing
//! * `answer`: what all of them tell

mod answer;
mod floor;
mod jwt;
mod sessions;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const USAGE: &str = "usage: peer-axum tower-sessions-postgres URL [POOL] | tower-sessions-redis URL [POOL] | \
                     tower-sessions-memory | jsonwebtoken | floor-hyper | floor-axum";

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        // The size that sqlx's own default is.
        ["tower-sessions-postgres", url] => serve(sessions::postgres(url, 10).await?).await,
        ["tower-sessions-postgres", url, pool] => serve(sessions::postgres(url, pool.parse()?).await?).await,
        // The size in the store's README.
        ["tower-sessions-redis", url] => serve(sessions::redis(url, 6).await?).await,
        ["tower-sessions-redis", url, pool] => serve(sessions::redis(url, pool.parse()?).await?).await,
        ["tower-sessions-memory"] => serve(sessions::memory()).await,
        ["jsonwebtoken"] => serve(jwt::router()).await,
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

async fn listen() -> Result<TcpListener> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(listener)
}
