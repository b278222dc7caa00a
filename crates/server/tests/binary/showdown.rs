//! A comparison from the command line to its files: real servers, for a fraction of a second each.

use std::process::Stdio;
use std::time::Duration;

use super::common::*;
use super::load::{pause, until_within};

const QUICK: [&str; 9] =
    ["showdown", "--duration", "400ms", "--logins", "4", "--rates", "100", "--stores", "sqlite"];

/// Hashes that cost nothing, as a deployment could configure them.
fn command(place: &Place, more: &[&str]) -> std::process::Command {
    let mut command = place.command(&[&QUICK[..], more].concat());
    command.env("CLOAKROOM__PASSWORD__MEMORY_KIB", "64").env("PATH", std::env::var_os("PATH").unwrap());
    command
}

fn report(place: &Place, name: &str) -> cloakroom_showdown::result::Showdown {
    let text = std::fs::read_to_string(place.file(name)).expect("it is written");
    cloakroom_showdown::result::Showdown::from_json(&text).expect("it can be read")
}

#[test]
fn everybody_is_measured_and_written_down() {
    let place = Place::new();
    let ran = Ran::of(
        command(&place, &["--rounds", "1", "--connections", "1,4", "--output", "mine", "--seed", "7"])
            .output()
            .unwrap(),
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.ends_with("mine.json\n"), "{}", ran.stdout);
    let page = std::fs::read_to_string(place.file("mine.html")).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("Cloakroom session"), "a page to read");
    let told = report(&place, "mine.json");
    assert!(
        !told.partial && told.seed == 7 && told.hash_millis.is_some_and(|millis| millis > 0.0),
        "{told:?}"
    );
    assert!(ran.stderr.contains("8 contenders are ready; this will take about "), "{ran:?}");
    let (took, expected) = (told.took.unwrap(), told.expected.unwrap());
    // A load is measured for 400 ms after a fifth of that: 3 of them, for each of 8.
    assert!(took > 8.0 * 3.0 * 0.48 && expected > 8.0 * 3.0 * 0.48, "{took} {expected}");
    assert!(told.command.ends_with("--output mine --seed 7"), "{}", told.command);
    let ids: Vec<_> = told.contenders.iter().map(|contender| contender.id.as_str()).collect();
    let expected = [
        "floor",
        "classic-jwt-hs256",
        "classic-session-sqlite",
        "classic-hybrid-eddsa-sqlite",
        "cloakroom-session-sqlite",
        "cloakroom-session-always-sqlite",
        "cloakroom-jwt-hs256-sqlite",
        "cloakroom-hybrid-eddsa-sqlite",
    ];
    assert_eq!(ids, expected, "{:?}", told.notes);
    for contender in &told.contenders {
        let (id, closed) = (&contender.id, &contender.closed);
        assert_eq!(closed.iter().map(|one| one.connections).collect::<Vec<_>>(), [1, 4], "{id}");
        assert!(closed.iter().all(|one| one.per_second > 0.0 && one.failed == 0), "{id}: {closed:?}");
        assert!(
            contender.open.iter().all(|one| one.rate == 100 && one.failed == 0),
            "{id}: {:?}",
            contender.open
        );
        assert!(contender.bytes.is_some_and(|bytes| bytes.sent > 100 && bytes.received > 100), "{id}");
        assert!(ran.stdout.contains(&contender.name), "{id}");
        let Some(logout) = &contender.logout else {
            assert_eq!(id, "floor");
            continue;
        };
        // What the whole comparison is about.
        let believes_until_expiry =
            ["classic-jwt-hs256", "classic-hybrid-eddsa-sqlite"].contains(&id.as_str());
        assert_eq!(logout.bites_after.is_empty(), believes_until_expiry, "{id}: {logout:?}");
        let tries = if believes_until_expiry { (1, 1) } else { (5, 0) };
        assert_eq!((logout.tries, logout.never()), tries, "{id}: {logout:?}");
        assert_eq!(logout.stale_accepts > 0, believes_until_expiry, "{id}: {logout:?}");
    }
    let compared = place.run(&["showdown", "compare", "mine.json", "mine.json"]);
    assert!(compared.code == 0 && compared.stdout.contains("None differs by more"), "{compared:?}");
    let compared = place.run(&[
        "showdown",
        "compare",
        "mine.json",
        "mine.json",
        "--html",
        "page.html",
        "--output",
        "json",
    ]);
    let rows = compared.json()["rows"].as_array().unwrap().len();
    assert!(compared.stderr.contains("wrote page.html") && rows > 100, "{compared:?}");
    let page = std::fs::read_to_string(place.file("page.html")).unwrap();
    let says = format!("The runs agree on {rows} of {rows} figures.");
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains(&says), "{says}");
    place.run(&["showdown", "compare", "mine.json", "mine.html"]).fails(4, "no result of a showdown");
    place.run(&["showdown", "compare", "mine.json", "no.json"]).fails(3, "no.json");
    let refreshed = |id: &str| told.contenders.iter().any(|one| one.id == id && !one.refreshes.is_empty());
    assert!(refreshed("cloakroom-hybrid-eddsa-sqlite"));
}

#[test]
fn one_that_is_ended_early_leaves_what_it_knows() {
    let place = Place::new();
    let mut command = command(&place, &["--connections", "1", "--rounds", "100"]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // The floor is the last of its children: once it has worked all are measured.
    until_within(Duration::from_secs(60), "all are measured", || {
        pause(Duration::from_millis(50));
        let servers =
            std::process::Command::new("pgrep").args(["-P", &child.id().to_string()]).output().unwrap();
        let servers = String::from_utf8(servers.stdout).unwrap();
        servers.lines().count() == 8 && servers.lines().last().is_some_and(|floor| ticks(floor) >= 5)
    });
    let interrupted = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(interrupted.unwrap().success());
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("ended early"), "{ran:?}");
    let told = report(&place, "report.json");
    assert!(told.partial && told.contenders.len() == 8, "{told:?}");
    assert!(told.contenders.iter().any(|contender| contender.closed.len() < 100));
}

/// CPU of a process, in ticks of the kernel: user and system (proc_pid_stat(5)).
fn ticks(process: &str) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
}

#[test]
fn what_cannot_be_measured_is_said_before_anything_is_started() {
    let place = Place::new();
    let garbage = place.file("peers/one");
    std::fs::create_dir_all(&garbage).unwrap();
    std::fs::write(garbage.join("peer.json"), r#"{"id": "one", "command": []}"#).unwrap();
    let refused = Ran::of(command(&place, &["--peers", "peers"]).output().unwrap());
    refused.fails(4, "peer.json: missing field");
    assert!(!place.file("report.json").exists());
    let elsewhere = ["--stores", "postgres", "--postgres-url", "postgres://postgres@192.0.2.1/postgres"];
    place.run(&[&["showdown"][..], &elsewhere].concat()).fails(4, "loopback");
    place.run(&["showdown", "--stores", "mysql"]).fails(2, "expected sqlite, postgres or redis");
    place.run(&["showdown", "--redis-url", "redis://:secret@127.0.0.1"]).fails(2, "never an argument");
}

#[test]
fn elsewhere_output_still_says_how_to_print() {
    let place = Place::new();
    place.run(&["config", "show", "--output", "xml"]).fails(2, "table, json");
    assert_eq!(place.run(&["--output", "json", "config", "show", "--dev"]).code, 0);
}
