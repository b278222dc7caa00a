//! A port for a server that begins later, or again.

use std::fs::File;
use std::io::{ErrorKind, Read, Result};
use std::net::TcpListener;

/// Below those that a system gives away by itself (Linux from 32768, macOS from 49152): nobody gets one of these by
/// chance before it is used, or while its server is down.
const FIRST: u16 = 12_000;
const COUNT: u16 = 10_000;

/// One of loopback that nobody has.
pub(crate) fn free() -> Result<u16> {
    let (mut source, mut random) = (File::open("/dev/urandom")?, [0; 2]);
    for _ in 0..COUNT {
        source.read_exact(&mut random)?;
        let port = FIRST + u16::from_le_bytes(random) % COUNT;
        match TcpListener::bind(("127.0.0.1", port)) {
            Ok(_) => return Ok(port),
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            Err(error) => return Err(error),
        }
    }
    Err(ErrorKind::AddrInUse.into())
}
