//! `cloakroom completions SHELL`

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, Done, Failure, output};

/// See [`completions`].
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// Which shell
    shell: Shell,
}

/// Prints the completions of a shell.
pub fn completions(args: &CompletionsArgs) -> Done {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "cloakroom", &mut script);
    output::line(String::from_utf8(script).map_err(Failure::failed)?.trim_end())
}
