//! Two servers on one PostgreSQL behind a real nginx, by the file that the documentation shows.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use serde_json::json;

use super::common::nginx::Nginx;
use super::common::*;
use super::load::{UNTHROTTLED, User, refused_within_the_bound, while_working};
use super::postgres::Schema;
use super::proxy;

const CONFIG: &str = "public_url = \"https://auth.example.com\"\n[signup]\nopen = true\n\
    [server]\ntrusted_proxies = [\"127.0.0.1\"]\n";

/// The servers and what is in front of them; `None`, said loudly, where something is missing.
struct Pair {
    servers: Vec<Server>,
    nginx: Nginx,
    place: Place,
    schema: Schema,
}

impl Pair {
    fn start() -> Option<Self> {
        let program = Nginx::program("two servers behind nginx")?;
        let schema = Schema::new()?;
        let place = schema.place();
        place.write("cloakroom.toml", &format!("{CONFIG}{UNTHROTTLED}"));
        // Nobody takes their addresses while they are restarted.
        let servers = [&["--migrate"][..], &[]].map(|more| {
            let listen = proxy::free().to_string();
            schema.serve(&place, &[&["serve", "--listen", &listen], more].concat())
        });
        let nginx = Nginx::start(program, [servers[0].listen, servers[1].listen]);
        Some(Self { servers: servers.into(), nginx, place, schema })
    }

    /// A server in the place of one that has ended, at the same address.
    fn restart(&mut self, n: usize) {
        let listen = self.servers[n].listen.to_string();
        self.servers[n] = self.schema.serve(&self.place, &["serve", "--listen", &listen]);
    }

    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &serde_json::Value) -> Reply {
        let headers: Vec<_> = [("content-type", "application/json")].iter().chain(headers).copied().collect();
        request(self.nginx.listen, method, path, &headers, &body.to_string()).unwrap()
    }

    fn me(&self, to: SocketAddr, token: &str) -> u16 {
        let bearer = format!("Bearer {token}");
        request(to, "GET", "/v1/me", &[("authorization", &bearer)], "").unwrap().status
    }

    fn everywhere(&self) -> [SocketAddr; 3] {
        [self.servers[0].listen, self.servers[1].listen, self.nginx.listen]
    }
}

fn text(reply: &Reply, member: &str) -> String {
    reply.body[member].as_str().unwrap_or_else(|| panic!("no {member}: {reply:?}")).to_owned()
}

#[test]
fn a_login_of_each_strategy_walks_through_both_servers() {
    let Some(pair) = Pair::start() else { return };
    let account = json!({"email": "alice@example.com", "password": PASSWORD});
    assert_eq!(pair.send("POST", "/v1/signup", &[], &account).status, 201);
    for strategy in ["session", "jwt", "hybrid"] {
        let login = json!({
            "email": "alice@example.com", "password": PASSWORD, "strategy": strategy, "transport": "body",
        });
        // Who wrote this header is a stranger to the servers: nginx says where the client is.
        let login = pair.send("POST", "/v1/login", &[("x-forwarded-for", "198.51.100.7")], &login);
        assert_eq!(login.status, 200, "{login:?}");
        let member = if strategy == "session" { "session_token" } else { "access_token" };
        let mut token = text(&login, member);
        assert_eq!(pair.everywhere().map(|to| pair.me(to, &token)), [200; 3], "{strategy}");
        let bearer = format!("Bearer {token}");
        let sessions = pair.send("GET", "/v1/sessions", &[("authorization", &bearer)], &json!({}));
        for session in sessions.body["sessions"].as_array().unwrap() {
            assert_eq!(session["ip"], "127.0.0.1", "{session}");
        }
        let (mut dead, mut logout) = (Vec::new(), json!({}));
        if strategy == "hybrid" {
            let refresh =
                json!({"refresh_token": login.body["refresh_token"], "attempt": "0123456789abcdef"});
            let replies = [(); 4].map(|()| pair.send("POST", "/v1/refresh", &[], &refresh));
            let child = text(&replies[0], "refresh_token");
            assert!(replies.iter().all(|reply| text(reply, "refresh_token") == child), "{replies:?}");
            let exchange = json!({"strategy": "session", "transport": "body", "refresh_token": child});
            let session = pair.send("POST", "/v1/exchange", &[], &exchange);
            assert_eq!(session.status, 200, "{session:?}");
            // Access tokens already out live until the session ends.
            dead.push(token);
            token = text(&session, "session_token");
            assert_eq!(pair.everywhere().map(|to| pair.me(to, &token)), [200; 3]);
            let back = json!({"strategy": "hybrid", "transport": "body"});
            let pair_again = pair.send("POST", "/v1/exchange", &[("session-id", &token)], &back);
            assert_eq!(pair_again.status, 200, "{pair_again:?}");
            refused_within_the_bound(&pair.everywhere(), &[token]);
            token = text(&pair_again, "access_token");
            logout = json!({"refresh_token": pair_again.body["refresh_token"]});
        }
        let bearer = format!("Bearer {token}");
        assert_eq!(pair.send("POST", "/v1/logout", &[("authorization", &bearer)], &logout).status, 204);
        dead.push(token);
        refused_within_the_bound(&pair.everywhere(), &dead);
    }
}

#[test]
fn a_server_that_is_killed_logs_nobody_out_and_the_other_goes_on() {
    let Some(mut pair) = Pair::start() else { return };
    let users = User::some(&pair.servers[0], 4);
    let through = pair.nginx.listen;
    let ((), told) = while_working(&users, &[through], |told| {
        told.work_on(40);
        pair.servers[0].kill();
        told.work_on(80);
        pair.restart(0);
        told.work_on(40);
        pair.servers[1].kill();
        told.work_on(80);
    });
    assert_eq!(told.refused.load(Ordering::Relaxed), 0, "{told:?}");
    // At most what was in flight at the killed one and may not be sent twice: a login of each user, twice.
    assert!(told.lost.load(Ordering::Relaxed) <= 2 * users.len(), "{told:?}");
    users.iter().for_each(|user| user.agree(pair.servers[0].listen));
}

#[test]
fn servers_that_are_restarted_one_after_the_other_are_missed_by_nobody() {
    let Some(mut pair) = Pair::start() else { return };
    let users = User::some(&pair.servers[0], 4);
    let through = pair.nginx.listen;
    let ((), told) = while_working(&users, &[through], |told| {
        for n in [0, 1, 0, 1] {
            told.work_on(20);
            pair.servers[n].terminate();
            assert_eq!(pair.servers[n].child.wait().unwrap().code(), Some(0));
            told.work_on(20);
            pair.restart(n);
        }
    });
    assert_eq!(told.refused.load(Ordering::Relaxed), 0, "{told:?}");
    // Whoever connects between the last look at who waits and the end of the listener is cut off by the system: a moment,
    // but not for a process that loses its core in it. Nginx sends all but a login to the other server.
    assert!(told.lost.load(Ordering::Relaxed) <= 1, "{told:?}");
    for server in &pair.servers {
        users.iter().for_each(|user| user.agree(server.listen));
    }
}
