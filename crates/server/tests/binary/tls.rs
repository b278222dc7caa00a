//! A server behind https, as a relay meets it: who proves to be that server is believed, and nobody else.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto};

use super::common::skip::skip;
use super::common::*;
use super::load::until;

/// Makes a certificate for `localhost` and its key: `NAME.pem`, `NAME.key`.
fn certify(place: &Place, name: &str) -> bool {
    let mut openssl = Command::new("openssl");
    openssl.current_dir(place.path());
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]);
    openssl.args(["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]);
    openssl.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
    openssl.args(["-keyout", &format!("{name}.key"), "-out", &format!("{name}.pem")]);
    let made = openssl.output().is_ok_and(|output| output.status.success());
    if !made {
        skip("TLS to a server", "apt-get install openssl");
    }
    made
}

/// Speaks TLS in front of this server, as long as the runtime lives; its port.
fn front(runtime: &Runtime, server: &Server, certificate: &Path, key: &Path) -> u16 {
    let certificates = CertificateDer::pem_file_iter(certificate).unwrap().map(Result::unwrap).collect();
    let config = ServerConfig::builder_with_provider(Arc::new(crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(certificates, PrivateKeyDer::from_pem_file(key).unwrap())
        .unwrap();
    let (acceptor, to) = (TlsAcceptor::from(Arc::new(config)), server.listen);
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let port = listener.local_addr().unwrap().port();
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // Who does not believe it hangs up.
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut server = TcpStream::connect(to).await.unwrap();
                let _ = copy_bidirectional(&mut stream, &mut server).await;
            });
        }
    });
    port
}

#[test]
fn a_server_has_to_prove_its_name_by_a_certificate_that_is_trusted() {
    let place = Place::new();
    if !certify(&place, "own") || !certify(&place, "other") {
        return;
    }
    let (server, runtime) = (place.dev(&[]), Runtime::new().unwrap());
    let port = front(&runtime, &server, &place.file("own.pem"), &place.file("own.key"));
    let key = place.run(&["service-key", "create", "relay", "--scope", "feed", "--dev"]);
    assert_eq!(key.code, 0, "{key:?}");
    place.write("relay.key", &key.stdout);
    let relay = |host: &str, trusted: &str| {
        let mut command = place.command(&["relay", "--upstream", &format!("https://{host}:{port}")]);
        command.env("CLOAKROOM_RELAY_KEY_FILE", place.file("relay.key"));
        command.env("SSL_CERT_FILE", place.file(trusted));
        Server::start(command)
    };
    let told = |relay: &Server| request(relay.management, "GET", "/readyz", &[], "").unwrap();
    let good = relay("localhost", "own.pem");
    until("it follows the feed", || told(&good).status == 200);
    for (host, trusted, why) in
        [("127.0.0.1", "own.pem", "another name"), ("localhost", "other.pem", "another certificate")]
    {
        let bad = relay(host, trusted);
        until(why, || told(&bad).text.contains("invalid peer certificate"));
        assert_eq!(told(&bad).status, 503, "{why}");
    }
    assert_eq!(told(&good).status, 200);
}
