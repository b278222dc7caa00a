//! `cloakroom user import FILE`: accounts of another system, one JSON object a line.
//!
//! * `line`: reads the lines, each on its own; `account`: what a line says; `report`: what came of them
//!
//! A line is taken over whole or refused with a reason. It may be run again: what is in is refused as taken.

mod account;
mod line;
mod report;

use std::collections::HashMap;
use std::path::Path;

use aws_lc_rs::digest;
use clap::Args;
use cloakroom_auth::user::NewUser;
use cloakroom_auth::verbs::import::Import;
use futures_util::future::join_all;

use super::context::Context;
use super::output::Output;
use super::{Done, Failure};
use line::{Line, Lines};
use report::{Refused, Report};

/// Accounts that are added at once: a store writes those that come together in one transaction.
const BATCH: usize = 64;

/// See the module.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// One JSON object a line: email, and if known name, roles, password_hash or hmac_sha256, id, created_at, status;
    /// `-` reads stdin
    file: std::path::PathBuf,
    /// Judge every line and add nothing
    #[arg(long)]
    dry_run: bool,
}

/// Takes over what can be, beside a running server if there is one, and tells what was refused.
pub async fn import(context: &Context, args: &ImportArgs, output: Output) -> Done {
    let mut lines = Lines::of(open(&args.file)?);
    let mut report = Report::begin(output, args.dry_run)?;
    let mut seen = Seen::default();
    let done = loop {
        let batch = match lines.take(BATCH) {
            Ok(batch) if batch.is_empty() => break Ok(()),
            Ok(batch) => batch,
            Err(error) => break Err(Failure::failed(format!("{}: {error}", args.file.display()))),
        };
        let judged: Vec<_> = batch.into_iter().map(|line| seen.judge(line, context)).collect();
        let imports = judged.iter().map(|judged| one(context, judged, args.dry_run));
        let mut broken = None;
        for (outcome, judged) in join_all(imports).await.into_iter().zip(&judged) {
            match outcome {
                Ok(Ok(())) => report.imported(&judged.account, &context.auth.passwords),
                Ok(Err(refused)) => report.refused(&refused)?,
                Err(error) => broken = broken.or(Some(Failure::from(error).at_line(judged.line))),
            }
        }
        report.tell_progress();
        if let Some(failure) = broken {
            break Err(failure);
        }
    };
    if !args.dry_run {
        context.auth.store.settle().await;
    }
    report.end(done)
}

fn open(file: &Path) -> Result<Box<dyn std::io::Read>, Failure> {
    if file == Path::new("-") {
        return Ok(Box::new(std::io::stdin()));
    }
    let open =
        std::fs::File::open(file).map_err(|error| Failure::failed(format!("{}: {error}", file.display())))?;
    Ok(Box::new(open))
}

/// A line that was read and judged by itself.
struct Judged {
    line: u64,
    account: Result<NewUser, Refused>,
}

async fn one(
    context: &Context,
    judged: &Judged,
    dry_run: bool,
) -> cloakroom_auth::Result<Result<(), Refused>> {
    let account = match &judged.account {
        Ok(account) => account.clone(),
        Err(refused) => return Ok(Err(refused.clone())),
    };
    let email = account.email.typed.clone();
    let reason = match context.auth.import_user(account, dry_run).await? {
        Import::Done => return Ok(Ok(())),
        Import::EmailTaken => "email: there is an account with this email",
        Import::IdTaken => "id: there is an account with this id",
        Import::TokenTooLarge => "roles: an access token with them would be larger than 4 KiB",
    };
    Ok(Err(Refused { line: judged.line, email: Some(email), reason: reason.to_owned() }))
}

/// The emails and ids so far, each as half a digest: some 50 bytes an account, whatever its length.
#[derive(Default)]
struct Seen(HashMap<[u8; 16], u64>);

impl Seen {
    fn judge(&mut self, Line { number, text }: Line, context: &Context) -> Judged {
        let mut account = text
            .map_err(|reason| (None, reason.to_owned()))
            .and_then(|text| account::read(&text, context.now));
        if let Ok((new, named)) = &account {
            let twice = self
                .twice("email", new.email.key.as_str().as_bytes(), number)
                .or_else(|| named.then(|| self.twice("id", new.id.as_bytes(), number)).flatten());
            if let Some(reason) = twice {
                account = Err((Some(new.email.typed.clone()), reason));
            }
        }
        let account =
            account.map(|(new, _)| new).map_err(|(email, reason)| Refused { line: number, email, reason });
        Judged { line: number, account }
    }

    fn twice(&mut self, what: &str, value: &[u8], line: u64) -> Option<String> {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(what.as_bytes());
        context.update(value);
        let mut half = [0; 16];
        half.copy_from_slice(&context.finish().as_ref()[..16]);
        let first = *self.0.entry(half).or_insert(line);
        (first != line).then(|| format!("{what}: line {first} has it already"))
    }
}
