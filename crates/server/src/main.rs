//! The `cloakroom` binary.
fn main() {}
