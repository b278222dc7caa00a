//! `serve`: what it refuses to start on, and how it ends.

use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use super::common::*;

const CONFIG: &str = "public_url = \"https://auth.example.com\"\n";

/// A folder where `serve` starts.
fn ready() -> Place {
    let place = Place::new();
    place.write("cloakroom.toml", CONFIG);
    assert_eq!(place.run(&["key", "generate"]).code, 0);
    assert_eq!(place.run(&["migrate"]).code, 0);
    place
}

fn serve(place: &Place) -> Server {
    Server::start(place.command(&["serve"]))
}

#[test]
fn it_serves_what_the_configuration_says() {
    let place = ready();
    let server = serve(&place);
    let closed = server.post("/v1/signup", &serde_json::json!({"email": "a@b.c", "password": PASSWORD}));
    assert_eq!((closed.status, closed.body["code"].as_str()), (403, Some("signup_closed")));
    assert_eq!(server.get("/v1/me", &[]).status, 401);
}

#[test]
fn it_refuses_a_database_that_is_not_migrated_unless_told_to() {
    let place = Place::new();
    place.write("cloakroom.toml", CONFIG);
    assert_eq!(place.run(&["key", "generate"]).code, 0);
    place.run(&["serve"]).fails(4, "not migrated");
    assert!(!place.file("cloakroom.db").exists(), "nothing is made silently");
    assert_eq!(Server::start(place.command(&["serve", "--migrate"])).get("/v1/me", &[]).status, 401);
}

#[test]
fn it_refuses_to_share_its_database_with_another_server() {
    let place = ready();
    let _first = serve(&place);
    place.run(&["serve"]).fails(4, "held by another running server");
}

#[test]
fn it_refuses_a_damaged_database_and_leaves_it() {
    let place = ready();
    place.write("cloakroom.db", "this is no database, but somebody's only copy of something");
    place.run(&["serve"]).fails(4, "damaged");
    let text = std::fs::read_to_string(place.file("cloakroom.db")).unwrap();
    assert!(text.starts_with("this is no database"));
}

#[test]
fn it_refuses_missing_damaged_open_and_development_keys() {
    let place = ready();
    let keys = place.file("cloakroom-keys");
    let token = keys.join("token-1.json");
    let whole = std::fs::read_to_string(&token).unwrap();
    std::fs::write(&token, &whole[..whole.len() / 2]).unwrap();
    place.run(&["serve"]).fails(4, "token-1.json is damaged");
    place.run(&["key", "generate"]).fails(4, "damaged");
    std::fs::remove_file(&token).unwrap();
    place.run(&["serve"]).fails(4, "there is no token key");
    std::fs::write(&token, &whole).unwrap();
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o644)).unwrap();
    place.run(&["serve"]).fails(4, "chmod 600");
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
    drop(serve(&place));

    let place = Place::new();
    place.write("cloakroom.toml", &format!("{CONFIG}[keys]\npath = \"cloakroom-dev-keys\"\n"));
    assert_eq!(place.run(&["key", "generate", "--dev"]).code, 0);
    assert_eq!(place.run(&["migrate"]).code, 0);
    place.run(&["serve"]).fails(4, "made for development");
}

#[test]
fn it_refuses_plain_http_off_loopback_and_weak_secrets() {
    let place = ready();
    place.run(&["serve", "--public-url", "http://auth.example.com"]).fails(4, "plain http");
    place.write("weak", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    let mut command = place.command(&["serve", "--set", "token.algorithm=HS256"]);
    command.env("CLOAKROOM__TOKEN__SECRET_FILE", place.file("weak"));
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("easy to guess") && !stderr.contains("aaaa"), "{stderr}");
}

#[test]
fn hs256_and_es256_sign_what_this_server_accepts() {
    let place = Place::new();
    for algorithm in ["ES256", "HS256"] {
        let set = format!("token.algorithm={algorithm}");
        let mut command = place.command(&["dev", "--set", &set]);
        if algorithm == "HS256" {
            command.env("CLOAKROOM__TOKEN__SECRET", "mQ7Jp0Zr3vXk1Yb8Wm5Nd2Tf6Hs4Lc9GaeUoRixKw");
        }
        let server = Server::start(command);
        server.signup(&algorithm.to_lowercase());
        let token = server.login(&algorithm.to_lowercase(), "jwt");
        assert_eq!(server.me(&token), 200, "{algorithm}");
    }
}

#[test]
fn a_taken_port_is_told() {
    let place = Place::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ran = place.run(&["dev", "--listen", &address]);
    ran.fails(1, &format!("server.listen = {address}"));
}

#[test]
fn asked_to_end_it_answers_what_it_has_begun_and_writes_what_it_knows() {
    let place = Place::new();
    let mut server = place.dev(&[]);
    server.signup("alice");
    let token = server.login("alice", "session");
    assert_eq!(server.me(&token), 200);
    // Slow answers in flight: each login hashes a password. No more than are hashed in time by a machine that is busy.
    let in_flight: Vec<_> = (0..4)
        .map(|_| {
            let listen = server.listen;
            let (send, sent) = std::sync::mpsc::channel();
            let thread = std::thread::spawn(move || {
                use std::io::{Read, Write};
                let mut stream = std::net::TcpStream::connect(listen).unwrap();
                let body = format!(r#"{{"email":"alice@example.com","password":"{PASSWORD}"}}"#);
                let head = "POST /v1/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
                write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len()).unwrap();
                send.send(()).unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).unwrap();
                answer
            });
            sent.recv().unwrap();
            thread
        })
        .collect();
    // An answer to another request shows that the server has read past those.
    assert_eq!(server.me(&token), 200);
    server.terminate();
    for thread in in_flight {
        let answer = thread.join().unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    let again = place.dev(&[]);
    assert_eq!(again.me(&token), 200, "the session is still there");
}

#[test]
fn who_has_connected_when_it_is_asked_to_end_is_answered() {
    use std::io::{Read, Write};
    let place = ready();
    for _ in 0..5 {
        let mut server = serve(&place);
        // It cannot accept them yet: its process stands still.
        server.signal("STOP");
        let waiting: Vec<_> = (0..50)
            .map(|_| {
                let mut stream = std::net::TcpStream::connect(server.listen).unwrap();
                stream.write_all(b"GET /v1/me HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
                stream
            })
            .collect();
        server.signal("TERM");
        server.signal("CONT");
        for mut stream in waiting {
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 401 "), "{answer:?}");
        }
        assert_eq!(server.child.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn a_log_that_nobody_reads_stops_nobody() {
    let place = ready();
    // The harness never reads the pipe behind stderr, which holds 64 KiB: some 600 of these lines.
    let mut command = place.command(&["serve"]);
    command.args(["--set", "throttle.per_address=1/1d"]);
    let server = Server::start(command);
    let wrong = serde_json::json!({"email": "nobody@example.com", "password": PASSWORD});
    assert_eq!(server.post("/v1/login", &wrong).status, 401);
    for _ in 0..2000 {
        assert_eq!(server.post("/v1/login", &wrong).status, 429, "one audit line each");
    }
}

#[test]
fn the_management_listener_answers_as_the_other_one_does() {
    let place = Place::new();
    let server = place.dev(&[]);
    for (path, status) in [("/livez", 200), ("/readyz", 200), ("/metrics", 200), ("/v1/me", 404)] {
        let told =
            raw(server.management, format!("GET {path} HTTP/1.1\r\nconnection: close\r\n\r\n").as_bytes());
        let told = told.unwrap().to_lowercase();
        assert!(told.starts_with(&format!("http/1.1 {status} ")), "{told}");
        assert!(
            told.contains("x-content-type-options: nosniff") && told.contains("x-request-id: "),
            "{told}"
        );
        assert_eq!(told.contains("application/problem+json"), status == 404, "{told}");
    }
}

/// An answer that is not ready at once: the password is hashed.
#[test]
fn who_closes_his_half_of_the_connection_behind_a_request_is_answered() {
    use std::io::{Read, Write};
    let place = Place::new();
    let server = place.dev(&[]);
    let body = r#"{"email":"nobody@example.com","password":"plum kettle over the moon"}"#;
    let mut stream = std::net::TcpStream::connect(server.listen).unwrap();
    stream.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
    let head = "POST /v1/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer:?}");
}
