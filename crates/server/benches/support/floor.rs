//! What nobody can be faster than: handlers that answer the same bytes and look at nothing.

use std::convert::Infallible;

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::pinned;
use crate::common::{Place, Server};

/// Starts this very benchmark as a bare server of `kind` that answers `body`.
pub fn start(place: &Place, kind: &str, body: &str) -> Server {
    place.write("body", body);
    let mut command = std::process::Command::new(std::env::current_exe().expect("a path"));
    command.arg(format!("--floor={kind}")).current_dir(place.path());
    Server::start(pinned(&command))
}

/// Is that server.
#[expect(clippy::print_stdout, reason = "it tells its port")]
pub fn run(kind: &str) {
    let body = Bytes::from(std::fs::read("body").expect("the answer"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("a port");
        println!("listening   http://{address}\nmanagement  http://{address}");
        match kind {
            "hyper" => hyper(listener, body).await,
            _ => axum(listener, body).await,
        }
    });
}

async fn hyper(listener: TcpListener, body: Bytes) {
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        let body = body.clone();
        let answer = service_fn(move |_| {
            let body = body.clone();
            async move {
                let response = Response::builder().header("content-type", "application/json");
                Ok::<_, Infallible>(response.body(Full::new(body)).expect("a response"))
            }
        });
        let connection =
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
        tokio::spawn(connection);
    }
}

async fn axum(listener: TcpListener, body: Bytes) {
    let answer = move || async move { ([("content-type", "application/json")], body) };
    let router: axum::Router = axum::Router::new().route("/v1/me", axum::routing::get(answer));
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        let service = hyper_util::service::TowerToHyperService::new(router.clone());
        let connection =
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        tokio::spawn(connection);
    }
}
