//! Clients that send and hang up.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::json;

use super::client::{Client, new_attempt};
use super::theft::let_the_grace_pass;
use super::*;

/// A thief who cuts his connection must not keep out of the audit that a session ended by his token.
#[test]
fn a_theft_is_in_the_audit_even_if_the_thief_hangs_up() {
    const THIEVES: usize = 8;
    let place = Place::new();
    let mut server = start_without_grace(&place);
    let victims: Vec<_> = (0..THIEVES)
        .map(|_| {
            let victim = Client::log_in(&server, "alice");
            let stolen = victim.token();
            victim.refresh(server.listen);
            (victim, stolen)
        })
        .collect();
    let_the_grace_pass();
    let file = File::of(&place);
    // While another process has the lock, every theft waits for its turn to be written.
    file.0.execute_batch("BEGIN IMMEDIATE").unwrap();
    let thieves: Vec<_> = victims
        .iter()
        .map(|(_, stolen)| {
            let body = json!({"refresh_token": stolen, "attempt": new_attempt()}).to_string();
            let mut stream = TcpStream::connect(server.listen).unwrap();
            let head = "POST /v1/refresh HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
            write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len()).unwrap();
            stream
        })
        .collect();
    // Answers to others show that the server has read past those, and that it has seen them hang up.
    for _ in 0..5 {
        assert_eq!(server.get("/v1/me", &[]).status, 401);
    }
    drop(thieves);
    for _ in 0..5 {
        assert_eq!(server.get("/v1/me", &[]).status, 401);
    }
    file.0.execute_batch("ROLLBACK").unwrap();

    // It comes after them in the writer's queue.
    let bystander = Client::log_in(&server, "bystander");
    bystander.refresh(server.listen);
    for (victim, _) in &victims {
        let (_, reason) = file.row(victim.session());
        assert_eq!(reason.as_deref(), Some("refresh_token_reused"), "what was begun is finished");
        assert_eq!(server.me(&victim.access()), 401);
    }
    server.terminate();
    let mut log = String::new();
    server.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert_eq!(log.matches("\"refresh_reused\"").count(), THIEVES, "{log}");
}
