//! The inputs of `fuzz/corpus`, through the same bodies as under the fuzzer: what it found once stays found.

#[path = "../../../fuzz/bodies/authorization.rs"]
mod authorization;
#[path = "../../../fuzz/bodies/cookie.rs"]
mod cookie;
#[path = "../../../fuzz/bodies/jwk.rs"]
mod jwk;
#[path = "../../../fuzz/bodies/opaque.rs"]
mod opaque;
#[path = "../../../fuzz/bodies/token.rs"]
mod token;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Runs a target's inputs. Those named `honest-*` must be accepted and every other one refused.
#[track_caller]
fn run(target: &str, check: fn(&[u8]) -> bool) {
    let (mut accepted, mut refused) = (0, 0);
    for path in files(&corpus().join(target)) {
        let name = path.file_name().and_then(|name| name.to_str()).expect("a plain name");
        let is_honest = name.starts_with("honest-");
        assert_eq!(check(&fs::read(&path).expect("a file")), is_honest, "{target}/{name}");
        *(if is_honest { &mut accepted } else { &mut refused }) += 1;
    }
    assert!(accepted > 0 && refused > accepted, "{target}: {accepted} accepted, {refused} refused");
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus")
}

fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    entries.map(|entry| entry.expect("a file").path()).collect()
}

#[test]
fn authorizations() {
    run("authorization", authorization::check);
}

#[test]
fn cookies() {
    run("cookie", cookie::check);
}

#[test]
fn json_web_keys() {
    run("jwk", jwk::check);
}

#[test]
fn opaque_tokens() {
    run("opaque", opaque::check);
}

#[test]
fn access_tokens() {
    run("token", token::check);
}

#[test]
fn no_target_is_left_out() {
    let names = |folder: &str| -> BTreeSet<String> {
        let stem = |path: PathBuf| path.file_stem().and_then(|name| name.to_str()).map(String::from);
        files(&corpus().join("..").join(folder)).into_iter().filter_map(stem).collect()
    };
    let known = ["authorization", "cookie", "jwk", "opaque", "token"].map(String::from).into();
    assert_eq!([names("corpus"), names("bodies"), names("fuzz_targets")], [&known; 3].map(Clone::clone));
}
