//! `store copy`: another database, the same logins.

use serde_json::{Value, json};

use super::common::*;
use super::load::until;
use super::postgres::Schema;

/// With an issuer that stays the same, as behind one public URL.
fn dev(place: &Place, database: &str) -> Server {
    let set = format!("store.url=sqlite:{database}");
    place.dev(&["--public-url", "http://127.0.0.1:1", "--set", &set])
}

#[test]
fn who_was_logged_in_stays_logged_in_and_who_was_not_does_not() {
    let place = Place::new();
    let mut server = dev(&place, "old.db");
    server.signup("alice");
    let live = ["session", "jwt", "hybrid"].map(|strategy| server.login("alice", strategy));
    let ended = server.login("alice", "session");
    let logout =
        request(server.listen, "POST", "/v1/logout", &[("authorization", &format!("Bearer {ended}"))], "");
    assert_eq!(logout.unwrap().status, 204);
    let body = json!({"email": "alice@example.com", "password": PASSWORD, "strategy": "hybrid"});
    let hybrid = server.post("/v1/login", &body).body;

    let copy = ["store", "copy", "sqlite:old.db", "sqlite:new.db", "--output", "json"];
    place.run(&copy).fails(4, "held by another running server");
    server.kill();
    let told = place.run(&copy).json();
    assert_eq!(
        (&told[2]["table"], &told[2]["rows"], &told[2]["copied"]),
        (&json!("users"), &json!(1), &json!(1))
    );
    assert_eq!(place.run(&copy).json()[2]["copied"], 0, "twice is once");

    let server = dev(&place, "new.db");
    assert_eq!([&live[0], &live[1], &live[2], &ended].map(|token| server.me(token)), [200, 200, 200, 401]);
    let refreshed = server.post("/v1/refresh", &json!({"refresh_token": hybrid["refresh_token"]}));
    assert_eq!(refreshed.status, 200, "{refreshed:?}");
    assert_eq!(server.me(&server.login("alice", "session")), 200);
}

#[test]
fn to_postgres_and_back_again_nobody_is_logged_out_and_nobody_back_in() {
    let Some(schema) = Schema::new() else { return };
    let place = schema.place();
    let on_a_file = |name: &str| {
        let set = format!("store.url=sqlite:{name}");
        Server::start(place.command(&["serve", "--migrate", "--set", &set]))
    };
    let copy = |from: &str, to: &str| place.run(&["store", "copy", from, to, "--output", "json"]);
    let refresh = |server: &Server, tokens: &Value| {
        let refreshed = server.post("/v1/refresh", &json!({"refresh_token": tokens["refresh_token"]}));
        assert_eq!(refreshed.status, 200, "{refreshed:?}");
        refreshed.body
    };
    let logout = |server: &Server, token: &str| {
        let bearer = format!("Bearer {token}");
        let out = request(server.listen, "POST", "/v1/logout", &[("authorization", &bearer)], "");
        assert_eq!(out.unwrap().status, 204);
    };

    let mut server = on_a_file("old.db");
    server.signup("alice");
    let live = ["session", "jwt", "hybrid"].map(|strategy| server.login("alice", strategy));
    let [early, late] = [(); 2].map(|()| server.login("alice", "session"));
    logout(&server, &early);
    let body = json!({"email": "alice@example.com", "password": PASSWORD, "strategy": "hybrid"});
    let first = server.post("/v1/login", &body).body;
    server.kill();
    assert_eq!(copy("sqlite:old.db", "@store-url").json()[2]["copied"], 1);
    assert_eq!(copy("sqlite:old.db", "@store-url").json()[2]["copied"], 0, "twice is once");

    let mut server = schema.serve(&place, &["serve"]);
    assert_eq!([&live[0], &live[1], &live[2], &late].map(|token| server.me(token)), [200; 4]);
    assert_eq!(server.me(&early), 401);
    let second = refresh(&server, &first);
    logout(&server, &late);
    let there = server.login("alice", "session");
    copy("@store-url", "sqlite:back.db").fails(4, "held by another");
    server.kill();
    // The database notices a little later that the server is gone.
    let mut copied = None;
    until("it is held by nobody", || {
        let ran = copy("@store-url", "sqlite:back.db");
        let is_held = ran.code == 4 && ran.stderr.contains("held by another");
        copied = Some(ran);
        !is_held
    });
    let told = copied.unwrap().json();
    assert_eq!((&told[4]["table"], &told[4]["rows"]), (&json!("sessions"), &json!(6)));

    let server = on_a_file("back.db");
    assert_eq!([&live[0], &live[1], &live[2], &there].map(|token| server.me(token)), [200; 4]);
    assert_eq!([&early, &late].map(|token| server.me(token)), [401, 401]);
    refresh(&server, &second);
}

#[test]
fn what_cannot_be_copied_is_told() {
    let place = Place::new();
    let copy = |from: &str, to: &str| place.run(&["store", "copy", from, to]);
    copy("sqlite:nowhere.db", "sqlite:new.db").fails(4, "not migrated");
    assert!(!place.file("new.db").exists());
    copy("postgres://me:hunter2@localhost/db", "sqlite:new.db").fails(2, "never an argument");
    assert!(!copy("postgres://me:hunter2@localhost/db", "sqlite:new.db").stderr.contains("hunter2"));
    copy("@nowhere", "sqlite:new.db").fails(1, "nowhere");
    drop(dev(&place, "old.db"));
    place.write("from", "sqlite:old.db\n");
    assert_eq!(copy("@from", "sqlite:new.db").code, 0);
    copy("sqlite:old.db", "sqlite:old.db").fails(4, "held by another");
}
