//! The command line: one file a command.
//!
//! Data on stdout, talk on stderr. Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 refused, 5 unreachable.

pub mod backup;
pub mod completions;
pub mod config;
pub mod context;
pub mod dev;
pub mod hash;
pub mod healthcheck;
pub mod import;
pub mod init;
pub mod key;
pub mod migrate;
pub mod output;
pub mod relay;
pub mod revoke;
pub mod run;
pub mod serve;
pub mod service_key;
pub mod session;
pub mod showdown;
pub mod store;
pub mod token;
pub mod user;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{Inputs, Mode};
use output::Output;

/// Sessions, JWTs and the hybrid of both, on one user table.
#[derive(Debug, Parser)]
#[command(name = "cloakroom", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    given: Given,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
pub struct Given {
    /// The configuration file [default: cloakroom.toml where it is]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Use the defaults of `cloakroom dev`: its database, its keys, plain http
    #[arg(long, global = true)]
    dev: bool,
    /// Set any key of the configuration, as in the environment
    #[arg(long, global = true, value_name = "KEY=VALUE", value_parser = setting)]
    set: Vec<(String, String)>,
    /// The same as --set public_url=URL
    #[arg(long, global = true, value_name = "URL")]
    public_url: Option<String>,
    /// The same as --set server.listen=ADDRESS; port 0 takes a free one
    #[arg(long, global = true, value_name = "ADDRESS")]
    listen: Option<String>,
    /// The same as --set server.management=ADDRESS
    #[arg(long, global = true, value_name = "ADDRESS")]
    management: Option<String>,
    // Text, because `showdown` has an --output of its own, and both must be of one type.
    /// How to print data
    #[arg(long, global = true, value_parser = output::NAMES, default_value = "table")]
    output: String,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Everything in one go, for development on this machine
    Dev,
    /// Serve what the configuration says
    Serve(serve::ServeArgs),
    // Described in its file, at length.
    Relay(relay::RelayArgs),
    /// Choose between session, JWT and hybrid, and write cloakroom.toml
    Init(init::InitArgs),
    /// Bring the database up to date
    Migrate(migrate::MigrateArgs),
    /// Copy the database, as it is at one moment, while a server uses it
    Backup(backup::BackupArgs),
    /// Make, import, list, show, disable and enable accounts, and set their roles
    #[command(subcommand)]
    User(user::UserCommand),
    /// Move everything to another database
    #[command(subcommand)]
    Store(store::StoreCommand),
    /// List and end logins
    #[command(subcommand)]
    Session(session::SessionCommand),
    /// End logins: of a user, one, of everyone; kill what a key signed
    #[command(subcommand)]
    Revoke(revoke::RevokeCommand),
    /// Make, list, rotate and retire the keys that credentials are made with
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Make, list and revoke keys for services: to introspect, revoke, follow the feed or administer
    #[command(subcommand)]
    ServiceKey(service_key::ServiceKeyCommand),
    /// Show and prove tokens from stdin
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Measure what a password hash costs here
    #[command(subcommand)]
    Hash(hash::HashCommand),
    /// Check and show the configuration
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Measure sessions, JWTs and the hybrid of both on this machine, and write a report
    Showdown(showdown::ShowdownArgs),
    /// What a showdown compares Cloakroom with
    #[command(subcommand, hide = true)]
    ShowdownPart(showdown::part::Part),
    /// Ask a running server whether it is ready
    Healthcheck,
    /// Print completions for a shell
    Completions(completions::CompletionsArgs),
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// Something went wrong.
    pub fn failed(message: impl ToString) -> Self {
        Self { code: 1, message: message.to_string() }
    }

    /// The same, told with the line of a file that it stopped at.
    fn at_line(self, line: u64) -> Self {
        Self { message: format!("line {line}: {}", self.message), ..self }
    }

    /// The command line itself is wrong.
    pub fn usage(message: impl ToString) -> Self {
        Self { code: 2, message: message.to_string() }
    }

    /// There is no such thing.
    pub fn not_found(message: impl ToString) -> Self {
        Self { code: 3, message: message.to_string() }
    }

    /// It would not be right to do it.
    pub fn refused(message: impl ToString) -> Self {
        Self { code: 4, message: message.to_string() }
    }

    /// Nobody answers.
    pub fn unreachable(message: impl ToString) -> Self {
        Self { code: 5, message: message.to_string() }
    }
}

/// The answer of a command.
pub type Done = Result<(), Failure>;

/// Says something to whoever runs the command; data goes to stdout instead.
#[expect(clippy::print_stderr, reason = "a command line talks on stderr")]
fn talk(message: &str) {
    eprintln!("cloakroom: {message}");
}

/// Runs the command of this command line.
pub fn main() -> ExitCode {
    let Cli { given, command } = Cli::parse();
    let is_server =
        matches!(command, Command::Dev | Command::Serve(_) | Command::Relay(_) | Command::ShowdownPart(_));
    let _log = output::log_to_stderr(is_server);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(run(given, command)),
        Err(error) => Err(Failure::failed(error)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { code, message }) => {
            talk(&message);
            ExitCode::from(code)
        }
    }
}

async fn run(given: Given, command: Command) -> Done {
    let output = Output::named(&given.output);
    let development = given.dev || matches!(command, Command::Dev | Command::ShowdownPart(_));
    let mode = if development { Mode::Development } else { Mode::Production };
    let inputs = given.inputs(mode);
    match command {
        Command::Dev => dev::dev(&inputs).await,
        Command::Serve(args) => serve::serve(&inputs, &args).await,
        Command::Relay(args) => relay::relay(&inputs, args).await,
        Command::Init(args) => init::init(&inputs, args),
        Command::Migrate(args) => migrate::migrate(&inputs, &args, output).await,
        Command::Backup(args) => backup::backup(&inputs, args, output).await,
        Command::User(command) => user::user(&inputs, command, output).await,
        Command::Store(command) => store::store(command, output).await,
        Command::Session(command) => session::session(&inputs, command, output).await,
        Command::Revoke(command) => revoke::revoke(&inputs, command).await,
        Command::Key(command) => key::key(&inputs, &command, output),
        Command::ServiceKey(command) => service_key::service_key(&inputs, command, output).await,
        Command::Token(command) => token::token(&inputs, &command),
        Command::Hash(command) => hash::hash(&inputs, &command, output),
        Command::Config(command) => config::config(&inputs, &command, output),
        Command::Showdown(args) => showdown::showdown(&inputs, args).await,
        Command::ShowdownPart(part) => showdown::part::part(&inputs, part).await,
        Command::Healthcheck => healthcheck::healthcheck(&inputs).await,
        Command::Completions(args) => completions::completions(&args),
    }
}

impl Given {
    fn inputs(self, mode: Mode) -> Inputs {
        let flag = |name: &str, key: &str, value: String| (name.to_owned(), key.to_owned(), value);
        let mut flags: Vec<_> = self.set.into_iter().map(|(key, value)| flag("--set", &key, value)).collect();
        flags.extend(self.public_url.map(|value| flag("--public-url", "public_url", value)));
        flags.extend(self.listen.map(|value| flag("--listen", "server.listen", value)));
        flags.extend(self.management.map(|value| flag("--management", "server.management", value)));
        // A variable whose value is no text cannot be one of ours.
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Inputs { mode, file: self.config, environment, flags }
    }
}

/// A secret as a flag would be seen by every user of the machine: `token.secret`, and a URL with a password in it.
fn setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some(("token.secret", _)) => {
            Err(String::from("a secret is never an argument: use CLOAKROOM__TOKEN__SECRET_FILE"))
        }
        Some((key @ ("store.url" | "store.sessions"), url))
            if url.contains("://") && url.contains(['@', '?']) =>
        {
            let variable = key.replace('.', "__").to_uppercase();
            Err(format!("a password is never an argument: use CLOAKROOM__{variable}_FILE"))
        }
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => Err(String::from("expected KEY=VALUE")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_no_argument() {
        for secret in ["token.secret=x", "store.url=postgres://u:p@host/db", "store.sessions=redis://:p@host"]
        {
            let told = setting(secret).unwrap_err();
            assert!(told.contains("_FILE") && !told.contains("host"), "{told}");
        }
        for plain in ["store.url=sqlite:a@b.db", "store.url=postgres://host/db", "token.lifetime=5m"] {
            assert!(setting(plain).is_ok(), "{plain}");
        }
    }

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
