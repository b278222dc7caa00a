//! A server of its own and verifiers that follow it.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use cloakroom_verify::clock::{BootInstant, Clock, SystemClock};
use cloakroom_verify::remote;
use serde_json::json;

use crate::common::{PASSWORD, Place, Ran, Server};
use crate::http::Connection;

pub const STORE_URL: &str = "store-url";
pub const ISSUER: &str = "http://auth.localhost:8080";

pub struct World {
    _place: Place,
    pub server: Server,
    pub key: String,
}

impl World {
    pub fn start() -> Self {
        let place = Place::new();
        let server = serve(&place, "127.0.0.1:0");
        let key = service_key(&place);
        let body = json!({"email": "alice@example.com", "password": PASSWORD});
        assert_eq!(server.post("/v1/signup", &body).status, 201);
        Self { _place: place, server, key }
    }

    pub fn verifiers(&self, count: usize) -> Vec<remote::Verifier> {
        (0..count).map(|_| follow(&[self.server.listen], &self.key)).collect()
    }

    pub async fn connection(&self) -> Connection {
        Connection::to(self.server.listen).await.expect("it answers")
    }
}

pub fn serve(place: &Place, listen: &str) -> Server {
    let cheap = ["--set", "password.memory_kib=64", "--set", "password.iterations=1"];
    let limits = ["--set", "session.max_per_user=1000000", "--set", "throttle.per_address=100000000/1m"];
    let limits = limits.into_iter().chain(["--set", "throttle.per_account=100000000/1m"]);
    let arguments = ["--listen", listen, "--public-url", ISSUER].into_iter().chain(cheap).chain(limits);
    let arguments: Vec<_> = arguments.collect();
    let mut command = place.command(&[&["dev"], &*arguments].concat());
    command.env("CLOAKROOM_LOG", "off").env("CLOAKROOM__TOKEN__LIFETIME", "1h");
    on_its_store(&mut command, place);
    Server::start(command)
}

pub fn service_key(place: &Place) -> String {
    let mut command =
        place.command(&["service-key", "create", "bench", "--scope", "feed,introspect", "--dev"]);
    on_its_store(&mut command, place);
    let made = Ran::of(command.output().expect("it runs"));
    assert_eq!(made.code, 0, "{made:?}");
    made.stdout.trim_end().to_owned()
}

/// Another database than a file in the folder, where a file there names one.
fn on_its_store(command: &mut Command, place: &Place) {
    if place.file(STORE_URL).is_file() {
        command.env("CLOAKROOM__STORE__URL_FILE", place.file(STORE_URL));
    }
}

pub fn follow(servers: &[SocketAddr], key: &str) -> remote::Verifier {
    let builder = remote::Verifier::builder(ISSUER, "cloakroom").service_key(key);
    let builder = servers.iter().fold(builder, |builder, server| builder.server(format!("http://{server}")));
    builder.spawn().expect("it is set up well")
}

/// A token of a new login.
pub async fn log_in(connection: &mut Connection, strategy: &str) -> String {
    let login = json!({"email": "alice@example.com", "password": PASSWORD, "strategy": strategy, "transport": "body"});
    let (status, grant) = connection.json("/v1/login", "", &login).await.expect("it answers");
    assert_eq!(status, 200, "{grant}");
    let member = if strategy == "session" { "session_token" } else { "access_token" };
    grant[member].as_str().expect("a token").to_owned()
}

/// Ends a login; the moment after the acknowledgement.
pub async fn log_out(connection: &mut Connection, token: &str) -> BootInstant {
    let (status, _) = connection.json("/v1/logout", token, &json!({})).await.expect("it answers");
    assert_eq!(status, 204);
    SystemClock.boot()
}

/// Waits until it is so, looking now and then.
pub async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Milliseconds at so much of a hundred thousand of them, in order.
pub fn at(sorted: &[u64], of_100_000: usize) -> f64 {
    sorted[(sorted.len() - 1) * of_100_000 / 100_000] as f64 / 1e6
}
