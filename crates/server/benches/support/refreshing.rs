//! Load that cannot be written down before: each refresh sends what the last one was answered.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{Answered, answer_length, read_answer};

/// One connection for each of these refresh tokens, which are replaced by the last that came.
pub fn run(to: SocketAddr, tokens: &mut [String], during: Duration) -> Answered {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let until = Instant::now() + during;
        let connections: Vec<_> =
            tokens.iter().map(|token| tokio::spawn(connection(to, token.clone(), until))).collect();
        let mut all = Answered { requests: 0, latencies: Vec::new() };
        for (token, connection) in tokens.iter_mut().zip(connections) {
            let (last, latencies) = connection.await.expect("no connection fails");
            *token = last;
            all.requests += latencies.len() as u64;
            all.latencies.extend(latencies);
        }
        all.latencies.sort_unstable();
        all
    })
}

async fn connection(to: SocketAddr, mut token: String, until: Instant) -> (String, Vec<u32>) {
    let mut stream = TcpStream::connect(to).await.expect("it listens");
    stream.set_nodelay(true).expect("a socket");
    let mut buffer = vec![0; 16 * 1024];
    let mut latencies = Vec::new();
    loop {
        let sent = Instant::now();
        if sent > until {
            return (token, latencies);
        }
        // Its hash is of the session and the generation too: it need not differ from turn to turn to be one of a kind.
        let body = format!(r#"{{"refresh_token":"{token}","attempt":"0123456789abcdef"}}"#);
        let head = "POST /v1/refresh HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
        let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(request.as_bytes()).await.expect("it reads");
        read_answer(&mut stream, &mut buffer).await;
        latencies.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
        let length = answer_length(&buffer).expect("a whole answer");
        let answer = std::str::from_utf8(&buffer[..length]).expect("JSON");
        let after = answer.split(r#""refresh_token":""#).nth(1).expect("a refresh token");
        token = after.split('"').next().unwrap_or_default().to_owned();
    }
}
