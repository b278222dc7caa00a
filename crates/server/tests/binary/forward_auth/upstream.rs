//! An application behind a proxy: answers everything with 200, and remembers what it was sent.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// A request, as it arrived.
#[derive(Debug, Clone)]
pub struct Arrived {
    pub method: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Arrived {
    /// The values of all headers that an application could take for this one: many know neither case nor `-` from `_`.
    pub fn any_spelling_of(&self, name: &str) -> Vec<&str> {
        let plain = |name: &str| name.to_ascii_lowercase().replace('_', "-");
        let same = self.headers.iter().filter(|(other, _)| plain(other) == plain(name));
        same.map(|(_, value)| value.as_str()).collect()
    }
}

pub struct Upstream {
    pub listen: SocketAddr,
    arrived: Arc<Mutex<Vec<Arrived>>>,
    thread: Option<JoinHandle<()>>,
}

impl Upstream {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (listen, arrived) = (listener.local_addr().unwrap(), Arc::default());
        let all = Arc::clone(&arrived);
        let thread = std::thread::spawn(move || answer_all(&listener, &all));
        Self { listen, arrived, thread: Some(thread) }
    }

    /// What has arrived since the last time.
    pub fn arrived(&self) -> Vec<Arrived> {
        std::mem::take(&mut self.arrived.lock().unwrap())
    }
}

/// Until somebody connects and says nothing.
fn answer_all(listener: &TcpListener, arrived: &Mutex<Vec<Arrived>>) {
    for stream in listener.incoming() {
        let Some(request) = read(stream.as_ref().unwrap()) else { return };
        let body = if request.method == "HEAD" { "" } else { "welcome" };
        // Before the answer, which a test waits for.
        arrived.lock().unwrap().push(request);
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: 7\r\nconnection: close\r\n\r\n{body}");
        stream.unwrap().write_all(answer.as_bytes()).unwrap();
    }
}

fn read(stream: &TcpStream) -> Option<Arrived> {
    let mut stream = BufReader::new(stream);
    let mut line = || {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    };
    let method = line().split(' ').next().unwrap().to_owned();
    let headers: Vec<_> = std::iter::repeat_with(line)
        .map_while(|line| {
            line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        })
        .collect();
    if method.is_empty() {
        return None;
    }
    let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().unwrap())];
    stream.read_exact(&mut body).unwrap();
    Some(Arrived { method, headers, body: String::from_utf8(body).unwrap() })
}

impl Drop for Upstream {
    fn drop(&mut self) {
        drop(TcpStream::connect(self.listen));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
