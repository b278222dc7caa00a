//! The `cloakroom` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    cloakroom::cli::main()
}
