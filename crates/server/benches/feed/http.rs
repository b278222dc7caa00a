//! A connection that is kept, and asks one thing after the other.

use std::io::Result;
use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub async fn to(server: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; 64 * 1024] })
    }

    /// Posts and waits for the whole answer.
    pub async fn post(&mut self, path: &str, bearer: &str, kind: &str, body: &str) -> Result<(u16, String)> {
        let authorization =
            if bearer.is_empty() { String::new() } else { format!("authorization: Bearer {bearer}\r\n") };
        let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\n{authorization}content-type: {kind}\r\n");
        let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
        self.stream.write_all(request.as_bytes()).await?;
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[filled..]).await?;
            if read == 0 {
                return Err(std::io::Error::other("it hung up"));
            }
            filled += read;
            let text = std::str::from_utf8(&self.buffer[..filled]).map_err(std::io::Error::other)?;
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length = length.and_then(|length| length.parse().ok()).unwrap_or(0);
            if body.len() >= length {
                let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
                return Ok((status, body.to_owned()));
            }
        }
    }

    pub async fn json(&mut self, path: &str, bearer: &str, body: &Value) -> Result<(u16, Value)> {
        let (status, text) = self.post(path, bearer, "application/json", &body.to_string()).await?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::Null)))
    }
}
