//! `cloakroom healthcheck`: for a container that has no curl.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use http::{Request, StatusCode};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpStream;

use super::{Done, Failure, output};
use crate::config::{Inputs, Layers};

const DEADLINE: Duration = Duration::from_secs(3);

/// All of the configuration that it needs: a relay has no more.
#[derive(Deserialize)]
struct Named {
    server: Server,
}

#[derive(Deserialize)]
struct Server {
    management: SocketAddr,
}

/// Asks `/readyz` of `server.management`: 0 ready, 1 not ready, 5 nobody answers.
pub async fn healthcheck(inputs: &Inputs) -> Done {
    let Named { server } = Layers::read(inputs)?.parse()?;
    let address = reachable(server.management);
    let status = match tokio::time::timeout(DEADLINE, ask(address)).await {
        Ok(Ok(status)) => status,
        Ok(Err(error)) => return Err(Failure::unreachable(format!("{address}: {error}"))),
        Err(_) => return Err(Failure::unreachable(format!("{address} does not answer"))),
    };
    if status == StatusCode::OK { output::line("ready") } else { Err(Failure::failed("not ready")) }
}

/// A server that listens on every address is asked on this machine.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, address.port())
}

async fn ask(address: SocketAddr) -> Result<StatusCode, Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::get("/readyz").header("host", address.to_string());
    let response = sender.send_request(request.body(Empty::<bytes::Bytes>::new())?).await?;
    Ok(response.status())
}
