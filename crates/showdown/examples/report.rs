//! The report of an invented run, to look at while changing how it looks:
//! `cargo run -p cloakroom-showdown --example report > report.html`

use std::io::Write;

#[path = "../tests/report/sample.rs"]
mod sample;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(cloakroom_showdown::report::html(&sample::sample(7)).as_bytes())
}
