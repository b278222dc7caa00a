//! `user import`: accounts of other systems, beside a running server.

use serde_json::{Value, json};

use super::common::*;

const OF_OTHERS: &str = "correct horse battery staple";
/// Of that password; how they were made is told in `auth/src/password/foreign/tests.rs`.
const HASHES: &[(&str, &str)] = &[
    (
        "argon2i",
        "$argon2i$v=19$m=256,t=3,p=2$MDEyMzQ1Njc4OWFiY2RlZg$UA/MuYlZVe2KTjnHGRnBjkYhthn3tQSD1jtLSgeaer4",
    ),
    (
        "argon2id",
        "$argon2id$v=19$m=256,t=3,p=2$MDEyMzQ1Njc4OWFiY2RlZg$MI6ryYRwMCcF1mm/CkxPIp74xyGLtt30+tj0SMxQ5b4",
    ),
    ("bcrypt", "$2b$05$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS"),
    ("scrypt", "$scrypt$ln=10,r=8,p=2$MDEyMzQ1Njc4OWFiY2RlZg$KhW5KLACpfR1HRqSPdg8ODHC9nzhpv0EHEqfwm5GJX4"),
    (
        "pbkdf2",
        "$pbkdf2-sha256$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$yqSq2SygY1sB4EcH9f2FG0JTMES+wqLsOT5YmiRBplI",
    ),
    ("django", "pbkdf2_sha256$1000$seasalt2$vVHZGEs7v6quz+ZQJ3YUviKmZHPrpr5OATMMKlICjVY="),
];
const HMAC: &str =
    r#"{"salt":"a1b2c3d4e5f6","hash":"92fa225d03773974cc7de16849afecfc0b55d1ed6b194b7169d3f0771351c532"}"#;

fn import(place: &Place, lines: &[String], more: &[&str]) -> Ran {
    place.write("users.jsonl", &lines.join("\n"));
    let arguments = ["user", "import", "users.jsonl", "--dev", "--output", "json"];
    place.run(&arguments.into_iter().chain(more.iter().copied()).collect::<Vec<_>>())
}

fn report(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

fn login(server: &Server, name: &str, password: &str) -> u16 {
    server.post("/v1/login", &json!({"email": format!("{name}@example.com"), "password": password})).status
}

/// What the database holds for each account.
fn hash_of(place: &Place, name: &str) -> String {
    let database = rusqlite::Connection::open(place.file("cloakroom-dev.db")).unwrap();
    let query = "SELECT password_hash FROM users WHERE email_key = ?1";
    database.query_row(query, [format!("{name}@example.com")], |row| row.get(0)).unwrap()
}

#[test]
fn who_had_an_account_elsewhere_logs_in_with_the_same_password_and_gets_a_hash_of_ours() {
    let place = Place::new();
    let server = place.dev(&[]);
    let mut lines: Vec<_> = HASHES
        .iter()
        .map(|(name, hash)| {
            json!({"email": format!("{name}@example.com"), "password_hash": hash}).to_string()
        })
        .collect();
    lines.push(format!(r#"{{"email":"hmac@example.com","hmac_sha256":{HMAC}}}"#));
    let ran = import(&place, &lines, &[]);
    let counts = report(&ran);
    assert_eq!(
        (ran.code, &counts["imported"], &counts["lines_refused"]),
        (0, &json!(7), &json!([])),
        "{ran:?}"
    );
    for name in HASHES.iter().map(|(name, _)| *name).chain(["hmac"]) {
        let before = hash_of(&place, name);
        assert_eq!(login(&server, name, "wrong horse battery staple"), 401, "{name}");
        assert_eq!(hash_of(&place, name), before, "a wrong password replaces nothing");
        assert_eq!(login(&server, name, OF_OTHERS), 200, "{name}");
        let after = hash_of(&place, name);
        assert!(after != before && after.starts_with("$argon2id$v=19$m=19456,"), "{name}: {after}");
        assert_eq!(login(&server, name, OF_OTHERS), 200, "{name}, with the hash of ours");
        assert_eq!(hash_of(&place, name), after, "once");
    }
}

#[test]
fn the_beginning_of_a_long_password_is_not_the_password() {
    let place = Place::new();
    let server = place.dev(&[]);
    // bcrypt.hashpw(b"x" * 72, ..): every longer one begins with it, and bcrypt would see no difference.
    let hash = "$2b$05$abcdefghijklmnopqrstuujf8SX2ahXLwp9w/B.Y5XdysS6yR576q";
    import(&place, &[json!({"email": "long@example.com", "password_hash": hash}).to_string()], &[]);
    let wrong = json!({"email": "long@example.com", "password": "x".repeat(73)});
    let nobody = json!({"email": "nobody@example.com", "password": "x".repeat(73)});
    let [wrong, nobody] = [wrong, nobody].map(|body| server.post("/v1/login", &body));
    assert_eq!((wrong.status, &wrong.body["code"]), (401, &json!("invalid_credentials")));
    assert_eq!((wrong.status, &wrong.body["detail"]), (nobody.status, &nobody.body["detail"]));
    assert_eq!(login(&server, "long", &"x".repeat(72)), 200);
    assert_eq!(login(&server, "long", &"x".repeat(73)), 401, "with the hash of ours too");
}

#[test]
fn what_a_line_says_of_an_account_is_what_it_is() {
    let place = Place::new();
    let server = place.dev(&[]);
    let id = "0b9d2a6e-3f54-4f0e-9d2f-6a1c6f0b7d11";
    let full = json!({
        "email": "Full@Example.com", "name": "Full", "roles": ["editor"], "id": id, "status": "disabled",
        "created_at": "2024-05-17T09:30:00Z", "password_hash": HASHES[2].1,
    });
    let ran = import(&place, &[full.to_string(), r#"{"email":"bare@example.com"}"#.into()], &[]);
    assert_eq!(report(&ran)["without_password"], 1);
    let shown = place.run(&["user", "show", id, "--dev", "--output", "json"]).json();
    assert_eq!(shown["email"], "Full@Example.com");
    assert_eq!((&shown["name"], &shown["roles"]), (&json!("Full"), &json!(["editor"])));
    assert_eq!(
        (&shown["status"], &shown["created_at"]),
        (&json!("disabled"), &json!("2024-05-17T09:30:00.000Z"))
    );
    assert_eq!(login(&server, "full", OF_OTHERS), 401, "disabled from the start");
    assert_eq!(login(&server, "bare", ""), 401, "no password is not the empty one");
    assert_eq!(login(&server, "bare", "!"), 401);
}

#[test]
fn refused_lines_are_told_with_their_reasons_and_the_rest_is_in() {
    let place = Place::new();
    let server = place.dev(&[]);
    server.signup("alice");
    let id = r#""id":"0b9d2a6e-3f54-4f0e-9d2f-6a1c6f0b7d11""#;
    let roles: Vec<_> = (0..80).map(|n| format!("role-{n:0>58}")).collect();
    let lines = [
        r#"{"email":"ALICE@example.com"}"#.to_owned(),
        format!(r#"{{"email":"one@example.com",{id}}}"#),
        r#"{"email":"One@example.com"}"#.to_owned(),
        format!(r#"{{"email":"two@example.com",{id}}}"#),
        json!({"email": "three@example.com", "roles": roles}).to_string(),
        r#"{"email":"four@example.com","password_hash":"$2b$15$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS"}"#
            .to_owned(),
        r#"{"email":"five@example.com","password":"hunter2"}"#.to_owned(),
        "not json hunter2".to_owned(),
        r#"{"email":"six@example.com"}"#.to_owned(),
    ];
    let ran = import(&place, &lines, &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let told = report(&ran);
    assert_eq!((&told["imported"], &told["refused"]), (&json!(2), &json!(7)));
    let refused = told["lines_refused"].as_array().unwrap();
    let expected = [
        (1, json!("ALICE@example.com"), "there is an account with this email"),
        (3, json!("One@example.com"), "email: line 2 has it already"),
        (4, json!("two@example.com"), "id: line 2 has it already"),
        (5, json!("three@example.com"), "larger than 4 KiB"),
        (6, json!("four@example.com"), "a cost of at most 14"),
        (7, Value::Null, "password: this field is not known"),
        (8, Value::Null, "not JSON"),
    ];
    for (refused, (line, email, reason)) in refused.iter().zip(expected) {
        assert_eq!((&refused["line"], &refused["email"]), (&json!(line), &email), "{refused}");
        assert!(refused["reason"].as_str().unwrap().contains(reason), "{refused}");
    }
    assert!(!format!("{ran:?}").contains("hunter2") && !format!("{ran:?}").contains("$2b$"), "{ran:?}");

    let again = import(&place, &lines[1..2], &[]);
    assert!(again.stdout.contains("id: there is an account with this id"), "{again:?}");
    let list = place.run(&["user", "list", "--dev", "--output", "json"]).json();
    assert_eq!(list.as_array().unwrap().len(), 3, "{list}");
}

#[test]
fn a_dry_run_says_the_same_and_adds_nobody() {
    let place = Place::new();
    let server = place.dev(&[]);
    server.signup("alice");
    let lines = ["alice", "bob", "bob", "carol"]
        .map(|name| json!({"email": format!("{name}@example.com")}).to_string());
    let rehearsed = report(&import(&place, &lines, &["--dry-run"]));
    let list = || place.run(&["user", "list", "--dev", "--output", "json"]).json().as_array().unwrap().len();
    assert_eq!(list(), 1);
    let done = report(&import(&place, &lines, &[]));
    assert_eq!(list(), 3);
    assert_eq!(rehearsed["lines_refused"], done["lines_refused"]);
    assert_eq!((&rehearsed["imported"], &rehearsed["dry_run"]), (&done["imported"], &json!(true)));
}

#[test]
fn many_lines_come_through_a_pipe_in_batches() {
    let place = Place::new();
    let _server = place.dev(&[]);
    let mut lines = String::new();
    for n in 0..1000 {
        lines.push_str(
            &json!({"email": format!("user{n}@example.com"), "password_hash": HASHES[2].1}).to_string(),
        );
        lines.push('\n');
    }
    let ran = place.run_with_stdin(&["user", "import", "-", "--dev"], &lines);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{ran:?}");
    assert!(ran.stderr.contains("1000 imported, 0 refused"), "{ran:?}");
    assert!(ran.stderr.contains("1000 with a hash that is easier to guess"), "{ran:?}");
    let again = place.run_with_stdin(&["user", "import", "-", "--dev"], &lines);
    assert_eq!((again.code, again.stdout.lines().count()), (1, 1001), "a heading and each line");
    place.run(&["user", "import", "nowhere.jsonl", "--dev"]).fails(1, "nowhere.jsonl");
}
