//! A proxy with the faults that real ones have, one for each connection, in the order they were ordered.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::super::common::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Delivers the request, waits for the whole answer, and cuts the client off.
    LosesTheAnswer,
    /// Delivers the request and cuts both sides off at once.
    CutsBoth,
    /// Delivers the request twice at the same time, and passes on whichever answer comes from the second.
    DeliversTwice,
    /// Delivers the request again after it was answered, and passes on the later answer.
    RetriesByItself,
}

#[derive(Default)]
struct State {
    faults: VecDeque<Fault>,
    /// Every request that came by, for duplicates that are delivered late.
    seen: Vec<String>,
}

pub struct Proxy {
    pub listen: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Proxy {
    /// Runs as long as the test does.
    pub fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self { listen: listener.local_addr().unwrap(), state: Arc::default() };
        let state = Arc::clone(&proxy.state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let state = Arc::clone(&state);
                std::thread::spawn(move || pass(stream.unwrap(), server, &state));
            }
        });
        proxy
    }

    /// The next connection without a fault of its own meets this one.
    pub fn order(&self, fault: Fault) {
        self.state.lock().unwrap().faults.push_back(fault);
    }

    pub fn last_request(&self) -> String {
        self.state.lock().unwrap().seen.last().unwrap().clone()
    }
}

fn pass(mut client: TcpStream, server: SocketAddr, state: &Mutex<State>) {
    let Some(request) = read_request(&mut client) else { return };
    let fault = {
        let mut state = state.lock().unwrap();
        state.seen.push(request.clone());
        state.faults.pop_front()
    };
    let deliver = || raw(server, request.as_bytes());
    let answer = match fault {
        None => deliver(),
        Some(Fault::LosesTheAnswer) => {
            let _ = deliver();
            return;
        }
        Some(Fault::CutsBoth) => {
            let _ = TcpStream::connect(server).and_then(|mut stream| stream.write_all(request.as_bytes()));
            return;
        }
        Some(Fault::DeliversTwice) => std::thread::scope(|threads| {
            let twin = threads.spawn(deliver);
            let _ = deliver();
            twin.join().unwrap()
        }),
        Some(Fault::RetriesByItself) => deliver().and_then(|_| deliver()),
    };
    if let Ok(answer) = answer {
        let _ = client.write_all(answer.as_bytes());
    }
}

/// Head and body, as long as the head says.
fn read_request(client: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = client.read(&mut buffer).ok().filter(|read| *read > 0)?;
        request.extend_from_slice(&buffer[..read]);
        let text = std::str::from_utf8(&request).ok()?;
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
        if body.len() >= length.parse().ok()? {
            return Some(text.to_owned());
        }
    }
}
