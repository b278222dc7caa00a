//! What a test does where something that it uses is not there.

use std::io::Write;

/// Says what goes untested and what to do about it; fails where everything is required.
#[track_caller]
pub fn skip(what: &str, how_to_get: &str) {
    let required = std::env::var("CLOAKROOM_TEST_REQUIRE").is_ok_and(|value| value == "all");
    assert!(!required, "CLOAKROOM_TEST_REQUIRE=all, but {what} cannot be tested: {how_to_get}");
    // Not by `eprintln!`, which is not shown of a test that passes.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {what}: {how_to_get}");
}
