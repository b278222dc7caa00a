//! The pages in a real browser: it asks nobody, complains of nothing, and has every picture.

use std::path::PathBuf;
use std::process::Command;

use cloakroom_showdown::compare;
use cloakroom_showdown::report::html;
use scraper::{Html, Selector};
use serde_json::Value;

use super::comparison::slower;
use super::sample::sample;
use super::skip::skip;

/// What a browser made of a page.
#[derive(Debug)]
struct Seen {
    dom: String,
    console: Vec<String>,
    asked: Vec<String>,
}

/// Opens a page; `None`, said loudly, where there is no browser.
fn open(page: &str) -> Option<Seen> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&path).map(|folder| folder.join("chromium")).find(|file| file.is_file());
    let Some(program) = found else {
        skip("the report in a browser", "apt-get install chromium");
        return None;
    };
    let place = tempfile::tempdir().unwrap();
    let file = |name: &str| -> PathBuf { place.path().join(name) };
    std::fs::write(file("page.html"), page).unwrap();
    let mut chromium = Command::new(program);
    // As root there is no sandbox. What it wants to know of its makers is asked of nobody.
    chromium.args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]);
    chromium.arg("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1");
    chromium.args(["--disable-background-networking", "--enable-logging=stderr", "--dump-dom"]);
    chromium.arg(format!("--user-data-dir={}", file("profile").display()));
    chromium.arg(format!("--log-net-log={}", file("net.json").display()));
    let ran = chromium.arg(format!("file://{}", file("page.html").display())).output().unwrap();
    let stderr = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{stderr}");
    let net: Value = serde_json::from_str(&std::fs::read_to_string(file("net.json")).unwrap()).unwrap();
    Some(Seen {
        dom: String::from_utf8(ran.stdout).unwrap(),
        console: stderr.lines().filter(|line| line.contains("CONSOLE")).map(String::from).collect(),
        asked: net["events"].as_array().unwrap().iter().filter_map(asked_by_a_page).collect(),
    })
}

/// The browser itself asks too; then the log says that nobody did.
fn asked_by_a_page(event: &Value) -> Option<String> {
    let parameters = &event["params"];
    let by_a_page = parameters["initiator"].as_str()? != "not an origin";
    let url = parameters["url"].as_str()?;
    (by_a_page && !url.starts_with("file:")).then(|| url.to_owned())
}

#[test]
fn a_browser_asks_nobody_complains_of_nothing_and_has_every_picture() {
    let compared = compare::html(("a.json", &sample(1)), ("b.json", &slower(1.5)));
    for source in [html(&sample(1)), compared] {
        let Some(seen) = open(&source) else { return };
        assert_eq!((&seen.console, &seen.asked), (&Vec::new(), &Vec::new()));
        let pictures = |source: &str| -> Vec<String> {
            let page = Html::parse_document(source);
            let pictures = page.select(&Selector::parse("svg[role=img][id]").unwrap()).collect::<Vec<_>>();
            pictures.into_iter().filter_map(|one| one.value().id()).map(String::from).collect()
        };
        let (wanted, there) = (pictures(&source), pictures(&seen.dom));
        assert!(wanted.len() > 8 && there == wanted, "{there:?}: {wanted:?}");
    }
}

#[test]
fn a_browser_would_tell_of_a_request_and_of_a_style_that_is_not_ours() {
    let page = html(&sample(1)).replacen("<main>", "<main><img src=\"http://127.0.0.1:9/pixel.png\">", 1);
    let Some(seen) = open(&page) else { return };
    assert!(seen.console.iter().any(|line| line.contains("pixel.png")), "{:?}", seen.console);
    assert!(seen.asked.is_empty(), "the page's policy forbids it: {:?}", seen.asked);
    let open_to_all = page.replacen("Content-Security-Policy", "X-Nothing", 1);
    assert_eq!(open(&open_to_all).unwrap().asked, ["http://127.0.0.1:9/pixel.png"]);
    let other_style = page.replacen("<style>", "<style>p { color: red }", 1);
    let seen = open(&other_style).unwrap();
    assert!(seen.console.iter().any(|line| line.contains("inline style")), "{:?}", seen.console);
}
