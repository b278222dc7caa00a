//! The verifier that other services embed beside the server, each the real one, over real connections.

mod faults;
mod keys;
mod revocations;
mod sessions;

use std::time::Duration;

use cloakroom_verify::authenticate::{Authenticate, Denied, Proof};
use cloakroom_verify::clock::{BootInstant, Clock, SystemClock};
use cloakroom_verify::{Principal, remote};

use super::common::*;
use super::load::until;
use super::port;

const BOUND: Duration = Duration::from_secs(2);
const ISSUER: &str = "http://auth.localhost:8080";

/// A server, and a verifier of another service that follows it.
struct Deployment {
    place: Place,
    server: Server,
    port: u16,
    runtime: tokio::runtime::Runtime,
    verifier: remote::Verifier,
}

impl Deployment {
    fn start() -> Self {
        let place = Place::new();
        let port = port::free().unwrap();
        let server = serve(&place, port);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let verifier = verifier(&runtime, &server, &service_key(&place, "shop", "feed,introspect"));
        let deployment = Self { place, server, port, runtime, verifier };
        deployment.server.signup("alice");
        until("the verifier is ready", || deployment.verifier.ready());
        deployment
    }

    /// The server again, after it ended, where it was.
    fn restart(&mut self) {
        self.server = serve(&self.place, self.port);
    }

    fn check(&self, token: &str) -> Result<Principal, Denied> {
        self.runtime.block_on(self.verifier.authenticate(Proof::Bearer(token)))
    }

    /// A check that has to ask waits 300 ms for the answer, which may come later on a machine that is busy: hardly three
    /// times.
    #[track_caller]
    fn accepted(&self, token: &str) -> Principal {
        let told = (0..3).map(|_| self.check(token)).find(|answer| *answer != Err(Denied::Unavailable));
        told.unwrap_or(Err(Denied::Unavailable))
            .unwrap_or_else(|denied| panic!("{denied:?}: {:?}", self.verifier.metrics()))
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        run(&self.place, arguments)
    }

    /// Waits until this is refused for good. A check that began later than the bound after `committed` must not accept;
    /// that nobody can tell is no harm on a machine that is busy.
    #[track_caller]
    #[expect(clippy::print_stdout, reason = "how late it was, for whoever wants to see it")]
    fn refused(&self, what: &str, token: &str, committed: BootInstant) {
        until(what, || {
            let begun = SystemClock.boot();
            let answer = self.check(token);
            assert!(answer.is_err() || begun.since(committed) <= BOUND, "{what}: it lives on");
            matches!(answer, Err(Denied::Unauthenticated(_)))
        });
        println!("{what}: refused {:?} after the answer", SystemClock.boot().since(committed));
    }

    /// How often the server answered this.
    fn answered(&self, method: &str, route: &str, status: u16) -> u64 {
        let metrics = request(self.server.management, "GET", "/metrics", &[], "").unwrap().text;
        let labels =
            [format!("method=\"{method}\""), format!("route=\"{route}\""), format!("status=\"{status}\"")];
        let mut lines = metrics.lines().filter(|line| line.starts_with("cloakroom_http_requests_total"));
        let line = lines.find(|line| labels.iter().all(|label| line.contains(label)));
        line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
    }
}

fn serve(place: &Place, port: u16) -> Server {
    let listen = format!("127.0.0.1:{port}");
    place.dev(&["--listen", &listen, "--public-url", ISSUER, "--set", "throttle.per_address=100000/1m"])
}

fn service_key(place: &Place, name: &str, scopes: &str) -> String {
    run(place, &["service-key", "create", name, "--scope", scopes]).stdout.trim_end().to_owned()
}

/// A command beside the server, which succeeds.
#[track_caller]
fn run(place: &Place, arguments: &[&str]) -> Ran {
    let ran = place.run(&[arguments, &["--dev"]].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    ran
}

fn verifier(runtime: &tokio::runtime::Runtime, server: &Server, key: &str) -> remote::Verifier {
    let _inside = runtime.enter();
    remote::Verifier::builder(ISSUER, "cloakroom").server(server.url()).service_key(key).spawn().unwrap()
}

fn now() -> BootInstant {
    SystemClock.boot()
}
