//! A newcomer's walk: README.md followed word for word in an empty folder, with this build instead of a fresh one
//! and a free port instead of 8080. What it shows as output must come, `...` standing for anything.

use std::path::Path;
use std::process::Command;

use super::common::skip::skip;
use super::common::*;

/// A command and what the page says comes of it.
struct Step {
    command: String,
    expected: String,
}

fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| inside) {
            steps.push(Step { command: command.to_owned(), expected: String::new() });
        } else if inside {
            steps.last_mut().expect("output follows a command").expected.push_str(line);
        }
    }
    steps
}

/// Whether the text is the pattern with something for each `...`.
fn fits(pattern: &str, text: &str) -> bool {
    let mut rest = text;
    let mut parts = pattern.split("...");
    let first = parts.next().unwrap_or_default();
    let Some(after) = rest.strip_prefix(first) else { return false };
    rest = after;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty() || pattern.ends_with("...")
}

#[test]
fn the_readme_works_word_for_word() {
    let page = include_str!("../../../../README.md");
    let all = steps(page);
    assert_eq!(all[0].command, "cargo run --release -- dev");
    let walk: Vec<_> = all[1..].iter().take_while(|step| step.command != "cargo xtask test").collect();
    assert!(walk.len() >= 10, "the walk is there");
    if !Path::new("/usr/bin/curl").exists() {
        skip("the walk through README.md", "apt-get install curl");
        return;
    }
    let place = Place::new();
    let server = place.dev(&[]);
    // One shell for all, as in a terminal: variables stay.
    let mut script = String::from("set -eu\n");
    for step in &walk {
        let command = step.command.replace("http://127.0.0.1:8080", &server.url());
        script.push_str(&format!("{command}\necho; echo '--next--'\n"));
    }
    let output = Command::new("bash").current_dir(place.path()).args(["-c", &script]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let outputs: Vec<_> = text.split("--next--\n").map(str::trim).collect();
    for (step, output) in walk.iter().zip(outputs) {
        assert!(
            fits(&step.expected, output),
            "{}\nexpected {}\ngot      {output}",
            step.command,
            step.expected
        );
    }
}

#[test]
fn a_pattern_fits_what_it_describes() {
    assert!(fits("", ""));
    assert!(fits("{...,\"a\":1}", "{\"b\":2,\"a\":1}"));
    assert!(!fits("{...,\"a\":1}", "{\"b\":2,\"a\":2}"));
    assert!(!fits("{\"a\":1}", "{\"a\":1} and more"));
    assert!(!fits("", "something"));
}
