//! Tabs that share a cookie and no lock.

use std::collections::HashSet;
use std::net::SocketAddr;

use serde_json::json;

use super::client::new_attempt;
use super::theft::let_the_grace_pass;
use super::*;

const TABS: usize = 16;

fn cookies(reply: &Reply) -> Vec<&str> {
    reply.head.lines().filter_map(|line| line.strip_prefix("set-cookie: ")).collect()
}

/// Logs a browser in and returns its refresh cookie.
fn browser(server: &Server) -> String {
    server.signup("alice");
    let login = json!({
        "email": "alice@example.com", "password": PASSWORD, "strategy": "hybrid", "transport": "cookie",
    });
    only_cookie(&server.post("/v1/login", &login))
}

fn only_cookie(reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "{reply:?}");
    let [cookie] = cookies(reply)[..] else { panic!("{reply:?}") };
    let cookie = cookie.split(';').next().unwrap();
    assert!(cookie.starts_with("cloakroom-refresh=ckr_"), "set, never cleared: {reply:?}");
    cookie.to_owned()
}

/// One tab, with an attempt of its own.
fn tab(to: SocketAddr, cookie: &str) -> Reply {
    let body = json!({"attempt": new_attempt()}).to_string();
    let headers = [("content-type", "application/json"), ("cookie", cookie)];
    request(to, "POST", "/v1/refresh", &headers, &body).unwrap()
}

#[test]
fn every_tab_is_given_the_same_cookie() {
    let place = Place::new();
    let server = start(&place);
    let mut cookie = browser(&server);
    for _ in 0..10 {
        let (listen, shared) = (server.listen, &cookie);
        let told: HashSet<_> = std::thread::scope(|threads| {
            let tabs: Vec<_> = (0..TABS).map(|_| threads.spawn(move || tab(listen, shared))).collect();
            tabs.into_iter().map(|tab| only_cookie(&tab.join().unwrap())).collect()
        });
        assert_eq!(told.len(), 1, "one lineage: {told:?}");
        assert!(!told.contains(&cookie));
        cookie = told.into_iter().next().unwrap();
    }
}

/// A loser's answer may arrive after the winner's: were it to clear the cookie, it would take the winner's child.
#[test]
fn a_tab_that_loses_is_told_nothing_about_cookies() {
    let place = Place::new();
    let server = start_without_grace(&place);
    let cookie = browser(&server);
    let child = only_cookie(&tab(server.listen, &cookie));
    let_the_grace_pass();
    for lost in [&cookie, &cookie, &child] {
        let reply = tab(server.listen, lost);
        assert_eq!(reply.status, 401, "{reply:?}");
        assert_eq!(cookies(&reply), Vec::<&str>::new(), "{reply:?}");
    }
}
