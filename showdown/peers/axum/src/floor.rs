//! Servers that look at nothing: what nobody who uses the same libraries can be faster than. Each answers what
//! `GET /me` of a session does, to everybody.

use std::convert::Infallible;

use axum::Router;
use axum::routing::{get, post};
use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::Result;
use crate::answer::{Credentials, Login, Me, User};

const JSON: (&str, &str) = ("content-type", "application/json");

pub async fn hyper(listener: TcpListener) -> Result<()> {
    let body = body();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let body = body.clone();
        let answer = service_fn(move |_| {
            let body = body.clone();
            async move {
                let answer = Response::builder().header(JSON.0, JSON.1).body(Full::new(body));
                Ok::<_, Infallible>(answer.unwrap_or_default())
            }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
    }
}

pub fn axum() -> Router {
    let body = body();
    let answer = move || async move { ([JSON], body) };
    Router::new().route("/login", post(answer.clone())).route("/me", get(answer))
}

fn body() -> Bytes {
    let someone = Credentials {
        email: String::from("alice@example.com"),
        name: Some(String::from("Alice Liddell")),
        password: None,
    };
    let me = Me { user: User::new(someone), strategy: "session", session: Login::new() };
    serde_json::to_vec(&me).unwrap_or_default().into()
}
