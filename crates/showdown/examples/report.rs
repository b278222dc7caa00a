//! The report of an invented run, or of a result that is there, to look at while changing how it looks:
//! `cargo run -p cloakroom-showdown --example report [RESULT.json] > report.html`

use std::io::{Error, Write};

use cloakroom_showdown::result::Showdown;

#[path = "../tests/report/sample.rs"]
mod sample;

fn main() -> std::io::Result<()> {
    let showdown = match std::env::args().nth(1) {
        Some(file) => Showdown::from_json(&std::fs::read_to_string(file)?).map_err(Error::other)?,
        None => sample::sample(7),
    };
    std::io::stdout().write_all(cloakroom_showdown::report::html(&showdown).as_bytes())
}
