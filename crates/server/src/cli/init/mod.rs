//! `cloakroom init`: the deciding questions, a choice with its reason, and a `cloakroom.toml` to go on from.
//!
//! * [`answers`]: what is asked, and what the presets answer; [`choice`]: what follows from it (a pure function)
//! * `write`: the file

pub mod answers;
pub mod choice;
mod write;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use clap::Args;

use self::answers::{Given, Preset};
use self::choice::Choice;
use super::{Done, Failure, output, talk};
use crate::config::{Inputs, PublicUrl};

/// See the module.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Begin with the answers of a preset: only what a flag says otherwise differs
    #[arg(long, value_enum)]
    preset: Option<Preset>,
    /// Ask nothing: what neither a flag nor a preset answers is as in `saas`
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    given: Given,
    /// Replace the file if there is one
    #[arg(long)]
    force: bool,
}

/// Asks what was not answered yet, says what follows, and writes the file that `--config` names.
pub fn init(inputs: &Inputs, args: InitArgs) -> Done {
    let path = inputs.file.clone().unwrap_or_else(|| PathBuf::from("cloakroom.toml"));
    if path.exists() && !args.force {
        return Err(Failure::refused(format!("{} is there already: --force replaces it", path.display())));
    }
    let mut public_url = public_url(inputs)?;
    let known = args.preset.map(Preset::answers);
    let answers = if args.yes {
        args.given.or(known.unwrap_or(Preset::Saas.answers()))
    } else {
        let mut stdin = std::io::stdin().lock();
        let mut ask = answers::Ask { from: &mut stdin, to: &mut std::io::stderr() };
        let answers = args.given.or_ask(known, &mut ask)?;
        if public_url.is_none() {
            public_url = ask.public_url()?;
        }
        answers
    };
    let choice = Choice::of(&answers);
    save(&path, &write::toml(&answers, &choice, public_url.as_ref()), args.force)?;
    output::line(&path.display().to_string())?;
    explain(&choice, public_url.is_some())
}

/// Of a flag or the environment, checked before it is written.
fn public_url(inputs: &Inputs) -> Result<Option<PublicUrl>, Failure> {
    let of_flag = inputs.flags.iter().rev().find(|(_, key, _)| key == "public_url").map(|(.., url)| url);
    let of_environment =
        inputs.environment.iter().find(|(name, _)| name == "CLOAKROOM__PUBLIC_URL").map(|(_, url)| url);
    of_flag.or(of_environment).map(|url| checked(url)).transpose().map_err(Failure::usage)
}

/// A URL that `serve` will start with.
fn checked(text: &str) -> Result<PublicUrl, String> {
    let url: PublicUrl = text.parse().map_err(|error| format!("public_url: {error}"))?;
    let origin = url.origin();
    if origin.is_http() && !origin.is_loopback() {
        return Err(String::from("public_url is plain http: tokens would travel in the clear"));
    }
    Ok(url)
}

fn save(path: &std::path::Path, text: &str, force: bool) -> Done {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).truncate(true);
    if force {
        options.create(true)
    } else {
        options.create_new(true)
    };
    let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| Failure::failed(format!("{}: {error}", path.display())))
}

fn explain(choice: &Choice, has_public_url: bool) -> Done {
    talk(&choice.reason());
    if !std::io::stderr().is_terminal() {
        return Ok(());
    }
    if !has_public_url {
        talk("set public_url in it: where the world finds this server");
    }
    talk(
        "then: cloakroom key generate, cloakroom migrate, cloakroom user create EMAIL --role admin --password-stdin, cloakroom serve",
    );
    Ok(())
}
