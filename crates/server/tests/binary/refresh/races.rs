//! 64 at once. `CLOAKROOM_RACE_ROUNDS` sets how often.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Barrier, Mutex};

use serde_json::{Value, json};

use super::super::postgres::Schema;
use super::client::{Client, look, new_attempt};
use super::*;

const RACERS: usize = 64;

#[test]
fn of_64_refreshes_with_one_attempt_there_is_one_lineage() {
    let place = Place::new();
    let server = start(&place);
    race(&server, &[server.listen], Some(new_attempt));
}

#[test]
fn of_64_refreshes_without_an_attempt_within_the_grace_there_is_one_lineage() {
    let place = Place::new();
    let server = start(&place);
    race(&server, &[server.listen], None);
}

/// Two processes need a database that two may have: SQLite's has one server.
#[test]
fn of_64_refreshes_on_two_servers_there_is_one_lineage() {
    let Some(schema) = Schema::new() else { return };
    let place = Place::new();
    let servers = two_servers_on(&schema.url(), &place);
    let addresses = servers.each_ref().map(|server| server.listen);
    race(&servers[0], &addresses, Some(new_attempt));
    race(&servers[0], &addresses, None);
}

/// Two processes with one configuration, one key directory and one database.
fn two_servers_on(url: &str, place: &Place) -> [Server; 2] {
    let command = |arguments: &[&str]| {
        let mut command = place.command(arguments);
        command.env("CLOAKROOM__STORE__URL", url);
        command
    };
    for arguments in [&["key", "generate", "--dev"][..], &["migrate", "--dev"]] {
        let output = command(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    let serve = || Server::start(command(&[&["serve", "--dev"][..], &CHEAP].concat()));
    [serve(), serve()]
}

/// In each round all racers send the same token at once, spread over these servers; all get the same child, and that
/// is the token of the next round.
fn race(server: &Server, addresses: &[SocketAddr], attempt: Option<fn() -> String>) {
    // Of this process and this race: a database may have seen others.
    let name = format!("racer-{}-{}", std::process::id(), new_attempt());
    let mut token = Client::log_in(server, &name).token();
    let rounds = rounds("CLOAKROOM_RACE_ROUNDS", 200);
    let (begin, end) = (Barrier::new(RACERS + 1), Barrier::new(RACERS + 1));
    // What to send next; nothing when the race is over.
    let (body, children) = (Mutex::new(None::<String>), Mutex::new(Vec::new()));
    let mut wrong = None;
    std::thread::scope(|threads| {
        for address in addresses.iter().cycle().take(RACERS) {
            let (begin, end, body, children) = (&begin, &end, &body, &children);
            threads.spawn(move || {
                let mut line = Line::to(*address);
                loop {
                    begin.wait();
                    let Some(body) = body.lock().unwrap().clone() else { return };
                    // A failure is told by whoever counts: a panic here would leave the others waiting.
                    let child =
                        line.as_mut().map_err(|error| error.to_string()).and_then(|line| line.refresh(&body));
                    children.lock().unwrap().push(child);
                    end.wait();
                }
            });
        }
        for round in 0..rounds {
            let ask = json!({"refresh_token": token, "attempt": attempt.map(|attempt| attempt())});
            *body.lock().unwrap() = Some(ask.to_string());
            begin.wait();
            end.wait();
            let told: HashSet<_> = children.lock().unwrap().drain(..).collect();
            match Vec::from_iter(told).as_slice() {
                [Ok(child)] if look(child).1 == round + 1 => token = child.clone(),
                told => {
                    wrong = Some(format!("round {round}: {told:?}"));
                    break;
                }
            }
        }
        *body.lock().unwrap() = None;
        begin.wait();
    });
    assert_eq!(wrong, None, "all are given the one child");
    assert_eq!(look(&token).1, rounds, "one child a round");
    let last = server.post("/v1/refresh", &json!({"refresh_token": token, "attempt": new_attempt()}));
    assert_eq!(last.status, 200, "nobody was logged out: {last:?}");
}

/// A connection that stays open: 64 new ones a round would measure the kernel.
struct Line(BufReader<TcpStream>);

impl Line {
    fn to(address: SocketAddr) -> std::io::Result<Self> {
        TcpStream::connect(address).map(BufReader::new).map(Self)
    }

    /// The child, or the whole other answer.
    fn refresh(&mut self, body: &str) -> Result<String, String> {
        let head = "POST /v1/refresh HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
        let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
        let answer = self.send(&request).map_err(|error| error.to_string())?;
        let child = serde_json::from_str::<Value>(&answer).ok();
        let child = child.and_then(|answer| Some(answer["refresh_token"].as_str()?.to_owned()));
        child.ok_or(answer)
    }

    fn send(&mut self, request: &str) -> std::io::Result<String> {
        self.0.get_mut().write_all(request.as_bytes())?;
        let mut length = 0;
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line)? == 0 {
                return Err(std::io::Error::other("it hung up"));
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim().parse().map_err(std::io::Error::other)?;
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        String::from_utf8(body).map_err(std::io::Error::other)
    }
}
