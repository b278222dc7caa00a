//! A closed loop: each connection sends its next request when it has read the whole answer to the last.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Requests that are known beforehand.
pub struct Load<'a> {
    pub to: SocketAddr,
    /// Whole requests, sent in turn.
    pub requests: &'a [String],
    pub connections: usize,
    pub during: Duration,
}

/// What a load was answered.
pub struct Answered {
    pub requests: u64,
    /// From the first request to the last answer.
    pub took: Duration,
    /// Sorted, in microseconds.
    pub latencies: Vec<u32>,
}

/// What is said on one connection.
pub trait Dialogue: Send + 'static {
    /// Writes the next request.
    fn ask(&mut self, request: &mut Vec<u8>);

    /// Hears the answer to it, which is 200.
    fn hear(&mut self, answer: &[u8]);
}

impl Load<'_> {
    pub fn run(&self) -> Answered {
        self.observed(|| ()).0
    }

    /// The same, and what is seen when everybody is connected and when the last answer has come.
    pub fn observed<S>(&self, observe: impl Fn() -> S) -> (Answered, [S; 2]) {
        let turns = (0..self.connections).map(|n| {
            let first = self.requests.iter().skip(n % self.requests.len());
            Turns { requests: first.step_by(self.connections).cloned().collect(), next: 0 }
        });
        let (_, answered, seen) = run(self.to, turns.collect(), self.during, observe);
        (answered, seen)
    }
}

struct Turns {
    requests: Vec<String>,
    next: usize,
}

impl Dialogue for Turns {
    fn ask(&mut self, request: &mut Vec<u8>) {
        request.extend_from_slice(self.requests[self.next].as_bytes());
        self.next = (self.next + 1) % self.requests.len();
    }

    fn hear(&mut self, _: &[u8]) {}
}

impl Answered {
    pub fn percentile(&self, percent: usize) -> u32 {
        let last = self.latencies.len().saturating_sub(1);
        self.latencies.get(last * percent / 100).copied().unwrap_or(0)
    }
}

/// A connection for each dialogue, all of them on this thread. The dialogues come back as they are then.
pub fn run<D: Dialogue, S>(
    to: SocketAddr,
    dialogues: Vec<D>,
    during: Duration,
    observe: impl Fn() -> S,
) -> (Vec<D>, Answered, [S; 2]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let streams = runtime.block_on(async {
        let mut streams = Vec::new();
        for _ in &dialogues {
            let stream = TcpStream::connect(to).await.expect("it listens");
            stream.set_nodelay(true).expect("a socket");
            streams.push(stream);
        }
        streams
    });
    let before = observe();
    let start = Instant::now();
    let (dialogues, mut latencies) = runtime.block_on(async {
        let until = start + during;
        let connections: Vec<_> = std::iter::zip(streams, dialogues)
            .map(|(stream, dialogue)| tokio::spawn(connection(stream, dialogue, until)))
            .collect();
        let (mut dialogues, mut latencies) = (Vec::new(), Vec::new());
        for connection in connections {
            let (dialogue, some) = connection.await.expect("no connection fails");
            dialogues.push(dialogue);
            latencies.extend(some);
        }
        (dialogues, latencies)
    });
    let (took, after) = (start.elapsed(), observe());
    latencies.sort_unstable();
    (dialogues, Answered { requests: latencies.len() as u64, took, latencies }, [before, after])
}

async fn connection<D: Dialogue>(mut stream: TcpStream, mut dialogue: D, until: Instant) -> (D, Vec<u32>) {
    let (mut request, mut buffer) = (Vec::new(), vec![0; 16 * 1024]);
    let mut latencies = Vec::new();
    loop {
        let sent = Instant::now();
        if sent > until {
            return (dialogue, latencies);
        }
        request.clear();
        dialogue.ask(&mut request);
        stream.write_all(&request).await.expect("it reads");
        let length = read_answer(&mut stream, &mut buffer).await;
        latencies.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
        dialogue.hear(&buffer[..length]);
    }
}

/// Reads exactly one answer, which must be 200, and tells its length.
async fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) -> usize {
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await.expect("it answers");
        assert_ne!(read, 0, "it closed the connection");
        filled += read;
        if let Some(length) = answer_length(&buffer[..filled])
            && filled >= length
        {
            return length;
        }
    }
}

fn answer_length(answer: &[u8]) -> Option<usize> {
    let head = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&answer[..head]).expect("ASCII");
    assert!(text.starts_with("HTTP/1.1 200 "), "{}", String::from_utf8_lossy(answer));
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
    Some(head + length.parse::<usize>().expect("a number"))
}
