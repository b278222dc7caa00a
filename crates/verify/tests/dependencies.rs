//! What a service takes in with this crate: the list is committed, and grows only on purpose.

use std::collections::BTreeSet;
use std::process::Command;

#[test]
fn the_default_dependencies_are_those_of_the_list() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--package", "cloakroom-verify", "--edges", "normal", "--prefix", "none"])
        .args(["--format", "{p}", "--locked", "--offline", "--target", "x86_64-unknown-linux-gnu"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let tree: BTreeSet<&str> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    let list: BTreeSet<&str> = include_str!("../dependencies.txt").lines().collect();
    assert_eq!(tree, list, "if that is meant: write the new list to crates/verify/dependencies.txt");
    for heavy in ["tokio", "hyper", "axum", "reqwest", "rusqlite", "sqlx"] {
        assert!(!tree.contains(heavy), "{heavy} has no place here");
    }
}
