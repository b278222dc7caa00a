//! nginx in front of two servers, by the file that the documentation shows.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::proxy::{self, Proxy};

const EXAMPLE: &str = include_str!("../../../../examples/nginx/nginx.conf");

/// It takes turns: the first request goes to the first server.
pub struct Nginx {
    pub listen: SocketAddr,
    _proxy: Proxy,
    _place: TempDir,
}

impl Nginx {
    /// Where it is; `None`, said loudly, where it is not.
    pub fn program(what: &str) -> Option<PathBuf> {
        proxy::program("nginx", what, "apt-get install nginx-light")
    }

    /// Starts it. Whoever connects from now on is answered.
    pub fn start(program: PathBuf, servers: [SocketAddr; 2]) -> Self {
        let place = tempfile::tempdir().expect("a temporary folder");
        // It is handed the open socket, as to one that takes over from another nginx: nobody can take the port before it
        // listens, and who connects earlier waits in the queue.
        let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let listen = socket.local_addr().expect("it is bound");
        let addresses = [("8080", listen), ("8081", servers[0]), ("8082", servers[1])];
        let config = place.path().join("nginx.conf");
        fs::write(config, proxy::at_addresses(EXAMPLE, addresses)).expect("a file is written");
        let mut nginx = command(&program, place.path());
        nginx.env("NGINX", "1;");
        let proxy = Proxy::start(&nginx, OwnedFd::from(socket).into());
        Self { listen, _proxy: proxy, _place: place }
    }
}

/// nginx with the file `nginx.conf` of this place, and nothing outside it.
pub fn command(program: &Path, place: &Path) -> Command {
    let is_root = fs::metadata(place).expect("it is there").uid() == 0;
    let user = if is_root { "user root;" } else { "" };
    let mut nginx = Command::new(program);
    nginx.arg("-p").arg(place).arg("-c").arg(place.join("nginx.conf"));
    nginx.args(["-g", &format!("daemon off; {user}")]);
    nginx
}
