//! `cloakroom token inspect|verify`: tokens come from stdin, one a line; what was found out goes to stdout.

use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::{Args, Subcommand};
use cloakroom_verify::clock::{Clock, SystemClock};
use cloakroom_verify::jwk::parse::keys_and_secrets;
use cloakroom_verify::jws::{self, Kind};
use cloakroom_verify::jwt::{self, Invalid, Rules};
use cloakroom_verify::keys::KeySet;
use cloakroom_verify::{OpaqueKind, OpaqueToken, Timestamp};
use serde_json::{Value, json};

use super::output::line;
use super::{Done, Failure};
use crate::config::{Config, Inputs};
use crate::key_files;
use crate::view::rfc3339;

/// See the module.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Show what tokens say, without proving them
    Inspect,
    /// Prove tokens: one JSON object a line, exit code 1 unless all are valid
    Verify(VerifyArgs),
}

/// Where the keys come from and what else is judged.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// A JWK Set; it may hold shared secrets. Without it: the keys of the configuration
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
    /// Judge the signature alone, whatever the payload is
    #[arg(long)]
    raw: bool,
    /// The issuer that is expected. Without it: `public_url`
    #[arg(long, value_name = "URL", conflicts_with = "raw")]
    issuer: Option<String>,
    /// The audience that is expected. Without it: the first of `token.audience`
    #[arg(long, value_name = "NAME", conflicts_with = "raw")]
    audience: Option<String>,
}

/// Runs one of them.
pub fn token(inputs: &Inputs, command: &TokenCommand) -> Done {
    match command {
        TokenCommand::Inspect => each_line(|text| Ok(inspect(text))),
        TokenCommand::Verify(args) => {
            let keys = keys(inputs, args.jwks.as_deref())?;
            if args.raw {
                return each_line(|text| raw(text, &keys));
            }
            let (rules, now) = (rules(inputs, args)?, SystemClock.wall());
            each_line(|text| verified(text, &keys, &rules, now))
        }
    }
}

/// Prints what `judge` says of each token. The error of a token is the reason why it is not valid.
fn each_line(judge: impl Fn(&str) -> Result<Value, Invalid>) -> Done {
    let (mut all, mut refused) = (0_u64, 0_u64);
    let mut stdin = std::io::stdin().lock();
    while let Some(text) = next_line(&mut stdin)? {
        all += 1;
        // What is no text is no token.
        let judged = std::str::from_utf8(&text).map_err(|_| Invalid::Form).and_then(&judge);
        let shown = judged.unwrap_or_else(|invalid| {
            refused += 1;
            json!({"valid": false, "reason": invalid.to_string()})
        });
        line(&shown.to_string())?;
    }
    match (all, refused) {
        (0, _) => Err(Failure::usage("no token on stdin: give one a line")),
        (_, 0) => Ok(()),
        _ => Err(Failure::failed(format!("{refused} of {all} not valid"))),
    }
}

/// The next line without its end, of which no more is kept than the longest token is long.
fn next_line(stdin: &mut impl BufRead) -> Result<Option<Vec<u8>>, Failure> {
    let mut text = Vec::new();
    let at_most = jws::READ_AT_MOST as u64 + 2;
    let read = stdin.by_ref().take(at_most).read_until(b'\n', &mut text).map_err(Failure::failed)?;
    if read == 0 {
        return Ok(None);
    }
    if text.last() != Some(&b'\n') {
        // Longer than any token, or the last line: the rest of it goes unread.
        stdin.skip_until(b'\n').map_err(Failure::failed)?;
    } else {
        text.pop();
        if text.last() == Some(&b'\r') {
            text.pop();
        }
    }
    Ok(Some(text))
}

fn keys(inputs: &Inputs, file: Option<&Path>) -> Result<KeySet, Failure> {
    let Some(path) = file else {
        let (config, _) = Config::load(inputs)?;
        return Ok(KeySet::new(key_files::load(&config, inputs.mode, SystemClock.wall())?.verifying));
    };
    let wrong = |why: &dyn std::fmt::Display| Failure::refused(format!("{}: {why}", path.display()));
    let text = zeroize::Zeroizing::new(std::fs::read(path).map_err(|error| wrong(&error))?);
    keys_and_secrets(&text).map(KeySet::new).map_err(|error| wrong(&error))
}

fn rules(inputs: &Inputs, args: &VerifyArgs) -> Result<Rules, Failure> {
    if let (Some(issuer), Some(audience)) = (&args.issuer, &args.audience) {
        return Ok(Rules::new(issuer, audience));
    }
    let (config, _) = Config::load(inputs)?;
    let issuer = args.issuer.clone().unwrap_or_else(|| config.public_url.to_string());
    let audience = args.audience.clone().or_else(|| config.token.audience.first().cloned());
    Ok(Rules::new(issuer, audience.unwrap_or_default()))
}

fn raw(text: &str, keys: &KeySet) -> Result<Value, Invalid> {
    let proved = jws::prove(text, keys, Kind::Any)?;
    let (header, _) = jws::look(text)?;
    let payload = URL_SAFE_NO_PAD.encode(proved.payload);
    Ok(json!({"valid": true, "header": value(&header), "payload_b64u": payload}))
}

fn verified(text: &str, keys: &KeySet, rules: &Rules, now: Timestamp) -> Result<Value, Invalid> {
    jwt::verify(text, keys, rules, now)?;
    let (header, claims) = jws::look(text)?;
    Ok(json!({"valid": true, "header": value(&header), "claims": value(&claims)}))
}

/// What a token says of itself; nothing of it is proved.
fn inspect(text: &str) -> Value {
    if let Some(token) = OpaqueToken::parse(text) {
        let kind = match token.kind {
            OpaqueKind::Session => "session",
            OpaqueKind::Refresh => "refresh",
        };
        return json!({
            "proved": false, "kind": kind, "key_version": token.version, "session": token.session.to_string(),
            "generation": token.generation,
        });
    }
    let Ok((header, claims)) = jws::look(text) else {
        return json!({"proved": false, "kind": "unknown", "bytes": text.len()});
    };
    let (header, claims) = (value(&header), value(&claims));
    let time =
        |name: &str| claims.get(name).and_then(Value::as_i64).map(Timestamp::from_seconds).map(rfc3339);
    json!({
        "proved": false, "kind": "jws", "issued_at": time("iat"), "expires_at": time("exp"),
        "header": header, "claims": claims,
    })
}

/// As JSON, or as text in base64url if it is none.
fn value(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|_| Value::String(URL_SAFE_NO_PAD.encode(bytes)))
}
