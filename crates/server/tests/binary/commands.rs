//! `user`, `session`, `key`, `config`, `migrate`, `healthcheck`, `completions`

use super::common::*;
use super::load::{refused_within_the_bound, until};

fn ready() -> Place {
    let place = Place::new();
    assert_eq!(place.run(&["key", "generate", "--dev"]).code, 0);
    assert_eq!(place.run(&["migrate", "--dev"]).code, 0);
    place
}

fn create(place: &Place, email: &str, more: &[&str]) -> Ran {
    let arguments = ["user", "create", email, "--password-stdin", "--dev", "--output", "json"];
    let arguments: Vec<_> = arguments.into_iter().chain(more.iter().copied()).collect();
    place.run_with_stdin(&arguments, &format!("{PASSWORD}\n"))
}

#[test]
fn accounts_are_made_shown_and_changed() {
    let place = ready();
    let made = create(&place, "Alice@Example.com", &["--name", "Alice", "--role", "admin"]).json();
    assert_eq!(made["email"], "Alice@Example.com");
    assert_eq!((&made["roles"][0], &made["status"]), (&"admin".into(), &"active".into()));
    let id = made["id"].as_str().unwrap();
    for name in ["alice@example.com", "ALICE@example.com", id] {
        assert_eq!(place.run(&["user", "show", name, "--dev", "--output", "json"]).json()["id"], id);
    }
    let list = place.run(&["user", "list", "--dev", "--output", "json"]).json();
    assert_eq!(list.as_array().unwrap().len(), 1);
    let disabled = place.run(&["user", "disable", id, "--dev", "--output", "json"]).json();
    assert_eq!(disabled["status"], "disabled");
    let enabled = place.run(&["user", "enable", id, "--dev", "--output", "json"]).json();
    assert_eq!(enabled["status"], "active");
    let roles = place.run(&["user", "set-role", id, "editor", "billing", "--dev", "--output", "json"]).json();
    assert_eq!(roles["roles"], serde_json::json!(["editor", "billing"]));
    let table = place.run(&["user", "list", "--dev"]);
    assert!(table.stdout.contains("EMAIL") && table.stdout.contains("editor, billing"), "{table:?}");
}

#[test]
fn refusals_have_codes_of_their_own() {
    let place = ready();
    create(&place, "alice@example.com", &[]).json();
    create(&place, "ALICE@example.com", &[]).fails(4, "there is an account with this email");
    create(&place, "no email", &[]).fails(4, "email");
    create(&place, "bob@example.com", &["--role", "Not A Role"]).fails(4, "a role is");
    let short = ["user", "create", "bob@example.com", "--password-stdin", "--dev"];
    place.run_with_stdin(&short, "short\n").fails(4, "at least 15");
    place.run(&["user", "show", "nobody@example.com", "--dev"]).fails(3, "no such user");
    place.run(&["user", "disable", "00000000-0000-7000-8000-000000000000", "--dev"]).fails(3, "no such user");
    place
        .run(&["session", "end", "00000000-0000-7000-8000-000000000000", "--dev"])
        .fails(3, "no such session");
    place.run(&["user", "create", "bob@example.com", "--dev"]).fails(2, "--password-stdin");
    place.run(&["nonsense"]).fails(2, "nonsense");
    place.run(&["healthcheck", "--dev", "--management", "127.0.0.1:1"]).fails(5, "127.0.0.1:1");
    place.run(&["user", "list", "--set", "token.secret=x"]).fails(2, "never an argument");
}

#[test]
fn one_trailing_newline_is_dropped_and_nothing_else() {
    let place = ready();
    let arguments = ["user", "create", "alice@example.com", "--password-stdin", "--dev"];
    assert_eq!(place.run_with_stdin(&arguments, " spaces around it \n\n").code, 0);
    let server = place.dev(&[]);
    let login = |password: &str| {
        let body = serde_json::json!({"email": "alice@example.com", "password": password});
        server.post("/v1/login", &body).status
    };
    assert_eq!(login(" spaces around it \n"), 200);
    assert_eq!(login(" spaces around it "), 401);
}

#[test]
fn what_a_command_does_bites_at_a_running_server() {
    let place = Place::new();
    let server = place.dev(&[]);
    create(&place, "alice@example.com", &[]).json();
    create(&place, "bob@example.com", &[]).json();
    let tokens: Vec<_> = ["session", "jwt", "hybrid"].map(|strategy| server.login("alice", strategy)).into();
    let bob = server.login("bob", "jwt");
    assert!(tokens.iter().all(|token| server.me(token) == 200));

    let sessions = place.run(&["session", "list", "alice@example.com", "--dev", "--output", "json"]).json();
    assert_eq!(sessions.as_array().unwrap().len(), 2);
    let hybrid = sessions[0]["id"].as_str().unwrap();
    place.run(&["session", "end", hybrid, "--dev", "--output", "json"]).json();
    refused_within_the_bound(&[server.listen], &tokens[2..]);
    place.run(&["session", "end", hybrid, "--dev"]).fails(3, "no such session");
    assert_eq!(server.me(&tokens[0]), 200);

    place.run(&["user", "disable", "alice@example.com", "--dev"]);
    refused_within_the_bound(&[server.listen], &tokens);
    assert_eq!(server.me(&bob), 200);
    place.run(&["session", "end", "--user", "bob@example.com", "--dev"]);
    refused_within_the_bound(&[server.listen], &[bob]);
}

#[test]
fn what_is_revoked_by_a_command_is_refused_by_a_running_server() {
    let place = Place::new();
    let server = place.dev(&[]);
    ["alice", "bob", "carol"].iter().for_each(|name| server.signup(name));
    let session = server.login("alice", "session");
    let id = place.run(&["session", "list", "alice@example.com", "--dev", "--output", "json"]).json();
    let id = id[0]["id"].as_str().unwrap();
    assert_eq!(place.run(&["revoke", "session", id, "--dev"]).code, 0);
    refused_within_the_bound(&[server.listen], &[session]);
    place.run(&["revoke", "session", id, "--dev"]).fails(3, "no such session");

    let bob = server.login("bob", "jwt");
    assert_eq!(place.run(&["revoke", "user", "bob@example.com", "--dev"]).code, 0);
    refused_within_the_bound(&[server.listen], &[bob]);
    place.run(&["revoke", "user", "nobody@example.com", "--dev"]).fails(3, "no such user");

    let all = ["session", "jwt", "hybrid"].map(|strategy| server.login("carol", strategy));
    place.run(&["revoke", "everything", "--dev"]).fails(2, "--yes");
    assert!(all.iter().all(|token| server.me(token) == 200));
    assert_eq!(place.run(&["revoke", "everything", "--yes", "--dev"]).code, 0);
    refused_within_the_bound(&[server.listen], &all);
}

#[test]
fn revoking_the_key_in_use_kills_what_it_signed_and_the_next_one_takes_over() {
    let place = Place::new();
    let server = place.dev(&[]);
    server.signup("alice");
    let token = server.login("alice", "jwt");
    let keys = place.run(&["key", "list", "--dev", "--output", "json"]).json();
    let file = keys[0]["file"].as_str().unwrap();
    let kid = file.strip_prefix("signing-").and_then(|name| name.strip_suffix(".json")).unwrap();
    let ran = place.run(&["revoke", "key", kid, "--dev"]);
    assert!(ran.code == 0 && ran.stderr.contains("signs in 4s"), "{ran:?}");
    refused_within_the_bound(&[server.listen], &[token]);
    for unknown in ["nonsense", "-pDa80FQcSm5IC3-r5HmiFO_Lj2Tv1mYb2DqBnP9u8E", "--nonsense"] {
        place.run(&["revoke", "key", unknown, "--dev"]).fails(3, "no such signing key");
    }
    let body = serde_json::json!({"email": "alice@example.com", "password": PASSWORD, "strategy": "jwt"});
    until("the next key signs", || {
        let reply = server.post("/v1/login", &body);
        assert!([200, 503].contains(&reply.status), "{reply:?}");
        reply.status == 200
    });
    assert_eq!(server.me(&server.login("alice", "jwt")), 200);
}

#[test]
fn a_running_server_is_ready() {
    let place = Place::new();
    let server = place.dev(&[]);
    let management = server.management.to_string();
    let ran = place.run(&["healthcheck", "--dev", "--management", &management]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "ready\n"));
    let metrics = request(server.management, "GET", "/metrics", &[], "").unwrap();
    assert!(metrics.text.contains("cloakroom_lease_age_seconds") && metrics.text.ends_with("# EOF\n"));
    assert_eq!(request(server.management, "GET", "/livez", &[], "").unwrap().status, 200);
    assert_eq!(server.get("/livez", &[]).status, 404, "not for the world");
}

#[test]
fn keys_are_made_once_and_listed_without_what_is_in_them() {
    let place = Place::new();
    let made = place.run(&["key", "generate", "--dev", "--output", "json"]).json();
    assert_eq!(made.as_array().unwrap().len(), 2);
    let again = place.run(&["key", "generate", "--dev", "--output", "json"]).json();
    assert_eq!(again.as_array().unwrap().len(), 0);
    let list = place.run(&["key", "list", "--dev", "--output", "json"]);
    assert!(
        list.stdout.contains("EdDSA") && !list.stdout.contains("pkcs8") && !list.stdout.contains("secret")
    );
}

#[test]
fn the_configuration_is_shown_with_its_sources_and_without_its_secrets() {
    let place = Place::new();
    place.write(
        "cloakroom.toml",
        "public_url = \"https://auth.example.com\"\n[token]\nalgorithm = \"HS256\"\nlifetime = \"5m\"\n",
    );
    place.write("secret", "mQ7Jp0Zr3vXk1Yb8Wm5Nd2Tf6Hs4Lc9GaeUoRixKw\n");
    let mut command = place.command(&["config", "check", "--output", "json", "--set", "refresh.lives=0"]);
    command.env("CLOAKROOM__TOKEN__SECRET_FILE", place.file("secret"));
    command.env("CLOAKROOM__TOKEN__AUDIENCE", r#"["a","b"]"#);
    command.env("CLOAKROOM__SIGNUP__OPEN", "true");
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains("mQ7Jp0Zr"), "{text}");
    let rows: serde_json::Value = serde_json::from_str(&text).unwrap();
    let row = |key: &str| {
        let row = rows.as_array().unwrap().iter().find(|row| row["key"] == key).unwrap();
        format!("{} from {}", row["value"].as_str().unwrap(), row["source"].as_str().unwrap())
    };
    assert_eq!(row("token.lifetime"), "\"5m\" from cloakroom.toml");
    assert_eq!(row("token.secret"), "(hidden) from CLOAKROOM__TOKEN__SECRET_FILE");
    assert_eq!(row("token.audience"), "[\"a\", \"b\"] from CLOAKROOM__TOKEN__AUDIENCE");
    assert_eq!(row("signup.open"), "true from CLOAKROOM__SIGNUP__OPEN");
    assert_eq!(row("refresh.lives"), "0 from --set");
    assert_eq!(row("password.min_length"), "15 from default");
}

#[test]
fn a_wrong_configuration_is_told_whole_and_without_its_secrets() {
    let place = Place::new();
    let check = |toml: &str| {
        place.write("cloakroom.toml", toml);
        place.run(&["config", "check"])
    };
    check("[server]\nlissten = \"x\"\n[tokn]\nlifetime = \"1m\"\n").fails(4, "did you mean server.listen?");
    check("").fails(4, "public_url");
    let base = "public_url = \"https://auth.example.com\"\n";
    let with = |more: &str| check(&format!("{base}{more}"));
    with("[token]\nlifetime = 15\n").fails(4, "token.lifetime (from cloakroom.toml)");
    with("[token]\nlifetime = \"15 parsecs\"\n").fails(4, "expected a duration");
    with("[token]\naudience = []\n").fails(4, "token.audience");
    with("[token]\nalgorithm = \"none\"\n").fails(4, "token.algorithm");
    with("[token]\nalgorithm = \"HS256\"\n").fails(4, "needs token.secret");
    with("[session]\nidle_timeout = \"2d\"\n").fails(4, "longer than session.absolute_timeout");
    with("[server]\ntrusted_proxies = [\"everybody\"]\n").fails(4, "expected a network");
    with("[server]\ntrusted_proxies = [\"0.0.0.0/0\"]\n").fails(4, "trusts everybody");
    with("[server]\nallowed_origins = [\"*\"]\n").fails(4, "server.allowed_origins");
    with("[throttle]\nper_account = \"ten\"\n").fails(4, "throttle.per_account");
    for bad in
        ["memcached://:hunter2@localhost", "redis://:hunter2@a,b", "redis://:hunter2@a?prefixx=b", "redis"]
    {
        let ran = with(&format!("[store]\nsessions = \"{bad}\"\n"));
        assert!(ran.code == 4 && ran.stderr.contains("store.sessions"), "{ran:?}");
        assert!(!ran.stderr.contains("hunter2"), "{ran:?}");
    }
    let ran = with("[store]\nsessions = \"rediss://:hunter2@localhost\"\n");
    assert!(ran.code == 0 && !ran.stdout.contains("hunter2"), "{ran:?}");
    for broken in ["public_url = \"https://a\"\n[token]\nsecret = \"hunter2hunter2\n", "hunter2hunter2"] {
        let ran = check(broken);
        assert!(ran.code == 4 && !ran.stderr.contains("hunter2"), "{ran:?}");
    }
    let ran = with("[token]\nalgorithm = \"HS256\"\nsecret = \"hunter2\"\n");
    assert!(ran.code == 4 && ran.stderr.contains("fewer than 32 bytes") && !ran.stderr.contains("hunter2"));
    for url in
        ["http://auth.example.com", "https://auth.example.com/", "https://auth.example.com/x?y", "auth"]
    {
        let ran = check(&format!("public_url = \"{url}\"\n"));
        assert_eq!(ran.code, 4, "{url}: {ran:?}");
    }
    place.run(&["config", "show", "--config", "nowhere.toml"]).fails(4, "nowhere.toml");
}

#[test]
fn a_dry_migration_changes_nothing() {
    let place = Place::new();
    let planned = place.run(&["migrate", "--dry-run", "--dev", "--output", "json"]).json();
    assert_eq!(planned[0]["applied"], false);
    assert!(!place.file("cloakroom-dev.db").exists());
    let applied = place.run(&["migrate", "--dev", "--output", "json"]).json();
    assert_eq!(applied[0]["applied"], true);
    assert_eq!(place.run(&["migrate", "--dev", "--output", "json"]).json(), serde_json::json!([]));
}

#[test]
fn completions_are_printed() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(Place::new().run(&["completions", shell]).stdout.contains("cloakroom"), "{shell}");
    }
}

/// Before there is anything: no configuration, no keys, no database.
#[test]
fn what_a_password_hash_costs_is_measured_anywhere() {
    let place = Place::new();
    let calibrate = ["hash", "calibrate", "--target", "500", "--memory-kib", "20000", "--output", "json"];
    let rows = place.run(&calibrate).json();
    let [configured, fits] = rows.as_array().unwrap().as_slice() else { panic!("{rows}") };
    assert_eq!((&configured["memory_kib"], &configured["note"]), (&19_456.into(), &"configured".into()));
    assert!(configured["milliseconds"].as_f64().unwrap() > 0.0, "{rows}");
    assert!(fits["memory_kib"] == 19_456 && fits["iterations"].as_u64().unwrap() >= 2, "{rows}");
    place.run(&["hash", "calibrate", "--target", "0"]).fails(2, "--target");
}
