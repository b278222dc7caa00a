//! A disk without room, and a migration that is killed.

use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;

use serde_json::json;

use super::common::*;
use super::load::{UNTHROTTLED, User, until, while_working};
use super::postgres::CONFIG;
use super::postgres_faults::health;

/// Writes past the limit fail; without the trap they would end the process, which no full disk does.
const TRAPPED: &str = r#"trap '' XFSZ; exec "$@""#;

fn place() -> Place {
    let place = Place::new();
    place.write("cloakroom.toml", &format!("{CONFIG}{UNTHROTTLED}"));
    assert_eq!(place.run(&["key", "generate"]).code, 0);
    place
}

fn serve(place: &Place) -> Server {
    let server = place.command(&["serve", "--migrate"]);
    let mut trapped = Command::new("sh");
    trapped.args(["-c", TRAPPED, "sh"]).arg(server.get_program()).args(server.get_args());
    trapped.current_dir(place.path()).env_clear();
    trapped.envs(server.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Server::start(trapped)
}

/// How many bytes any file of this server may have.
fn room(server: &Server, bytes: &str) {
    let limit = format!("--fsize={bytes}:unlimited");
    let status = Command::new("prlimit").args(["--pid", &server.child.id().to_string(), &limit]).status();
    assert!(status.expect("prlimit is there (util-linux)").success());
}

#[test]
fn a_full_disk_refuses_what_writes_and_loses_nothing() {
    let place = place();
    let mut server = serve(&place);
    let users = User::some(&server, 4);
    let token = server.login("user0", "session");
    let ((), told) = while_working(&users, &[server.listen], |told| {
        for _ in 0..3 {
            told.work_on(20);
            room(&server, "0");
            let before = told.refused.load(Ordering::Relaxed);
            until("writes are refused", || told.refused.load(Ordering::Relaxed) > before + 10);
            let account = json!({"email": "user0@example.com", "password": PASSWORD});
            let login = server.post("/v1/login", &account);
            assert_eq!(login.status, 503, "{login:?}");
            assert!(login.head.contains("retry-after: ") && !login.head.contains("set-cookie"), "{login:?}");
            let new = json!({"email": "new@example.com", "password": PASSWORD});
            assert_eq!(server.post("/v1/signup", &new).status, 503);
            assert_eq!(server.me(&token), 200, "what needs no write goes on");
            assert_eq!(health(&server), (200, 503), "it tells, and lives");
            room(&server, "unlimited");
            until("it is ready again", || health(&server) == (200, 200));
        }
        told.work_on(40);
    });
    assert_eq!(told.lost.load(Ordering::Relaxed), 0, "{told:?}");
    users.iter().for_each(|user| user.agree(server.listen));
    server.kill();
    let server = serve(&place);
    users.iter().for_each(|user| user.agree(server.listen));
    assert_eq!(server.me(&token), 200);
    let new = json!({"email": "new@example.com", "password": PASSWORD});
    assert_eq!(server.post("/v1/signup", &new).status, 201, "it was not half done");
}

#[test]
fn a_migration_that_is_killed_can_be_run_again() {
    // What is seen of it before it is killed: nothing, its file, its log, and so many bytes there.
    let seen = |place: &Place, name: &str, bytes: u64| {
        std::fs::metadata(place.file(name)).is_ok_and(|file| file.len() >= bytes)
    };
    let moments = [("cloakroom.toml", 0), ("cloakroom.db", 0), ("cloakroom.db-wal", 0)];
    let later = (0..12).map(|page| ("cloakroom.db-wal", 32 + page * 4120));
    let mut killed = 0;
    for (name, bytes) in moments.into_iter().chain(later) {
        let place = place();
        let mut command = place.command(&["migrate"]);
        let mut migrate =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        until("it begins, or is done", || seen(&place, name, bytes) || migrate.try_wait().unwrap().is_some());
        migrate.kill().unwrap();
        killed += usize::from(migrate.wait().unwrap().code().is_none());
        let again = place.run(&["migrate"]);
        assert_eq!(again.code, 0, "{name} {bytes}: {again:?}");
        let server = Server::start(place.command(&["serve"]));
        server.signup("alice");
        assert_eq!(server.me(&server.login("alice", "session")), 200);
    }
    assert!(killed > 0, "none was killed in time");
}
