use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::LazyLock;

use axum::body::Body;
use axum::response::Response;
use cloakroom::serve::serve;
use http::header::HOST;
use http::{HeaderValue, Request};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::doors::Entrance;
use super::nginx::Nginx;

/// A real nginx, and the servers behind it that really listen.
pub struct Front {
    nginx: Nginx,
    /// They end when it is dropped.
    _listening: watch::Sender<bool>,
}

impl Front {
    /// `None` where there is one server alone, and where nginx is missing, which is said loudly.
    pub fn of(servers: &[Entrance]) -> Option<Self> {
        static PROGRAM: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
            Nginx::program("replicas behind nginx (they take turns within one process instead)")
        });
        let [one, two] = servers else { return None };
        let program = PROGRAM.clone()?;
        let (listening, ending) = watch::channel(false);
        let addresses = [one, two].map(|server| listen(server.clone(), ending.clone()));
        Some(Self { nginx: Nginx::start(program, addresses), _listening: listening })
    }

    /// As it comes back over the wire.
    pub async fn answer(&self, mut request: Request<Body>) -> Response {
        request.headers_mut().entry(HOST).or_insert(HeaderValue::from_static("auth.example.com"));
        let stream = TcpStream::connect(self.nginx.listen).await.expect("nginx listens");
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("a connection");
        tokio::spawn(connection);
        let response = sender.send_request(request).await.expect("nginx answers");
        response.map(Body::new)
    }
}

fn listen(server: Entrance, ending: watch::Receiver<bool>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("a socket");
    let address = listener.local_addr().expect("it is bound");
    let listener = tokio::net::TcpListener::from_std(listener).expect("a runtime");
    tokio::spawn(serve(listener, server, ending));
    address
}
