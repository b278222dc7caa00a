//! Bytes that no well-behaved client sends.

use super::common::*;

#[test]
fn garbage_is_refused_and_the_server_lives_on() {
    let place = Place::new();
    let server = place.dev(&[]);
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /v1/me HTTP/1.1\r\nhost: a\r\nbad header\r\n\r\n",
        b"POST /v1/login HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
        b"POST /v1/login HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
        b"POST /v1/login HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\n",
        b"GET /v1/me HTTP/1.1\r\nhost: a\r\nx: a\x00b\r\n\r\n",
    ] {
        let answer = raw(server.listen, garbage).unwrap_or_default();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{garbage:?}: {answer}");
        assert_eq!(server.get("/v1/me", &[]).status, 401);
    }
}

#[test]
fn an_endless_header_block_is_431() {
    let place = Place::new();
    let server = place.dev(&[]);
    for bytes in [33_000, 200_000] {
        let filler = "x".repeat(bytes);
        let request =
            format!("GET /v1/me HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-filler: {filler}\r\n\r\n");
        let answer = raw(server.listen, request.as_bytes());
        // Beyond what is read at all the connection may be closed while we still send.
        if let Ok(answer) = answer {
            assert!(answer.starts_with("HTTP/1.1 431 "), "{bytes}: {answer}");
        } else {
            assert!(bytes > 64 * 1024, "{answer:?}");
        }
    }
    let many: String = (0..2000).map(|n| format!("x-{n}: y\r\n")).collect();
    let request = format!("GET /v1/me HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{many}\r\n");
    assert!(raw(server.listen, request.as_bytes()).unwrap().starts_with("HTTP/1.1 431 "));
    assert_eq!(server.get("/v1/me", &[]).status, 401);
}

#[test]
fn what_follows_a_refused_body_is_not_taken_for_a_request() {
    let place = Place::new();
    let server = place.dev(&[]);
    let smuggled = "GET /v1/me HTTP/1.1\r\nhost: a\r\n\r\n";
    let request = format!("POST /v1/login HTTP/1.1\r\nhost: a\r\ncontent-length: 70000\r\n\r\n{smuggled}");
    let answer = raw(server.listen, request.as_bytes()).unwrap();
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
}

#[test]
fn a_body_that_ends_early_is_no_request() {
    use std::io::{Read, Write};
    let place = Place::new();
    let server = place.dev(&[]);
    let mut stream = std::net::TcpStream::connect(server.listen).unwrap();
    stream.write_all(b"POST /v1/login HTTP/1.1\r\nhost: a\r\ncontent-length: 50\r\n\r\n{\"email\":").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
}
