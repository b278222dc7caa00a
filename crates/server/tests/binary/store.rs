//! `store copy`: another database, the same logins.

use serde_json::json;

use super::common::*;

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
