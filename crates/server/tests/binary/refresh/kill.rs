//! kill -9 around refreshes. `CLOAKROOM_CRASH_ROUNDS` runs more rounds.

use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicU32, Ordering};

use super::client::Client;
use super::proxy::{Fault, Proxy};
use super::*;

/// The commit is seen in the file, the answer is never read, the process is gone: a lost answer, healed by the attempt.
#[test]
fn a_kill_between_commit_and_answer_logs_nobody_out() {
    let place = Place::new();
    let mut server = start(&place);
    let alice = Client::log_in(&server, "alice");
    for round in 0..rounds("CLOAKROOM_CRASH_ROUNDS", 5) {
        let file = File::of(&place);
        let body = alice.ask().to_string();
        let mut stream = TcpStream::connect(server.listen).unwrap();
        let head = "POST /v1/refresh HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
        write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len()).unwrap();
        while file.row(alice.session()).0 == alice.generation() {
            std::thread::yield_now();
        }
        server.kill();
        drop(stream);
        server = start(&place);
        // Once more lost, by the next process too, in every other round.
        if round % 2 == 1 {
            let proxy = Proxy::before(server.listen);
            proxy.order(Fault::LosesTheAnswer);
            assert!(alice.try_refresh(proxy.listen).is_none());
        }
        alice.refresh(server.listen);
        assert_eq!(server.me(&alice.access()), 200);
        assert_eq!(
            file.row(alice.session()),
            (round + 1, None),
            "one rotation a round, however often it was asked"
        );
        assert_eq!(alice.generation(), round + 1);
    }
}

#[test]
fn a_kill_at_any_moment_of_many_refreshes_logs_nobody_out() {
    const CLIENTS: usize = 8;
    let place = Place::new();
    let mut server = start(&place);
    let clients: Vec<_> = (0..CLIENTS).map(|n| Client::log_in(&server, &format!("user{n}"))).collect();
    for round in 0..rounds("CLOAKROOM_CRASH_ROUNDS", 5) {
        let answered = AtomicU32::new(0);
        // Different from round to round, so that the kill meets every part of the path.
        let until = 10 + (round * 37) % 60;
        std::thread::scope(|threads| {
            let listen = server.listen;
            let workers: Vec<_> = clients
                .iter()
                .map(|client| {
                    let answered = &answered;
                    threads.spawn(move || {
                        while client.try_refresh(listen).is_some() {
                            answered.fetch_add(1, Ordering::Relaxed);
                        }
                    })
                })
                .collect();
            // One that found something wrong has ended; the scope tells what.
            while answered.load(Ordering::Relaxed) < until && !workers.iter().any(|one| one.is_finished()) {
                std::thread::yield_now();
            }
            server.kill();
        });
        server = start(&place);
        let file = File::of(&place);
        for client in &clients {
            client.refresh(server.listen);
            assert_eq!(server.me(&client.access()), 200);
            assert_eq!(file.row(client.session()), (client.generation(), None), "one lineage");
        }
    }
}
