//! A disk that is really full: a small one of the test's own, which only this test and its servers can see.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;

use serde_json::json;

use super::common::skip::skip;
use super::common::*;
use super::load::{UNTHROTTLED, User, until, while_working};
use super::postgres::CONFIG;
use super::postgres_faults::health;

/// Mounts it over the folder `disk`, says so, and keeps the namespace until its own input ends.
const MOUNT: &str = "mount -t tmpfs -o size=12m,mode=0700 none disk && echo mounted && exec cat";

/// A place whose folder `disk` has 12 MiB, for whoever is in the namespace of the holder.
struct SmallDisk {
    place: Place,
    holder: Child,
    /// How to get in there.
    enter: &'static [&'static str],
}

impl SmallDisk {
    /// `None`, said loudly, where it cannot be had.
    fn new() -> Option<Self> {
        // As anybody, where the system lets anybody do so; else as root.
        for (unshare, enter) in [
            (["-Ur", "-m"].as_slice(), ["-U", "--preserve-credentials", "-m"].as_slice()),
            (&["-m"], &["-m"]),
        ] {
            let place = Place::new();
            std::fs::create_dir(place.file("disk")).unwrap();
            let mut holder = Command::new("unshare");
            holder.args(unshare).args(["sh", "-c", MOUNT]).current_dir(place.path());
            let spawned = holder.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
            let Ok(mut holder) = spawned else {
                skip("a full disk", "apt-get install util-linux");
                return None;
            };
            let mut said = [0; 8];
            if std::io::Read::read_exact(holder.stdout.as_mut().unwrap(), &mut said).is_ok() {
                return Some(Self { place, holder, enter });
            }
            holder.wait().unwrap();
        }
        skip("a full disk", "run as root, or where users may have a mount namespace (unshare -Ur -m true)");
        None
    }

    /// Its folder as seen from out here.
    fn outside(&self, name: &str) -> PathBuf {
        let inside = self.place.file("disk").join(name);
        PathBuf::from(format!("/proc/{}/root{}", self.holder.id(), inside.display()))
    }

    fn serve(&self) -> Server {
        let server = self.place.command(&["serve", "--migrate"]);
        let mut inside = Command::new("nsenter");
        inside.args(["-t", &self.holder.id().to_string()]).args(self.enter);
        inside.args(["sh", "-c", r#"cd "$0" && exec "$@""#]).arg(self.place.path());
        inside.arg(server.get_program()).args(server.get_args()).env_clear();
        inside.envs(server.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Server::start(inside)
    }

    /// Leaves no room for one byte.
    fn fill(&self) {
        let mut filler = File::options().create(true).append(true).open(self.outside("filler")).unwrap();
        loop {
            match filler.write_all(&[0; 4096]) {
                Ok(()) => {}
                Err(error) => return assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}"),
            }
        }
    }

    fn free(&self) {
        std::fs::remove_file(self.outside("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Its input ends, and the disk is gone with it.
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}

#[test]
fn a_disk_that_is_full_refuses_what_writes_tells_it_and_loses_nothing() {
    let Some(disk) = SmallDisk::new() else { return };
    let config = format!("{CONFIG}{UNTHROTTLED}[store]\nurl = \"sqlite:disk/cloakroom.db\"\n");
    disk.place.write("cloakroom.toml", &config);
    assert_eq!(disk.place.run(&["key", "generate"]).code, 0);
    let mut server = disk.serve();
    assert!(disk.outside("cloakroom.db").exists(), "the database is on it");
    let users = User::some(&server, 4);
    let token = server.login("user0", "session");
    let new = json!({"email": "new@example.com", "password": PASSWORD});
    let ((), told) = while_working(&users, &[server.listen], |told| {
        for _ in 0..3 {
            told.work_on(20);
            disk.fill();
            let before = told.refused.load(Ordering::Relaxed);
            until("writes are refused", || {
                disk.fill();
                told.refused.load(Ordering::Relaxed) > before + 10
            });
            until("it tells", || health(&server) == (200, 503));
            let login =
                server.post("/v1/login", &json!({"email": "user0@example.com", "password": PASSWORD}));
            assert_eq!(login.status, 503, "{login:?}");
            assert!(login.head.contains("retry-after: ") && !login.head.contains("set-cookie"), "{login:?}");
            assert_eq!(server.post("/v1/signup", &new).status, 503);
            assert_eq!(server.me(&token), 200, "what needs no write goes on");
            disk.free();
            until("it is ready again", || health(&server) == (200, 200));
        }
        told.work_on(40);
    });
    assert_eq!(told.lost.load(Ordering::Relaxed), 0, "{told:?}");
    users.iter().for_each(|user| user.agree(server.listen));

    // Without anybody who tries.
    disk.fill();
    until("it is full", || {
        server.post("/v1/signup", &json!({"email": "full@example.com", "password": PASSWORD})).status == 503
    });
    assert_eq!(health(&server), (200, 503));
    let ready = request(server.management, "GET", "/readyz", &[], "").unwrap();
    assert_eq!(ready.text, "the store takes no writes\n");
    disk.free();
    until("it finds out by itself", || health(&server) == (200, 200));

    // Full again, and killed meanwhile: the next one has all of it.
    disk.fill();
    server.kill();
    disk.free();
    let server = disk.serve();
    users.iter().for_each(|user| user.agree(server.listen));
    assert_eq!(server.me(&token), 200);
    assert_eq!(server.post("/v1/signup", &new).status, 201, "it was not half done");
}
