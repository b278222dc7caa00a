//! The primary of Redis dies, and sentinels make another one: the server finds it by itself.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use serde_json::json;

use super::common::skip::skip;
use super::common::*;
use super::load::{until, until_within};
use super::postgres::CONFIG;
use super::throwaway_redis::ThrowawayRedis;

/// A primary, a replica that follows it, and a sentinel that watches both; `None`, said loudly, where there is none.
struct Watched {
    primary: ThrowawayRedis,
    replica: ThrowawayRedis,
    sentinel: ThrowawayRedis,
}

impl Watched {
    fn start() -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let program = std::env::split_paths(&path).map(|folder| folder.join("redis-server"));
        let Some(program) = program.into_iter().find(|file| file.is_file()) else {
            skip("Redis", "apt-get install redis-server");
            return None;
        };
        let primary = ThrowawayRedis::start(&program, &["--repl-diskless-sync-delay", "0"]).unwrap();
        let (password, port) = parts(&primary);
        let follow =
            ["--masterauth", &password, "--requirepass", &password, "--replicaof", "127.0.0.1", &port];
        let replica = ThrowawayRedis::start(&program, &follow).unwrap();
        let lines = format!(
            "sentinel monitor main 127.0.0.1 {port} 1\nsentinel auth-pass main {password}\n\
             sentinel down-after-milliseconds main 2000\nsentinel failover-timeout main 3000\n"
        );
        let sentinel = ThrowawayRedis::watch(&program, &lines).unwrap();
        let watched = Self { primary, replica, sentinel };
        until("the replica follows", || {
            watched.ask_replica("INFO replication").contains("master_link_status:up")
        });
        until("the sentinel knows it", || {
            ask(&watched.sentinel, "SENTINEL REPLICAS main").contains("master-link-status\r\n$2\r\nok")
        });
        Some(watched)
    }

    /// As an operator writes it.
    fn url(&self) -> String {
        let (password, _) = parts(&self.primary);
        let (_, sentinel) = parts(&self.sentinel);
        format!("redis-sentinel://:{password}@127.0.0.1:{sentinel}?service=main")
    }

    fn ask_primary(&self, command: &str) -> String {
        self.ask(&self.primary, command)
    }

    fn ask_replica(&self, command: &str) -> String {
        self.ask(&self.replica, command)
    }

    /// Both have the password of the primary.
    fn ask(&self, redis: &ThrowawayRedis, command: &str) -> String {
        ask(redis, &format!("AUTH {}\r\n{command}", parts(&self.primary).0))
    }
}

/// Password and port.
pub fn parts(redis: &ThrowawayRedis) -> (String, String) {
    let url = redis.url();
    let (userinfo, address) = url
        .trim_start_matches("redis://")
        .rsplit_once('@')
        .unwrap_or(("", url.trim_start_matches("redis://")));
    (userinfo.trim_start_matches(':').to_owned(), address.rsplit(':').next().unwrap().to_owned())
}

/// Says it on a line of its own, as one would by hand, and hears until there is nothing more. (A sentinel knows no QUIT.)
pub fn ask(redis: &ThrowawayRedis, line: &str) -> String {
    try_ask(redis, line, Duration::from_secs(20)).unwrap()
}

fn try_ask(redis: &ThrowawayRedis, line: &str, patience: Duration) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(format!("127.0.0.1:{}", parts(redis).1))?;
    stream.set_read_timeout(Some(patience))?;
    stream.write_all(format!("{line}\r\n").as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn after_a_failover_nobody_is_logged_in_who_was_not_and_nobody_restarts_anything() {
    let Some(mut watched) = Watched::start() else { return };
    let place = Place::new();
    place.write("cloakroom.toml", &format!("{CONFIG}[store]\nsessions = \"{}\"\n", watched.url()));
    assert_eq!(place.run(&["key", "generate"]).code, 0);
    let mut server = Server::start(place.command(&["serve", "--migrate"]));
    server.signup("alice");
    let account = json!({"email": "alice@example.com", "password": PASSWORD, "strategy": "hybrid", "transport": "body"});
    let logout = |server: &Server, token: &str| {
        let bearer = format!("Bearer {token}");
        request(server.listen, "POST", "/v1/logout", &[("authorization", &bearer)], "").unwrap().status
    };
    let live = server.login("alice", "session");
    let [ended, ended_late] = [(); 2].map(|()| server.login("alice", "session"));
    let hybrid = server.post("/v1/login", &account).body;
    assert_eq!(logout(&server, &ended), 204);
    let offset = |text: String| {
        text.lines().find_map(|line| Some(line.strip_prefix("master_repl_offset:")?.to_owned()))
    };
    until("the replica has all of it", || {
        let primary = watched.ask_primary("INFO replication");
        let (primary, replica) = (offset(primary), offset(watched.ask_replica("INFO replication")));
        primary.is_some() && primary == replica
    });

    // From here on the replica hears of nothing: what the primary acknowledges is lost with it.
    watched.replica.signal("STOP").unwrap();
    until("it stands still", || try_ask(&watched.replica, "PING", Duration::from_millis(300)).is_err());
    // Nor of what the system would keep for it.
    assert!(watched.ask_primary("CLIENT KILL TYPE replica").ends_with(":1\r\n"));
    assert_eq!(logout(&server, &ended_late), 204);
    let spent = json!({"refresh_token": hybrid["refresh_token"]});
    let refreshed = server.post("/v1/refresh", &spent);
    assert_eq!(refreshed.status, 200, "{refreshed:?}");
    let lost = server.login("alice", "session");
    watched.primary.kill().unwrap();
    let refused = server.post("/v1/login", &account);
    assert_eq!((refused.status, refused.body["code"].as_str()), (503, Some("unavailable")), "{refused:?}");
    assert!(refused.head.contains("retry-after: ") && !refused.head.contains("set-cookie"), "{refused:?}");
    watched.replica.signal("CONT").unwrap();

    // Until there is another primary, whoever asks hears that it cannot be told, and nobody that he is logged out.
    let mut refused = 0;
    until_within(Duration::from_secs(60), "another one takes over", || {
        let login = server.post("/v1/login", &account);
        refused += usize::from(login.status == 503);
        assert!([200, 503].contains(&login.status), "{login:?}");
        assert!([200, 503].contains(&server.me(&live)));
        assert!([401, 503].contains(&server.me(&ended)));
        login.status == 200
    });
    assert!(watched.ask_replica("INFO replication").contains("role:master"));
    println!("{refused} logins were refused until another primary was there");
    assert_eq!(server.me(&live), 200, "a session goes on");
    assert_eq!(server.me(&ended), 401);
    assert_eq!(server.me(&ended_late), 401, "its row says that it lives");
    for token in [&hybrid["refresh_token"], &refreshed.body["refresh_token"]] {
        let again = server.post("/v1/refresh", &json!({"refresh_token": token}));
        assert_eq!(again.status, 401, "one of the two is spent, and nobody knows which: {again:?}");
    }
    let new = server.login("alice", "session");

    // Another process, which knows what is written and nothing else.
    server.kill();
    let server = Server::start(place.command(&["serve"]));
    assert_eq!([&live, &new].map(|token| server.me(token)), [200; 2]);
    assert_eq!([&ended, &ended_late].map(|token| server.me(token)), [401; 2]);
    assert_eq!(server.me(&lost), 401, "Redis forgot it: log in again");
}
